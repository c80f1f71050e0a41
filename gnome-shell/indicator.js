// SPDX-License-Identifier: LGPL-2.1-or-later
// The toggle in the system menu and what opens from it.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import St from 'gi://St';

import {ensureActorVisibleInScrollView} from 'resource:///org/gnome/shell/misc/animationUtils.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';
import * as PopupMenu from 'resource:///org/gnome/shell/ui/popupMenu.js';
import * as QuickSettings from 'resource:///org/gnome/shell/ui/quickSettings.js';

import {Application} from './application.js';
import {Client, Presence, describeError} from './client.js';
import {Section, nameMenuButton} from './compat.js';
import {Notifier} from './notifier.js';
import {Operations} from './operations.js';
import {Permission} from './permission.js';
import {Row} from './row.js';
import * as Words from './words.js';

const {_} = Words;

// A row takes half a millisecond to make: so many at once are not seen.
const ROWS_AT_ONCE = 10;
const STATS_SECONDS = 2;

const ORDER = {failed: 0, stopped: 2};

function before(a, b) {
    return (ORDER[a.state] ?? 1) - (ORDER[b.state] ?? 1) || a.name.localeCompare(b.name, undefined, {numeric: true});
}

/** The rows, of which about six are seen at once; the rest scrolls. */
class ScrollSection extends Section {
    constructor() {
        super();
        this.actor = new St.ScrollView({
            style_class: 'bothy-scroll',
            hscrollbar_policy: St.PolicyType.NEVER,
            overlay_scrollbars: true,
            child: this.box,
        });
        this.actor._delegate = this;
    }
}

/** Everything that is shown, and what it is shown from. */
export class Indicator {
    /** @param {object} extension - for its settings and its folder */
    constructor(extension) {
        this._rows = new Map();
        this._building = 0;
        this._ticking = 0;
        this._built = false;
        this._icon = new Gio.ThemedIcon({name: 'org.bothy.Bothy-symbolic'});
        this._makeToggle();

        this._application = new Application(Gio.DBus.session, () => this._sync());
        this._permission = new Permission(Gio.DBus.system, 'org.bothy.Bothy1.create-container', () => this._sync());
        this._notifier = new Notifier(extension.getSettings(), this._icon, this);
        this._client = new Client(Gio.DBus.system, {
            changed: () => this._sync(),
            event: (what, container) => this._onEvent(what, container),
        });
        this._client.start();
        this._application.find();
        this._sync();
    }

    _makeToggle() {
        this._toggle = new QuickSettings.QuickMenuToggle({
            title: _('Containers'),
            gicon: this._icon,
            visible: false,
        });
        nameMenuButton(this._toggle, _('Show containers'));
        this._toggle.connect('clicked', () => this._toggle.menu.open());
        this._toggle.menu.connect('open-state-changed', (_menu, open) => (open ? this._onOpened() : this._onClosed()));
        this._fillMenu(this._toggle.menu);
        this._indicator = new QuickSettings.SystemIndicator();
        this._indicator.quickSettingsItems.push(this._toggle);
        Main.panel.statusArea.quickSettings.addExternalIndicator(this._indicator);
    }

    _fillMenu(menu) {
        this._operations = new Operations(path => this._cancel(path));
        this._section = new ScrollSection();
        this._note = new PopupMenu.PopupMenuItem('', {reactive: false, can_focus: false});
        this._note.label.clutter_text.line_wrap = true;
        menu.addMenuItem(this._operations);
        menu.addMenuItem(this._note);
        menu.addMenuItem(this._section);
        this._separator = new PopupMenu.PopupSeparatorMenuItem();
        menu.addMenuItem(this._separator);
        this._create = menu.addAction(_('New Container…'), () => this.open(null, 'new'));
        this._lock = new St.Icon({style_class: 'popup-menu-icon', icon_name: 'changes-prevent-symbolic'});
        this._create.add_child(this._lock);
        this._list = menu.addAction(_('All Containers…'), () => this.open(null, 'list'));
        this._check = menu.addAction(_('Check This Computer…'), () => this.open(null, 'doctor'));
    }

    // ---- what rows and notifications want ----

    /** Whether open() leads anywhere. */
    get application() {
        return this._application?.available ?? false;
    }

    /**
     * Calls a method of a container; what goes wrong is said in its row.
     *
     * @param {string} path - the container's object
     * @param {string} method - Start, Stop, Restart, Freeze or Thaw
     * @returns {string?} what went wrong, in a sentence
     */
    async act(path, method) {
        const takesOptions = !['Freeze', 'Thaw'].includes(method);
        try {
            await this._client.act(path, method, takesOptions ? new GLib.Variant('(a{sv})', [{}]) : null);
        } catch (error) {
            const {name, ...described} = describeError(error);
            const row = this._rows?.get(path);
            // Who takes back what he asked for knows it.
            if (name === 'NotAuthorizedDismissed')
                return null;
            const problem = Words.sentence({name, ...described});
            if (row) {
                row.problem = problem;
                this._sync();
            }
            return problem;
        }
        return null;
    }

    /**
     * Has the application show something; the menu is in its way.
     *
     * @param {string?} path - a container's object; null where the action takes none
     * @param {string} action - of the application
     */
    open(path, action) {
        const token = global.create_app_launch_context(0, -1).get_startup_notify_id(null, []) ?? '';

        Main.panel.closeQuickSettings();
        this._application.activate(action, path, token).catch(error => {
            if (!error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
                Main.notifyError(_('Bothy can not be opened'), describeError(error).text);
        });
    }

    /** @param {string} path - of the container whose address goes into the clipboard */
    copy(path) {
        const address = Words.address(this._client.containers.get(path) ?? {addresses: []});

        if (address)
            St.Clipboard.get_default().set_text(St.ClipboardType.CLIPBOARD, address);
    }

    /** @param {object} actor - in the list, to be scrolled to */
    reveal(actor) {
        if (actor.mapped && this._section.actor.contains(actor))
            ensureActorVisibleInScrollView(this._section.actor, actor);
    }

    /** @param {object} turned - the row whose actions were opened; there is one such at a time */
    turned(turned) {
        for (const row of this._rows.values()) {
            if (row !== turned)
                row.turn(false, false);
        }
    }

    async _cancel(path) {
        try {
            await this._client.cancelOperation(path);
        } catch {
            // It ended by itself meanwhile.
        }
    }

    // ---- what happens ----

    _onEvent(what, container) {
        if (what === 'memory')
            this._notifier.onMemory(container);
        else
            this._notifier.onState(container, this._toggle.menu.isOpen);
    }

    _onOpened() {
        this._built = true;
        this._sort();
        this._sync();
        this._client.wake().catch(logError);
        this._application.find();
        this._tick();
        this._ticking = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, STATS_SECONDS, () => {
            this._tick();
            return GLib.SOURCE_CONTINUE;
        });
    }

    _onClosed() {
        if (this._ticking)
            GLib.source_remove(this._ticking);
        this._ticking = 0;
        this.turned(null);
        // What went wrong was read.
        for (const row of this._rows.values())
            row.problem = null;
    }

    _tick() {
        if (this._asking)
            return;
        this._asking = true;
        this._client.refreshStats().catch(logError).finally(() => (this._asking = false));
    }

    // ---- what is shown ----

    _containers() {
        return [...this._client.containers.values()];
    }

    /* The one place that makes what is shown what it should be. */
    _sync() {
        const {presence} = this._client;
        const containers = this._containers();
        const operations = [...this._client.operations.values()].filter(({phase}) => phase !== 'done');

        this._notifier.onContainers(this._client.containers);
        this._toggle.visible = presence !== Presence.ABSENT;
        this._toggle.checked = containers.some(Words.isRunning);
        this._toggle.subtitle = this._subtitle(containers, operations);
        this._toggle.menu.setHeader(this._icon, _('Containers'), Words.total(containers));
        if (!this._built)
            return;
        this._operations.update(operations);
        this._syncNote(containers);
        this._syncRows(containers);
        this._syncFooter(presence);
    }

    _subtitle(containers, operations) {
        const busy = operations.find(({phase}) => phase !== 'failed');

        if (this._client.presence === Presence.BROKEN)
            return _('Not available');
        if (busy)
            return [Words.progress(busy), Words.operation(busy)].filter(text => text).join(' · ');
        return Words.summary(containers);
    }

    _syncNote(containers) {
        const {presence, problem} = this._client;

        if (presence === Presence.BROKEN)
            this._note.label.text = Words.sentence(problem);
        else if (!containers.length && presence === Presence.AWAKE)
            this._note.label.text = _('No containers yet');
        else
            this._note.label.text = '';
        this._note.visible = this._note.label.text !== '';
    }

    _syncFooter(presence) {
        const {refused, asks} = this._permission;
        const broken = presence === Presence.BROKEN;

        this._create.visible = this.application && !broken;
        this._create.sensitive = !refused;
        // Translators: behind the dash is why it can not be chosen.
        this._create.label.text = refused ? _('New Container — an administrator does not allow it') : _('New Container…');
        this._lock.visible = asks;
        this._list.visible = this.application && !broken;
        this._check.visible = this.application && broken;
        this._separator.visible = this.application;
    }

    _syncRows(containers) {
        const {containers: known} = this._client;

        for (const [path, row] of this._rows) {
            if (!known.has(path)) {
                row.destroy();
                this._rows.delete(path);
            }
        }
        for (const [path, row] of this._rows)
            row.update(known.get(path));
        const missing = containers.filter(({path}) => !this._rows.has(path)).sort(before);
        this._build(missing.splice(0, ROWS_AT_ONCE));
        if (missing.length && !this._building) {
            this._building = GLib.idle_add(GLib.PRIORITY_DEFAULT_IDLE, () => {
                this._building = 0;
                this._syncRows(this._containers());
                return GLib.SOURCE_REMOVE;
            });
        }
        this._section.actor.visible = this._rows.size > 0;
    }

    _build(containers) {
        for (const container of containers) {
            const row = new Row(container.path, this);
            row.update(container);
            this._rows.set(container.path, row);
            this._section.addMenuItem(row);
        }
    }

    /* Only when the menu opens: nothing moves below a pointer. */
    _sort() {
        const sorted = this._containers().filter(({path}) => this._rows.has(path)).sort(before);

        sorted.forEach(({path}, i) => this._section.box.set_child_at_index(this._rows.get(path).actor, i));
    }

    /** Takes everything away again. */
    destroy() {
        // While there is still what its closing touches.
        this._toggle.menu.close();
        this._client.stop();
        this._application.destroy();
        this._permission.destroy();
        this._notifier.destroy();
        for (const source of ['_building', '_ticking']) {
            if (this[source])
                GLib.source_remove(this[source]);
            this[source] = 0;
        }
        this._rows = null;
        // The menu first: after its toggle it would stay, with all rows.
        this._toggle.menu.destroy();
        this._toggle.destroy();
        this._indicator.destroy();
        for (const name of ['_toggle', '_indicator', '_operations', '_section', '_note', '_separator', '_create', '_lock',
            '_list', '_check', '_client', '_application', '_permission', '_notifier'])
            this[name] = null;
    }
}
