/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/remotes/remote.h"

G_BEGIN_DECLS

/*
 * What a user shows to servers for what they don't show to everybody: for each https://HOST[:PORT] a file
 * with NAME:PASSWORD. bothyd never reads one; it hands it to the bothy-fetch that asks that server for him.
 */
typedef struct _BothyCredentials BothyCredentials;

/* None yet. (transfer full) */
BothyCredentials *bothy_credentials_new (void);

/* One more holds them. (transfer full) */
BothyCredentials *bothy_credentials_ref (BothyCredentials *self);

/* One less; the last one closes the files. */
void bothy_credentials_unref (BothyCredentials *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyCredentials, bothy_credentials_unref)

/*
 * Show what FD says to ORIGIN, https://HOST[:PORT]. FD, which stays the caller's, has to be memory that is sealed: nobody
 * can make the one who reads it wait, or change what it says. FALSE with INVALID_ARGS: it is not, or ORIGIN is nowhere
 * that a password may go to.
 */
gboolean bothy_credentials_add (BothyCredentials *self, const char *origin, int fd, GError **error);

/* An fd with what REMOTE gets to see, which stays SELF's; -1: nothing. SELF may be NULL. */
int bothy_credentials_find (BothyCredentials *self, const BothyRemote *remote);

G_END_DECLS
