/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the service says by names, in sentences of the language that the person reads. */

/** app_words_begin: has all that is said come in the language of the environment; to be called by main(), before anything is said */
void app_words_begin (void);

/** app_words_for_name: Returns: (transfer none) (nullable): the sentence for an error's name on the bus, or its last part, such as "NoSpace" */
const char *app_words_for_name (const char *name);

/** app_words_for_error: Returns: (transfer none): one sentence for @error; a general one if it has no name that is known */
const char *app_words_for_error (const GError *error);

/** app_words_details: Returns: (transfer full): what the service itself wrote, without the error's name */
char *app_words_details (const GError *error);

/** app_words_error_from_name: Returns: (transfer full): the error that the service calls @name and says @text of, as an operation's ErrorName and Error do */
GError *app_words_error_from_name (const char *name, const char *text);

/** app_words_is_dismissal: Returns: whether @error is only that the person changed his mind, of which nobody need be told */
gboolean app_words_is_dismissal (const GError *error);

/** app_words_state: Returns: (transfer none): a container's state as a person says it, such as "Running" */
const char *app_words_state (const char *state);

/** app_words_reason: Returns: (transfer none) (nullable): how a container came to stand still, by its StateReason, if that says something */
const char *app_words_reason (const char *reason);

/** app_words_phase: Returns: (transfer none): what an operation does now, such as "Downloading" */
const char *app_words_phase (const char *phase);

/** app_words_kind: Returns: (transfer none): what an operation does, by its Kind, such as "Getting an Image" */
const char *app_words_kind (const char *kind);

/** app_words_device: Returns: (transfer none): what kind of a device it is, by its class, such as "Serial port" */
const char *app_words_device (const char *class);

/** app_words_verified: Returns: (transfer none): how an image was checked, by its Verified */
const char *app_words_verified (const char *verified);

/** app_words_when: Returns: (transfer full): a moment, in microseconds since 1970, as a person says it at @now: "today at 10:45" */
char *app_words_when (guint64 microseconds, GDateTime *now);

G_END_DECLS
