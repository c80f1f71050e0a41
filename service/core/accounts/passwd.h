/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The machine's own accounts, those of /etc/passwd: a directory server could keep us waiting. Who is in one has
 * a uid to be called by, and the command line looks that up itself.
 */

/* Whether there is an account called NAME, and its uid. */
gboolean bothy_passwd_find (const char *name, guint32 *ret_uid);

/* What the account of UID is called (transfer full), or NULL. */
char *bothy_passwd_name (guint32 uid);

G_END_DECLS
