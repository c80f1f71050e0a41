/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The accounts of /etc/passwd. Directory servers (LDAP and such) are not asked, since their answer may take
 * long: a user who has his account there is named to bothyd by his uid, which bothy looks up itself.
 */

/* Whether there is an account called NAME, and its uid. */
gboolean bothy_passwd_find (const char *name, guint32 *ret_uid);

/* What the account of UID is called (transfer full), or NULL. */
char *bothy_passwd_name (guint32 uid);

G_END_DECLS
