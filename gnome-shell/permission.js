// SPDX-License-Identifier: LGPL-2.1-or-later
// What polkit would say, asked before something is offered. It never opens a dialog.

import Gio from 'gi://Gio';
import Polkit from 'gi://Polkit';

/** One action of polkit's, for this user. */
export class Permission {
    /**
     * @param {string} action - of polkit's
     * @param {Function} changed - called when the answer is there, and when it is another
     */
    constructor(action, changed) {
        this._cancellable = new Gio.Cancellable();
        this._permission = null;
        this._handler = 0;
        Polkit.Permission.new(action, null, this._cancellable, (_source, result) => {
            let permission;
            try {
                permission = Polkit.Permission.new_finish(result);
            } catch (error) {
                if (!error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
                    logError(error);
                return;
            }
            if (this._cancellable.is_cancelled())
                return;
            this._permission = permission;
            this._handler = permission.connect('notify', changed);
            changed();
        });
    }

    /** Whether it is refused, and no password helps. Not known counts as no. */
    get refused() {
        return this._permission !== null && !this._permission.allowed && !this._permission.can_acquire;
    }

    /** Whether it takes a password. */
    get asks() {
        return this._permission !== null && !this._permission.allowed && this._permission.can_acquire;
    }

    /** Forgets it. */
    destroy() {
        this._cancellable.cancel();
        if (this._handler)
            this._permission.disconnect(this._handler);
        this._handler = 0;
        this._permission = null;
    }
}
