// SPDX-License-Identifier: LGPL-2.1-or-later
// Rows for work that takes time.

import Clutter from 'gi://Clutter';
import Pango from 'gi://Pango';
import St from 'gi://St';

import {shortName} from './client.js';
import {Section} from './compat.js';
import * as Words from './words.js';

const {_} = Words;

const SHOWN = 3;

/** One operation: what it does, how far it is, and a button that stops it. */
class OperationRow {
    constructor(path, cancel) {
        this.actor = new St.BoxLayout({style_class: 'bothy-operation', x_expand: true, reactive: true});
        this.actor.connect('key-press-event', (_actor, event) => global.focus_manager.navigate_from_event(event));
        this._title = new St.Label({x_expand: true, y_align: Clutter.ActorAlign.CENTER});
        this._title.clutter_text.ellipsize = Pango.EllipsizeMode.END;
        this._progress = new St.Label({style_class: 'bothy-detail', y_align: Clutter.ActorAlign.CENTER});
        this._button = new St.Button({
            style_class: 'icon-button flat bothy-button',
            icon_name: 'window-close-symbolic',
            can_focus: true,
            y_align: Clutter.ActorAlign.CENTER,
        });
        this._button.connect('clicked', () => cancel(path));
        this.actor.add_child(new St.Icon({style_class: 'popup-menu-icon', icon_name: 'folder-download-symbolic'}));
        this.actor.add_child(this._title);
        this.actor.add_child(this._progress);
        this.actor.add_child(this._button);
    }

    update(operation) {
        const failed = operation.phase === 'failed';
        const title = Words.operation(operation);

        // Translators: the first %s is what was being done, such as "Getting debian/13"; the second why it failed.
        this._title.text = failed ? _('%s: %s').format(title, Words.sentence({name: shortName(operation.errorName), text: operation.error})) : title;
        // Why it failed is to be read to its end.
        this._title.clutter_text.line_wrap = failed;
        this._title.clutter_text.ellipsize = failed ? Pango.EllipsizeMode.NONE : Pango.EllipsizeMode.END;
        this._progress.text = failed ? '' : Words.progress(operation);
        this._button.visible = !failed;
        // Translators: %s is what is being done, such as "Getting debian/13".
        this._button.accessible_name = _('Cancel: %s').format(title);
    }
}

/** The operations that are under way, or failed a moment ago; above the containers. */
export class Operations extends Section {
    /** @param {Function} cancel - called with the object's path */
    constructor(cancel) {
        super();
        this._cancel = cancel;
        this._rows = new Map();
        this._more = new St.Label({style_class: 'bothy-more', visible: false});
        this.box.add_child(this._more);
    }

    /** @param {object[]} operations - as client.js has them */
    update(operations) {
        const shown = operations.slice(0, SHOWN);
        const more = operations.length - shown.length;

        for (const [path, row] of this._rows) {
            if (!shown.some(operation => operation.path === path)) {
                row.actor.destroy();
                this._rows.delete(path);
            }
        }
        for (const operation of shown) {
            if (!this._rows.has(operation.path)) {
                const row = new OperationRow(operation.path, this._cancel);
                this._rows.set(operation.path, row);
                this.box.insert_child_below(row.actor, this._more);
            }
            this._rows.get(operation.path).update(operation);
        }
        this._more.visible = more > 0;
        this._more.text = Words.more(more);
        this.actor.visible = shown.length > 0;
    }

    destroy() {
        this._rows = null;
        this._cancel = null;
        super.destroy();
    }
}
