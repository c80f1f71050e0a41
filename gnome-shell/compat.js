// SPDX-License-Identifier: LGPL-2.1-or-later
// What differs between the versions of GNOME Shell that metadata.json names, and what it forgets itself.

import * as PopupMenu from 'resource:///org/gnome/shell/ui/popupMenu.js';

/**
 * Says what the arrow of a toggle opens, for screen readers. A property of its own from 49 on.
 *
 * @param {object} toggle - a QuickMenuToggle
 * @param {string} name - what it opens
 */
export function nameMenuButton(toggle, name) {
    if ('menuButtonAccessibleName' in toggle)
        toggle.menuButtonAccessibleName = name;
    else
        toggle._menuButton.accessible_name = name;
}

/**
 * A part of a menu that goes with it. The shell notes in a list for good which menu listens to which section, since
 * neither is an actor: with it, all rows would stay after they were destroyed.
 */
export class Section extends PopupMenu.PopupMenuSection {
    destroy() {
        const parent = this._parent;

        super.destroy();
        parent?.disconnectObject(this);
        if (parent)
            this.disconnectObject(parent);
    }
}
