/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * An object of the service whose properties are followed: by signals alone, without a question, as long as
 * the service runs; and through a crash and restart of the service.
 */

typedef struct CliWatch CliWatch;
typedef gboolean (*CliWatchTest) (CliWatch *watch, gpointer data);
typedef void (*CliWatchSeen) (const char *value, gpointer data);

/**
 * cli_watch_new:
 * @path: (nullable): the object, or NULL until cli_watch_set_path()
 * @interface: the interface whose properties matter
 *
 * Subscribes. The service has to have answered a call before. Without a path, what arrives is kept until the
 * path is known, if the main loop does not run in between: so nothing is lost between a call and its answer.
 */
CliWatch *cli_watch_new (Cli *cli, const char *path, const char *interface);

/** cli_watch_free: ends it; what comes for the object from then on is not seen any more */
void cli_watch_free (CliWatch *watch);

/**
 * cli_watch_set_patient:
 *
 * The object may wait as long as it likes: a service that leaves because nothing runs is not called back, and
 * need not come back by itself.
 */
void cli_watch_set_patient (CliWatch *watch);

/** cli_watch_set_path: says which object it is. */
void cli_watch_set_path (CliWatch *watch, const char *path);

/** cli_watch_path: Returns: (nullable): what was set */
const char *cli_watch_path (CliWatch *watch);

/**
 * cli_watch_fetch:
 *
 * Asks for all properties, for an object that may have changed before the watch existed.
 */
gboolean cli_watch_fetch (CliWatch *watch, GError **error);

/**
 * cli_watch_lookup:
 *
 * Returns: (transfer none) (nullable): the property's last known value
 */
GVariant *cli_watch_lookup (CliWatch *watch, const char *property, const GVariantType *type);

/** cli_watch_string: Returns: (transfer none): a string property, "" if it is not known */
const char *cli_watch_string (CliWatch *watch, const char *property);

/**
 * cli_watch_take_in:
 * @seen: called with each value that the string @property has on the way
 *
 * Takes in what signals that have arrived say.
 */
void cli_watch_take_in (CliWatch *watch, const char *property, CliWatchSeen seen, gpointer data);

/** cli_watch_removed: Returns: whether the object is gone */
gboolean cli_watch_removed (CliWatch *watch);

/** cli_watch_poke: lets cli_watch_run() test again, because something else changed */
void cli_watch_poke (CliWatch *watch);

/**
 * cli_watch_run:
 * @test: whether what is waited for is there
 * @timeout: seconds, or -1
 *
 * Runs the main loop until @test says TRUE or the object is gone.
 *
 * Returns: FALSE with @error set when the time was over or the service did not come back
 */
gboolean cli_watch_run (CliWatch *watch, CliWatchTest test, gpointer data, int timeout, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliWatch, cli_watch_free)
