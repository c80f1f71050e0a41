// SPDX-License-Identifier: LGPL-2.1-or-later
// Three switches. Everything else is in the application.

import Adw from 'gi://Adw';
import Gio from 'gi://Gio';
import Gtk from 'gi://Gtk';

import {ExtensionPreferences} from 'resource:///org/gnome/Shell/Extensions/js/extensions/prefs.js';

import {Application} from './application.js';
import {_} from './words.js';

/** The window that the Extensions application opens. */
export default class BothyPreferences extends ExtensionPreferences {
    async fillPreferencesWindow(window) {
        const settings = this.getSettings();
        const group = new Adw.PreferencesGroup({title: _('Tell me when')});
        const switches = {
            'notify-failures': _('A container has failed'),
            'notify-memory': _('A container has used all its memory'),
            'notify-started': _('Containers were started by themselves'),
        };

        for (const [key, title] of Object.entries(switches)) {
            const row = new Adw.SwitchRow({title});
            settings.bind(key, row, 'active', Gio.SettingsBindFlags.DEFAULT);
            group.add(row);
        }
        const page = new Adw.PreferencesPage();
        page.add(group);
        window.add(page);
        await this._addApplication(window, page);
    }

    async _addApplication(window, page) {
        const application = new Application(Gio.DBus.session, () => {});

        window.connect('close-request', () => application.destroy());
        await application.find();
        if (!application.available)
            return;
        const group = new Adw.PreferencesGroup();
        const open = new Gtk.Button({label: _('Open Bothy'), halign: Gtk.Align.CENTER, css_classes: ['pill']});
        open.connect('clicked', () => {
            const token = window.get_display().get_app_launch_context().get_startup_notify_id(null, []) ?? '';
            application.activate('list', null, token).catch(logError);
        });
        group.add(open);
        page.add(group);
    }
}
