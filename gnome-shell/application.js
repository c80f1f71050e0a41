// SPDX-License-Identifier: LGPL-2.1-or-later
// The application org.bothy.Bothy: it opens terminals, folders and windows, so that the shell starts no program itself.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

const NAME = 'org.bothy.Bothy';
const PATH = '/org/bothy/Bothy';

/** Whether the application can be asked for something, and how. */
export class Application {
    /**
     * @param {Gio.DBusConnection} bus - the session bus
     * @param {Function} changed - called when `available` did
     */
    constructor(bus, changed) {
        this._bus = bus;
        this._changed = changed;
        this._cancellable = new Gio.Cancellable();
        this.available = false;
    }

    /** Looks whether the application can be started: it may have been installed since. */
    async find() {
        const cancellable = this._cancellable;
        try {
            const reply = await this._call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                'ListActivatableNames', null);
            const available = reply.get_child_value(0).deepUnpack().includes(NAME);
            if (cancellable.is_cancelled() || available === this.available)
                return;
            this.available = available;
            this._changed();
        } catch (error) {
            if (!cancellable.is_cancelled())
                logError(error);
        }
    }

    /**
     * Asks the application for one of its actions.
     *
     * @param {string} action - shell, files, log, details, new, list or doctor
     * @param {string?} path - the container's object; null where the action takes none
     * @param {string} token - which lets its window come to the front
     */
    async activate(action, path, token) {
        const parameters = path === null ? [] : [GLib.Variant.new_string(path)];
        const platform = {
            'desktop-startup-id': GLib.Variant.new_string(token),
            'activation-token': GLib.Variant.new_string(token),
        };
        await this._call(NAME, PATH, 'org.freedesktop.Application', 'ActivateAction',
            new GLib.Variant('(sava{sv})', [action, parameters, platform]));
    }

    /** Ends what is under way. */
    destroy() {
        this._cancellable.cancel();
        this._changed = null;
    }

    _call(name, path, iface, method, parameters) {
        return new Promise((resolve, reject) => {
            this._bus.call(name, path, iface, method, parameters, null, Gio.DBusCallFlags.NONE, GLib.MAXINT32,
                this._cancellable, (bus, result) => {
                    try {
                        resolve(bus.call_finish(result));
                    } catch (error) {
                        reject(error);
                    }
                });
        });
    }
}
