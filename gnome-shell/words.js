// SPDX-License-Identifier: LGPL-2.1-or-later
// Sentences for what the service says in names and numbers. Its own texts know no language: they are details.

import GLib from 'gi://GLib';

/**
 * A text in the user's language.
 *
 * @param {string} text - as it stands in the source
 */
export function _(text) {
    return GLib.dgettext('bothy', text);
}

function ngettext(one, many, n) {
    return GLib.dngettext('bothy', one, many, n);
}

// Marks a text for translators where it can not be translated yet.
const N_ = text => text;

// States in which something is being done with a container.
const CHANGING = {
    starting: N_('Starting…'),
    stopping: N_('Stopping…'),
    freezing: N_('Freezing…'),
};

const ERRORS = {
    'Busy': N_('Something else is being done with it. Try again in a moment.'),
    'BadArchive': N_('The image is damaged, or of a kind that is not known.'),
    'Cancelled': N_('It was cancelled.'),
    'Degraded': N_('A record of the service can not be read. An administrator has to look after it.'),
    'DeviceFailed': N_('A device that it is to have can not be used.'),
    'IdmapUnsupported': N_('The file system that containers lie on can not do this.'),
    'LimitsExceeded': N_('It is larger than the service allows.'),
    'MountFailed': N_('A folder that is shared with it can not be opened.'),
    'NoFreeRange': N_('There are no ids left for another container. Ask an administrator.'),
    'NoSpace': N_('The disk is full.'),
    'NoSuchImage': N_('The image is not there any more.'),
    'NoSuchProgram': N_('It has no program of that name.'),
    'NoSuchRemote': N_('There is no such image server.'),
    'NoSuchUser': N_('It has no such user.'),
    'NotAuthorized': N_('An administrator does not allow it.'),
    'NotAuthorizedCanObtain': N_('It needs an administrator\'s password.'),
    'NotAuthorizedDismissed': N_('The password was not given.'),
    'NotExecutable': N_('Its first program can not be run.'),
    'NotVerified': N_('The image is not signed by who should have made it.'),
    'NotYours': N_('Its ids were given to somebody else.'),
    'PortInUse': N_('A port that leads to it is in use.'),
    'QuotaExceeded': N_('You have as many as you may. Delete what you do not need.'),
    'RemoteFailed': N_('The image server does not answer.'),
    'StartFailed': N_('It could not be started.'),
    'Crashed': N_('Its first program crashed.'),
    'OutOfMemory': N_('It used all its memory.'),
    'GaveUp': N_('It ended too often, and is not started again.'),
    'UnknownObject': N_('It is not there any more.'),
    'WrongState': N_('Its state has just changed.'),
    'org.freedesktop.DBus.Error.NoReply': N_('The service ended while it worked.'),
    'org.freedesktop.DBus.Error.ServiceUnknown': N_('Bothy is not installed.'),
    'org.freedesktop.DBus.Error.TimedOut': N_('The service did not start in time.'),
    'org.freedesktop.DBus.Error.Spawn.ChildExited': N_('The service could not start.'),
    'org.freedesktop.DBus.Error.Spawn.ExecFailed': N_('The service could not start.'),
    'org.freedesktop.systemd1.UnitMasked': N_('An administrator has switched the service off.'),
};

/**
 * What went wrong, for whoever does not read logs.
 *
 * @param {{name: string, text: string}} error - as client.js describes errors
 */
export function sentence(error) {
    return error.name in ERRORS ? _(ERRORS[error.name]) : error.text;
}

/**
 * Whether something is being done with a container.
 *
 * @param {string} state - the container's
 */
export function isChanging(state) {
    return state in CHANGING;
}

/**
 * Why a container has failed.
 *
 * @param {object} container - as client.js has it
 */
export function failure({reason, error, exit: [, signal]}) {
    if (reason === 'out-of-memory')
        return _('It used all its memory');
    if (reason === 'crashed' && signal)
        // Translators: %d is the number of a signal.
        return _('Its first program was killed by signal %d').format(signal);
    // The service's own words, but for whom they are of, which stands above.
    return error.replace(/^Container [a-z0-9-]+: /, '') || _('It ended without having been asked');
}

/**
 * How long ago a container stopped.
 *
 * @param {number} then - microseconds since 1970
 * @param {number} now - the same
 */
export function stopped(then, now) {
    const minutes = Math.floor((now - then) / 60e6);

    if (!then)
        return _('Never started');
    if (minutes < 1)
        return _('Stopped just now');
    if (minutes < 60)
        return ngettext('Stopped %d minute ago', 'Stopped %d minutes ago', minutes).format(minutes);
    if (minutes < 24 * 60) {
        const hours = Math.floor(minutes / 60);
        return ngettext('Stopped %d hour ago', 'Stopped %d hours ago', hours).format(hours);
    }
    const days = Math.floor(minutes / (24 * 60));
    return days === 1 ? _('Stopped yesterday') : ngettext('Stopped %d day ago', 'Stopped %d days ago', days).format(days);
}

/* Of one that stopped: by itself and not as it should, or when. */
function ended({reason, exit: [code], stoppedAt}) {
    if (reason === 'exited' && code > 0)
        // Translators: %d is an exit code.
        return _('Ended with code %d').format(code);
    return stopped(stoppedAt, GLib.get_real_time());
}

/**
 * The address of a container, without the length of the network's prefix; IPv4 before IPv6. Null if it has none.
 *
 * @param {object} container - as client.js has it
 */
export function address({addresses}) {
    const first = addresses.find(entry => !entry.includes(':')) ?? addresses[0];

    return first ? first.split('/')[0] : null;
}

// What must not be turned around in a text that is read from right to left.
function isolate(text) {
    return `\u2068${text}\u2069`;
}

/**
 * What a screen reader says of a container.
 *
 * @param {object} container - as client.js has it
 * @param {string} line - what stands below its name
 */
export function spoken({name, state}, line) {
    // Translators: %1$s is a container's name, %2$s why it failed.
    return state === 'failed' ? _('%1$s failed: %2$s').replace('%1$s', () => name).replace('%2$s', () => line) : `${name}, ${line}`;
}

/**
 * The line below a container's name.
 *
 * @param {object} container - as client.js has it
 */
export function detail(container) {
    const {state} = container;

    if (isChanging(state))
        return _(CHANGING[state]);
    if (state === 'failed')
        return failure(container);
    if (state === 'frozen')
        return _('Frozen');
    if (state !== 'running')
        return ended(container);
    const parts = [];
    if (address(container))
        parts.push(isolate(address(container)));
    if (container.memory)
        parts.push(isolate(GLib.format_size(container.memory)));
    return parts.length ? parts.join(' · ') : _('Running');
}

/**
 * What the toggle says below its title; null: nothing.
 *
 * @param {object[]} containers - as client.js has them
 */
export function summary(containers) {
    const failed = containers.filter(container => container.state === 'failed');
    const running = containers.filter(isRunning);

    if (failed.length === 1)
        // Translators: %s is a container's name.
        return _('%s failed').format(failed[0].name);
    if (failed.length)
        return ngettext('%d failed', '%d failed', failed.length).format(failed.length);
    if (running.length === 1)
        return running[0].name;
    return running.length ? ngettext('%d running', '%d running', running.length).format(running.length) : null;
}

/**
 * Whether programs are in a container.
 *
 * @param {object} container - as client.js has it
 */
export function isRunning({state}) {
    return state !== 'stopped' && state !== 'failed';
}

/**
 * The line below the menu's title.
 *
 * @param {object[]} containers - as client.js has them
 */
export function total(containers) {
    const running = containers.filter(isRunning).length;

    // Translators: %1$s is how many containers run, %2$s how many there are.
    return containers.length ? _('%1$s of %2$s running').replace('%1$s', running).replace('%2$s', containers.length) : '';
}

/**
 * What an operation does.
 *
 * @param {object} operation - as client.js has it
 */
export function operation({kind, subject}) {
    const name = isolate(subject);

    switch (kind) {
    case 'pull-image':
        // Translators: %s is the name of an image, such as debian/13.
        return subject ? _('Getting %s').format(name) : _('Getting an image');
    case 'launch-container':
        // Translators: %s is a container's name.
        return _('Making %s').format(name);
    case 'import-image':
        return subject ? _('Importing %s').format(name) : _('Importing an image');
    case 'export-image':
    case 'export-container':
        return subject ? _('Exporting %s').format(name) : _('Exporting an image');
    case 'create-snapshot':
        // Translators: %s is a container's name, here and below.
        return _('Making a snapshot of %s').format(name);
    case 'restore-snapshot':
        return _('Restoring %s').format(name);
    case 'remove-snapshot':
        return _('Deleting a snapshot of %s').format(name);
    case 'diff-snapshot':
        return _('Comparing files of %s').format(name);
    case 'adopt-container':
        return _('Adopting %s').format(name);
    case 'undo-adoption':
        // Translators: %s is the name of a container that another tool made, and is to have again.
        return _('Giving %s back').format(name);
    case 'copy-container':
        return _('Copying %s').format(name);
    case 'commit-container':
        return _('Making an image of %s').format(name);
    case 'copy-from':
    case 'copy-to':
        return _('Copying files of %s').format(name);
    case 'delete-container':
        // Translators: %s is a container's name.
        return subject ? _('Deleting %s').format(name) : _('Deleting a container');
    default:
        return subject || kind;
    }
}

/**
 * How far an operation is.
 *
 * @param {object} operation - as client.js has it
 */
export function progress({progress: fraction, phase}) {
    if (phase === 'waiting')
        return _('Waiting');
    // Translators: %d is a number of percent.
    return fraction >= 0 ? _('%d %%').format(Math.floor(fraction * 100)) : '';
}

/**
 * What stands below the operations that are shown.
 *
 * @param {number} n - how many are not
 */
export function more(n) {
    return ngettext('%d more…', '%d more…', n).format(n);
}
