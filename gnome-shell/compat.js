// SPDX-License-Identifier: LGPL-2.1-or-later
// What differs between the versions of GNOME Shell that metadata.json names.

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
