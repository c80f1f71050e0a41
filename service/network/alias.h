/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "network/protocol.h"

G_BEGIN_DECLS

/*
 * Aliases of links. What the broker knows a nic by ("bothy:UID:ID") says whose it is, and everybody on the host may read the
 * aliases of links; so they carry it in a form that only root can read. It is the same each time for the same nic, as
 * long as the host runs: the key is in the runtime directory.
 */

/* Puts what the broker knows a nic by, ALIAS, into the form that its link carries. FALSE with BOTHY_ERROR, when there can
   be no key. */
gboolean bothy_alias_hide (char alias[NET_ALIAS_SIZE], GError **error);

/* The other way round. Returns (transfer full): what the broker knows the nic by, or NULL when ALIAS was not made with
   this key. */
char *bothy_alias_reveal (const char *alias);

G_END_DECLS
