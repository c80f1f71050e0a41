// SPDX-License-Identifier: LGPL-2.1-or-later

import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';

import {Indicator} from './indicator.js';

/** Containers in the system menu. On the lock screen the shell disables it. */
export default class BothyExtension extends Extension {
    enable() {
        this._indicator = new Indicator(this);
    }

    disable() {
        this._indicator.destroy();
        this._indicator = null;
    }
}
