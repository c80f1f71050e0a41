// SPDX-License-Identifier: LGPL-2.1-or-later
// What polkit would say, asked before something is offered. It never opens a dialog.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

const NAME = 'org.freedesktop.PolicyKit1';
const PATH = '/org/freedesktop/PolicyKit1/Authority';
const AUTHORITY = 'org.freedesktop.PolicyKit1.Authority';

/** One action of polkit's, for this user. PolkitPermission would call refused what takes a password each time. */
export class Permission {
    /**
     * @param {Gio.DBusConnection} bus - the system bus
     * @param {string} action - of polkit's
     * @param {Function} changed - called when the answer is there, and when it is another
     */
    constructor(bus, action, changed) {
        this._bus = bus;
        this._action = action;
        this._changed = changed;
        this._cancellable = new Gio.Cancellable();
        /** Whether it is refused, and no password helps. Not known counts as no. */
        this.refused = false;
        /** Whether it takes a password. */
        this.asks = false;
        this._subscription = bus.signal_subscribe(NAME, AUTHORITY, 'Changed', PATH, null, Gio.DBusSignalFlags.NONE,
            () => this._ask());
        this._ask();
    }

    _ask() {
        const subject = ['system-bus-name', {name: GLib.Variant.new_string(this._bus.get_unique_name())}];

        this._bus.call(NAME, PATH, AUTHORITY, 'CheckAuthorization',
            new GLib.Variant('((sa{sv})sa{ss}us)', [subject, this._action, {}, 0, '']), new GLib.VariantType('((bba{ss}))'),
            Gio.DBusCallFlags.NONE, -1, this._cancellable, (bus, result) => this._take(bus, result));
    }

    _take(bus, result) {
        try {
            const [[allowed, asks]] = bus.call_finish(result).deepUnpack();
            this.refused = !allowed && !asks;
            this.asks = !allowed && asks;
        } catch (error) {
            if (error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
                return;
            // Without polkit or with an action that it does not know, whoever tries will hear of it.
            this.refused = this.asks = false;
        }
        this._changed?.();
    }

    /** Forgets it. */
    destroy() {
        this._cancellable.cancel();
        this._bus.signal_unsubscribe(this._subscription);
        this._changed = null;
    }
}
