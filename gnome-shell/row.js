// SPDX-License-Identifier: LGPL-2.1-or-later
// One container in the menu.

import Clutter from 'gi://Clutter';
import GObject from 'gi://GObject';
import Pango from 'gi://Pango';
import St from 'gi://St';

import * as PopupMenu from 'resource:///org/gnome/shell/ui/popupMenu.js';

import {Section} from './compat.js';
import * as Words from './words.js';

const {_} = Words;

const COLUMNS = 2;
const DIMMED = 180;

const ICONS = {
    running: 'media-record-symbolic',
    frozen: 'media-playback-pause-symbolic',
    failed: 'dialog-warning-symbolic',
    stopped: 'radio-symbolic',
};

function button(icon, clicked) {
    const made = new St.Button({
        style_class: 'icon-button flat bothy-button',
        icon_name: icon,
        can_focus: true,
        y_align: Clutter.ActorAlign.CENTER,
    });
    made.connect('clicked', clicked);
    return made;
}

const RowItem = GObject.registerClass(
class BothyRowItem extends PopupMenu.PopupBaseMenuItem {
    _init(activated, turned) {
        super._init({style_class: 'bothy-row'});
        this._activated = activated;
        this._turned = turned;
    }

    /* Without the signal, which would close the menu: a container that is started is worth watching. */
    activate() {
        this._activated();
    }

    vfunc_key_press_event(event) {
        const forth = this.text_direction === Clutter.TextDirection.RTL ? Clutter.KEY_Left : Clutter.KEY_Right;
        const back = forth === Clutter.KEY_Right ? Clutter.KEY_Left : Clutter.KEY_Right;

        switch (event.get_key_symbol()) {
        case forth:
            this._turned(true);
            return Clutter.EVENT_STOP;
        case back:
            this._turned(false);
            return Clutter.EVENT_STOP;
        default:
            return super.vfunc_key_press_event(event);
        }
    }
});

/** A container's line, its buttons, and the actions that open below it. */
export class Row extends Section {
    /**
     * @param {string} path - of the container's object
     * @param {object} menu - act(path, method), open(path, action), copy(path), reveal(actor), turned(row),
     *   application: whether open() leads anywhere
     */
    constructor(path, menu) {
        super();
        this.path = path;
        this.problem = null;
        this._menu = menu;
        this._container = null;
        this._shown = null;
        this._keys = [];

        this.item = new RowItem(() => this._activate(), open => this.turn(open, true));
        this.item.connect('key-focus-in', () => menu.reveal(this.actor));
        this._icon = new St.Icon({style_class: 'popup-menu-icon'});
        this._name = new St.Label({style_class: 'bothy-name'});
        this._detail = new St.Label({style_class: 'bothy-detail', opacity: DIMMED});
        this._name.clutter_text.ellipsize = Pango.EllipsizeMode.END;
        const labels = new St.BoxLayout({
            orientation: Clutter.Orientation.VERTICAL,
            x_expand: true,
            y_align: Clutter.ActorAlign.CENTER,
        });
        labels.add_child(this._name);
        labels.add_child(this._detail);
        this._main = button('', () => this._press());
        this._more = button('view-more-symbolic', () => this.turn(!this.isTurned(), true));
        for (const actor of [this._icon, labels, this._main, this._more])
            this.item.add_child(actor);
        this.addMenuItem(this.item);
        this._makeActions();
    }

    _makeActions() {
        this._layout = new Clutter.GridLayout({column_homogeneous: true, column_spacing: 6, row_spacing: 6});
        // Keys come to reactive actors only; and from here no further than the menu, so the walk has to be asked for.
        this._box = new St.Widget({
            style_class: 'bothy-actions',
            layout_manager: this._layout,
            reactive: true,
            visible: false,
        });
        this._box.connect('key-press-event', (_box, event) => this._onKey(event));
        this._layout.hookup_style(this._box);
        this.box.add_child(this._box);
    }

    /** @param {object} container - as client.js has it */
    update(container) {
        const {name, state} = container;

        if (this._container && this._state !== state)
            this.problem = null;
        this._container = container;
        this._state = state;
        // Every row is looked at whenever anything changes: of one that stays as it is no actor is touched.
        const detail = this.problem ?? Words.detail(container);
        const shown = JSON.stringify([name, state, detail, this.problem, Words.address(container), this._menu.application]);
        if (shown !== this._shown)
            this._show(container, detail);
        this._shown = shown;
    }

    _show(container, detail) {
        const {name, state} = container;
        const changing = Words.isChanging(state);

        this._name.text = name;
        this._detail.text = detail;
        this._icon.icon_name = changing ? 'content-loading-symbolic' : ICONS[state] ?? '';
        this._icon.style_class = `popup-menu-icon bothy-${this.problem ? 'failed' : state}`;
        // Why something went wrong is worth a second line.
        const whole = this.problem !== null || state === 'failed';
        this._detail.clutter_text.line_wrap = whole;
        this._detail.clutter_text.ellipsize = whole ? Pango.EllipsizeMode.NONE : Pango.EllipsizeMode.END;
        this.item.accessible_name = Words.spoken(container, detail);
        this._main.visible = !changing;
        this._main.icon_name = state === 'running' ? 'media-playback-stop-symbolic' : 'media-playback-start-symbolic';
        // Translators: %s in these is a container's name.
        this._main.accessible_name = this._mainName(state).format(name);
        this._more.accessible_name = _('Actions for %s').format(name);
        this._syncActions(changing ? [] : this._offered(container));
    }

    _mainName(state) {
        if (state === 'running')
            return _('Stop %s');
        return state === 'frozen' ? _('Thaw %s') : _('Start %s');
    }

    /** Whether its actions are open. */
    isTurned() {
        return this._box.visible;
    }

    /**
     * Opens or closes its actions.
     *
     * @param {boolean} open - which
     * @param {boolean} focus - whether the keyboard goes along
     */
    turn(open, focus) {
        const buttons = this._box.get_children();

        open = open && buttons.length > 0;
        if (open === this.isTurned())
            return;
        this._box.visible = open;
        if (focus)
            (open ? buttons[0] : this.item).grab_key_focus();
        if (open)
            this._menu.turned(this);
        this._menu.reveal(open ? this._box : this.actor);
    }

    _offered(container) {
        const {state} = container;
        const running = state === 'running';
        const inside = running || state === 'frozen';

        return [
            [running && this._menu.application, 'shell', _('Open Shell'), () => this._open('shell')],
            [this._menu.application, 'files', _('Files'), () => this._open('files')],
            [Words.address(container), 'copy', _('Copy Address'), () => this._copy()],
            [inside, 'restart', _('Restart'), () => this._act('Restart')],
            [running, 'freeze', _('Freeze'), () => this._act('Freeze')],
            [state === 'frozen', 'stop', _('Stop'), () => this._act('Stop')],
            [this._menu.application, 'log', _('Show Log'), () => this._open('log')],
            [this._menu.application, 'details', _('Details'), () => this._open('details')],
        ].filter(([offered]) => offered);
    }

    /* Only when other ones are offered than before: the keyboard may be in them. */
    _syncActions(offered) {
        if (offered.map(([, key]) => key).join() !== this._keys.join())
            this._fillActions(offered);
        this._more.visible = offered.length > 0;
    }

    _fillActions(offered) {
        const focused = this._box.get_children().indexOf(global.stage.key_focus);
        const key = this._keys[focused];

        this._box.destroy_all_children();
        this._keys = offered.map(([, each]) => each);
        const rtl = this._box.text_direction === Clutter.TextDirection.RTL;
        offered.forEach(([, , label, clicked], i) => {
            const made = this._makeAction(label, clicked);
            // The layout does not turn itself around.
            const column = rtl ? COLUMNS - 1 - i % COLUMNS : i % COLUMNS;
            this._layout.attach(made, column, Math.floor(i / COLUMNS), 1, 1);
        });
        this._box.visible &&= offered.length > 0;
        // The keyboard stays where it was, as far as that is there.
        if (focused >= 0)
            (this._box.get_children()[Math.max(this._keys.indexOf(key), 0)] ?? this.item).grab_key_focus();
    }

    _makeAction(label, clicked) {
        const made = new St.Button({
            style_class: 'button bothy-action',
            label,
            can_focus: true,
            x_expand: true,
            // Translators: the first %s is what is to be done, such as "Restart", the second a container's name.
            accessible_name: _('%s: %s').format(label, this._container.name),
        });
        made.connect('clicked', clicked);
        made.connect('key-focus-in', () => this._menu.reveal(made));
        return made;
    }

    _onKey(event) {
        const rtl = this._box.text_direction === Clutter.TextDirection.RTL;
        const index = this._box.get_children().indexOf(global.stage.key_focus);

        if (event.get_key_symbol() !== (rtl ? Clutter.KEY_Right : Clutter.KEY_Left) || index % COLUMNS)
            return global.focus_manager.navigate_from_event(event);
        this.turn(false, true);
        return Clutter.EVENT_STOP;
    }

    _activate() {
        const running = this._state === 'running';

        if (running && this._menu.application)
            this._open('shell');
        else if (running)
            this.turn(!this.isTurned(), true);
        else
            this._press();
    }

    _press() {
        const methods = {running: 'Stop', frozen: 'Thaw', stopped: 'Start', failed: 'Start'};

        if (this._state in methods)
            this._act(methods[this._state]);
    }

    _act(method) {
        this.turn(false, true);
        this.problem = null;
        this._menu.act(this.path, method);
    }

    _open(action) {
        this._menu.open(this.path, action);
    }

    _copy() {
        this.turn(false, true);
        this._menu.copy(this.path);
    }

    destroy() {
        this._menu = null;
        this._container = null;
        super.destroy();
    }
}
