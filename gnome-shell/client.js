// SPDX-License-Identifier: LGPL-2.1-or-later
// What the extension knows of the service: the one place that talks to it. Nothing of the shell is needed here.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

const NAME = 'org.bothy.Bothy1';
const ROOT = '/org/bothy/Bothy1';
const BUS_NAME = 'org.freedesktop.DBus';
const BUS_PATH = '/org/freedesktop/DBus';
const PROPERTIES = 'org.freedesktop.DBus.Properties';
const OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager';
const MANAGER = `${NAME}.Manager`;
const CONTAINER = `${NAME}.Container`;
const OPERATION = `${NAME}.Operation`;

// A password dialog may stay open for as long as somebody looks for the password, and a stop may take half a minute:
// the preset of GDBus, 25 seconds, would end the call before.
const NO_TIMEOUT = GLib.MAXINT32;

// What a row shows of an object, and nothing else: unpacking everything of 200 containers stops the desktop for a
// tenth of a second. Property: [field, what it is as long as the service did not say].
const FIELDS = {
    [CONTAINER]: {
        Name: ['name', ''],
        State: ['state', 'stopped'],
        StateReason: ['reason', ''],
        LastError: ['error', ''],
        LastExit: ['exit', [-1, 0]],
        Addresses: ['addresses', []],
        StoppedAt: ['stoppedAt', 0],
    },
    [OPERATION]: {
        Kind: ['kind', ''],
        Phase: ['phase', ''],
        Progress: ['progress', -1],
        Subject: ['subject', ''],
        Object: ['object', '/'],
        Error: ['error', ''],
        ErrorName: ['errorName', ''],
    },
};

/** How the service is: not installed; not running, since it leaves when idle; running; installed, but does not start. */
export const Presence = {ABSENT: 'absent', ASLEEP: 'asleep', AWAKE: 'awake', BROKEN: 'broken'};

// Before the names of the service's errors, and of those that D-Bus itself has a name for.
const PREFIXES = /^org\.bothy\.Bothy1\.Error\.|^org\.freedesktop\.DBus\.Error\.(?=(InvalidArgs|Unknown\w+|PropertyReadOnly)$)/;

/**
 * The D-Bus name of an error without what all of the service's have in common, and its text.
 *
 * @param {Error} error - what a call threw
 * @returns {{name: string, text: string}}
 */
export function describeError(error) {
    const remote = error instanceof GLib.Error ? Gio.DBusError.get_remote_error(error) ?? '' : '';
    const text = remote ? error.message.replace(/^GDBus\.Error:[^ ]*: /, '') : `${error.message}`;

    return {name: shortName(remote), text};
}

/**
 * The same of a name alone, as an operation's ErrorName has it.
 *
 * @param {string} name - the property
 */
export function shortName(name) {
    return name.replace(PREFIXES, '');
}

/** The user's own containers and operations, as the service last told them. They stay when it leaves. */
export class Client {
    /**
     * @param {Gio.DBusConnection} bus - the system bus
     * @param {object} listener - changed(), called once when anything did; event(what, container, value), for what
     *   happened just now: 'state', with the state before, or 'memory'
     */
    constructor(bus, listener) {
        this._bus = bus;
        this._listener = listener;
        this._prefix = `${ROOT}/container/u${new Gio.Credentials().get_unix_user()}/`;
        this._subscriptions = [];
        this._idle = 0;
        this._generation = 0;
        this._cancellable = null;
        this.presence = Presence.ABSENT;
        this.problem = null;
        this.containers = new Map();
        this.operations = new Map();
    }

    /** Begins to listen. The service is not woken: see wake(). */
    start() {
        this._cancellable = new Gio.Cancellable();
        this._subscribe(BUS_NAME, BUS_NAME, 'NameOwnerChanged', BUS_PATH, NAME, this._onOwner);
        this._subscribe(NAME, OBJECT_MANAGER, 'InterfacesAdded', ROOT, null, this._onAdded);
        this._subscribe(NAME, OBJECT_MANAGER, 'InterfacesRemoved', ROOT, null, this._onRemoved);
        this._subscribe(NAME, PROPERTIES, 'PropertiesChanged', null, null, this._onProperties);
        this._subscribe(NAME, CONTAINER, 'OutOfMemory', null, null, this._onOutOfMemory);
        this.find().catch(logError);
    }

    /** Ends everything that start() or a call began. */
    stop() {
        this._generation++;
        this._cancellable?.cancel();
        this._cancellable = null;
        this._subscriptions.splice(0).forEach(id => this._bus.signal_unsubscribe(id));
        if (this._idle)
            GLib.source_remove(this._idle);
        this._idle = 0;
        this._listener = null;
    }

    /** Looks whether the service is there, and what it has if it runs. */
    async find() {
        if (await this._askBus('NameHasOwner', '(b)', NAME)) {
            await this.load(false);
            return;
        }
        if (!this._cancellable)
            return;
        const names = await this._askBus('ListActivatableNames', '(as)');
        if (this._cancellable)
            this._become(names?.includes(NAME) ? Presence.ASLEEP : Presence.ABSENT);
    }

    /** Has the service started, if it is installed and does not run, and learns what there is. */
    async wake() {
        if (this.presence === Presence.AWAKE || !this._cancellable)
            return;
        await this.find();
        if (this._cancellable && (this.presence === Presence.ASLEEP || this.presence === Presence.BROKEN))
            await this.load(true);
    }

    /**
     * Learns what there is. Whoever calls the service once gets its signals from then on.
     *
     * @param {boolean} mayStart - whether the service is started for it
     */
    async load(mayStart) {
        const generation = ++this._generation;
        try {
            // Taken before anything else runs: behind an await, signals that were sent later may have come first.
            await this._call(ROOT, OBJECT_MANAGER, 'GetManagedObjects', null, '(a{oa{sa{sv}}})',
                mayStart ? Gio.DBusCallFlags.NONE : Gio.DBusCallFlags.NO_AUTO_START, NAME, reply => {
                    if (generation === this._generation)
                        this._take(reply.get_child_value(0));
                });
        } catch (error) {
            if (generation !== this._generation)
                return;
            this.problem = describeError(error);
            this._become(mayStart ? Presence.BROKEN : Presence.ASLEEP);
        }
    }

    /**
     * Calls a method for somebody who clicked: a question for a password may be asked.
     *
     * @param {string} path - of the object
     * @param {string} method - of a container
     * @param {GLib.Variant?} parameters - a tuple
     */
    async act(path, method, parameters = null) {
        await this._call(path, CONTAINER, method, parameters, null,
            Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION);
    }

    /**
     * Stops an operation and undoes it.
     *
     * @param {string} path - of the operation
     */
    async cancelOperation(path) {
        await this._call(path, OPERATION, 'Cancel', null, null, Gio.DBusCallFlags.NONE);
    }

    /** Asks what all containers use that run, in one call; it never starts the service. */
    async refreshStats() {
        if (this.presence !== Presence.AWAKE || !this._cancellable)
            return;
        let all = null;
        try {
            const reply = await this._call(ROOT, MANAGER, 'GetAllStats', null, '(a(oa{sv}))',
                Gio.DBusCallFlags.NO_AUTO_START);
            all = reply.get_child_value(0);
        } catch {
            // The service ended meanwhile: then its state will tell.
        }
        for (const container of this.containers.values())
            container.memory = null;
        for (let i = 0; i < (all?.n_children() ?? 0); i++) {
            const [path, stats] = [0, 1].map(index => all.get_child_value(i).get_child_value(index));
            const container = this.containers.get(path.unpack());
            if (container?.state === 'running')
                container.memory = stats.lookup_value('memory', null)?.unpack() ?? null;
        }
        this._changed();
    }

    _subscribe(sender, iface, member, path, argument, handler) {
        this._subscriptions.push(this._bus.signal_subscribe(sender, iface, member, path, argument,
            Gio.DBusSignalFlags.NONE,
            (_bus, _sender, object, _iface, _member, parameters) => handler.call(this, parameters, object)));
    }

    _call(path, iface, method, parameters, type, flags, name = NAME, receive = reply => reply) {
        return new Promise((resolve, reject) => {
            this._bus.call(name, path, iface, method, parameters, type ? new GLib.VariantType(type) : null, flags,
                NO_TIMEOUT, this._cancellable, (bus, result) => {
                    try {
                        resolve(receive(bus.call_finish(result)));
                    } catch (error) {
                        reject(error);
                    }
                });
        });
    }

    /* What the bus itself answers; null when it does not, or nobody wants to know any more. */
    async _askBus(method, type, argument = null) {
        try {
            const reply = await this._call(BUS_PATH, BUS_NAME, method,
                argument === null ? null : new GLib.Variant('(s)', [argument]), type, Gio.DBusCallFlags.NONE, BUS_NAME);
            return reply.get_child_value(0).deepUnpack();
        } catch {
            return null;
        }
    }

    _become(presence) {
        this.presence = presence;
        if (presence === Presence.ABSENT)
            this.containers.clear();
        if (presence !== Presence.AWAKE)
            this.operations.clear();
        this._changed();
    }

    _changed() {
        if (this._idle || !this._listener)
            return;
        this._idle = GLib.idle_add(GLib.PRIORITY_DEFAULT_IDLE, () => {
            this._idle = 0;
            this._listener.changed();
            return GLib.SOURCE_REMOVE;
        });
    }

    _onOwner(parameters) {
        const [, , owner] = parameters.deepUnpack();

        if (owner) {
            this.load(false).catch(logError);
            return;
        }
        this._generation++;
        this._become(Presence.ASLEEP);
    }

    /* The whole of a{oa{sa{sv}}}: what is not in it any more is gone. */
    _take(objects) {
        const kept = {[CONTAINER]: this.containers, [OPERATION]: this.operations};
        this.containers = new Map();
        this.operations = new Map();
        for (let i = 0; i < objects.n_children(); i++) {
            const entry = objects.get_child_value(i);
            const path = entry.get_child_value(0).unpack();
            this._add(path, entry.get_child_value(1), kept);
        }
        this.problem = null;
        this._become(Presence.AWAKE);
    }

    _mapOf(path, iface) {
        if (iface === CONTAINER)
            return path.startsWith(this._prefix) ? this.containers : null;
        return iface === OPERATION ? this.operations : null;
    }

    _add(path, interfaces, kept = null) {
        for (const iface of [CONTAINER, OPERATION]) {
            const properties = interfaces.lookup_value(iface, null);
            const map = properties && this._mapOf(path, iface);
            if (!map)
                continue;
            const object = kept?.[iface].get(path) ?? {path};
            for (const [field, preset] of Object.values(FIELDS[iface]))
                object[field] ??= preset;
            this._read(object, iface, properties);
            map.set(path, object);
        }
    }

    _read(object, iface, properties) {
        for (const [property, [field]] of Object.entries(FIELDS[iface])) {
            const value = properties.lookup_value(property, null);
            if (value)
                object[field] = value.deepUnpack();
        }
    }

    _onAdded(parameters) {
        this._add(parameters.get_child_value(0).unpack(), parameters.get_child_value(1));
        this._changed();
    }

    _onRemoved(parameters) {
        const path = parameters.get_child_value(0).unpack();

        this.containers.delete(path);
        this.operations.delete(path);
        this._changed();
    }

    _onProperties(parameters, path) {
        const iface = parameters.get_child_value(0).unpack();
        const object = this._mapOf(path, iface)?.get(path);

        if (!object)
            return;
        const before = object.state;
        this._read(object, iface, parameters.get_child_value(1));
        if (iface === CONTAINER && before !== object.state) {
            object.memory = null;
            this._listener?.event('state', object, before);
        }
        this._changed();
    }

    _onOutOfMemory(_parameters, path) {
        const container = this.containers.get(path);

        if (container)
            this._listener?.event('memory', container);
    }
}
