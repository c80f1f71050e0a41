/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Each of these says whether TEXT is of the grammar, else sets INVALID_ARGS, which
   names WHAT and tells the grammar. */

/* 1 to 63 of [a-z0-9-], no dash at either end, no reserved word, not only digits. The error ends with the next name that
   would do. */
gboolean bothy_validate_name (const char *text, const char *what, GError **error);

/* As above, but any case and dots between labels: hostname(7). At most 63 bytes. */
gboolean bothy_validate_hostname (const char *text, GError **error);

/* An image's alias: 1 to 127 of [a-z0-9./:_-], an alphanumeric first; no "..", not a
   word that reads as a fingerprint. */
gboolean bothy_validate_alias (const char *text, GError **error);

/* 1 to 32 of [a-z0-9-], a letter first. */
gboolean bothy_validate_remote (const char *text, GError **error);

/* 64 lower-case hexadecimal digits. */
gboolean bothy_is_fingerprint (const char *text);

/* 12 to 64 lower-case hexadecimal digits. */
gboolean bothy_is_fingerprint_prefix (const char *text);

/* The name of an interface of the machine, also of a bridge, that can be in a link's alias and in a rule of the
   filter: 1 to 15 of [A-Za-z0-9._-], not "." or "..". TEXT may be NULL. */
gboolean bothy_is_interface_name (const char *text);

/* A uuid as g_uuid_string_random() makes it. */
gboolean bothy_is_uuid (const char *text);

/* NAME=VALUE, or NAME alone: none of that name. A NAME is as programs have them: at least a byte, and no control
   character; docker's images have dots and dashes in it. */
gboolean bothy_validate_environment (const char *const *entries, GError **error);

/* A sysctl that belongs to a container's own network or IPC namespace, by sysctl(8)'s NAME with dots, and a VALUE of one
   line. Whether the kernel has it, and takes the value, shows when it is set. */
gboolean bothy_validate_sysctl (const char *name, const char *value, GError **error);

/* "", or a user as Exec takes it: NAME, NUMBER or nothing, with or without :GROUP, which may be empty as well; no control
   characters, at most 64 bytes. */
gboolean bothy_validate_user (const char *text, GError **error);

/* A login name as useradd(8) takes it: 1 to 32 of [a-z0-9_-], a letter or _ first; not "root". */
gboolean bothy_validate_login (const char *text, GError **error);

/* An absolute path of at most 4095 bytes. It is looked up inside the container only. */
gboolean bothy_validate_path (const char *text, GError **error);

/* TEXT as a whole is a decimal number from MIN to MAX without sign, space or leading zero. */
gboolean bothy_parse_number (const char *text, guint64 min, guint64 max, guint64 *ret_number);

/*
 * The number of the signal that TEXT is, as docker and kill(1) take it: a number from 1 to 64, or a name of signal(7) in
 * any case, with or without "SIG", also RTMIN, RTMIN+N, RTMAX and RTMAX-N. 0: it is none.
 */
int bothy_parse_signal (const char *text);

G_END_DECLS
