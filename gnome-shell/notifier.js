// SPDX-License-Identifier: LGPL-2.1-or-later
// What is said without having been asked for, and when.

import GLib from 'gi://GLib';

import * as Main from 'resource:///org/gnome/shell/ui/main.js';
import * as MessageTray from 'resource:///org/gnome/shell/ui/messageTray.js';

import * as Words from './words.js';

const {_} = Words;

// What happens again and again is told once in so long.
const PAUSE = 10 * GLib.TIME_SPAN_MINUTE;
// Containers that a boot or a login starts come one after the other: one sentence is for all.
const GATHER_SECONDS = 3;

/** Says that a container failed, ran out of memory, or was started by itself. */
export class Notifier {
    /**
     * @param {Gio.Settings} settings - what the user wants to hear
     * @param {Gio.Icon} icon - of the source
     * @param {object} menu - as of Row: act(), open(), application
     */
    constructor(settings, icon, menu) {
        this._settings = settings;
        this._icon = icon;
        this._menu = menu;
        this._source = null;
        // Notifications that are shown, by the container's path; and when one of a kind was told of last.
        this._failures = new Map();
        this._memory = new Map();
        this._told = new Map();
        this._started = [];
        this._gathering = 0;
    }

    /**
     * A container's state is another one.
     *
     * @param {object} container - as client.js has it
     * @param {boolean} seen - whether the user is looking at the menu
     */
    onState(container, seen) {
        const {path, state, reason} = container;

        // One that is started anew by itself has failed all the same, and may at once do so again: that is no news.
        if (reason !== 'restart' && state !== 'failed') {
            this._withdraw(this._failures, path);
            this._told.delete(`failure ${path}`);
        }
        // That it goes on is not true any more.
        if (!Words.isRunning(container))
            this._withdraw(this._memory, path);
        // Who asked for a start that did not work was told by whatever he asked with.
        if (state === 'failed' && reason !== 'asked' && !seen && this._settings.get_boolean('notify-failures') &&
            this._isNews('failure', path))
            this._tellFailure(container, Words.failure(container));
        const byItself = reason === 'autostart' || reason === 'restart';
        if (state === 'running' && byItself && this._settings.get_boolean('notify-started'))
            this._gather(container.name);
    }

    /**
     * The kernel killed in a container for want of memory, and it goes on.
     *
     * @param {object} container - as client.js has it
     */
    onMemory(container) {
        if (!this._settings.get_boolean('notify-memory') || !this._isNews('memory', container.path))
            return;
        // Translators: %s is a container's name.
        const notification = this._make(_('%s used all its memory').format(container.name),
            _('One of its programs was ended. The container goes on.'), MessageTray.Urgency.NORMAL);
        this._offer(notification, container.path, 'details', null);
        this._keep(this._memory, container.path, notification);
    }

    /**
     * What was said of containers that are gone is taken back.
     *
     * @param {Map} containers - all that there are, by path
     */
    onContainers(containers) {
        for (const shown of [this._failures, this._memory]) {
            for (const path of [...shown.keys()]) {
                if (!containers.has(path))
                    this._withdraw(shown, path);
            }
        }
        for (const key of this._told.keys()) {
            if (!containers.has(key.split(' ')[1]))
                this._told.delete(key);
        }
    }

    _isNews(kind, path) {
        const key = `${kind} ${path}`;
        const now = GLib.get_monotonic_time();
        const last = this._told.get(key);

        if (last !== undefined && now - last < PAUSE)
            return false;
        this._told.set(key, now);
        return true;
    }

    _keep(shown, path, notification) {
        shown.set(path, notification);
        notification.connect('destroy', () => shown.delete(path));
        this._source.addNotification(notification);
    }

    _withdraw(shown, path) {
        shown.get(path)?.destroy(MessageTray.NotificationDestroyedReason.EXPIRED);
    }

    _tellFailure(container, why) {
        const {path, name} = container;
        // Translators: %s is a container's name.
        const notification = this._make(_('%s has failed').format(name), why, MessageTray.Urgency.HIGH);

        notification.addAction(_('Start Again'), () => this._startAgain({path, name}));
        this._offer(notification, path, 'log', _('Show Log'));
        this._keep(this._failures, path, notification);
    }

    /* There may be no row, in which the reason would be read. */
    async _startAgain(container) {
        const problem = await this._menu.act(container.path, 'Start');

        if (problem && this._menu)
            this._tellFailure(container, problem);
    }

    /* Where the application is there, a click opens ACTION of it, and so does a button, if it has a label. */
    _offer(notification, path, action, label) {
        if (!this._menu.application)
            return;
        notification.connect('activated', () => this._menu.open(path, action));
        if (label)
            notification.addAction(label, () => this._menu.open(path, action));
    }

    _gather(name) {
        this._started.push(name);
        if (this._gathering)
            return;
        this._gathering = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, GATHER_SECONDS, () => {
            this._gathering = 0;
            const names = this._started.splice(0).join(', ');
            this._make(_('Containers were started'), names, MessageTray.Urgency.LOW, true);
            return GLib.SOURCE_REMOVE;
        });
    }

    _make(title, body, urgency, show = false) {
        if (!this._source) {
            this._source = new MessageTray.Source({title: _('Containers'), icon: this._icon});
            this._source.connect('destroy', () => (this._source = null));
            Main.messageTray.add(this._source);
        }
        const notification = new MessageTray.Notification({
            source: this._source,
            title,
            body,
            urgency,
            privacyScope: MessageTray.PrivacyScope.USER,
        });
        if (show)
            this._source.addNotification(notification);
        return notification;
    }

    /** Takes everything back that is still shown. */
    destroy() {
        if (this._gathering)
            GLib.source_remove(this._gathering);
        this._gathering = 0;
        this._source?.destroy();
        this._source = null;
        this._failures.clear();
        this._memory.clear();
        this._settings = null;
        this._menu = null;
    }
}
