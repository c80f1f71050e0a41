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

BothyCredentials *bothy_credentials_new (void);
BothyCredentials *bothy_credentials_ref (BothyCredentials *self);
void bothy_credentials_unref (BothyCredentials *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyCredentials, bothy_credentials_unref)

/* For ORIGIN. FD, which stays the caller's, has to be memory that is sealed: nobody can make who reads it
   wait, or change what it says. */
gboolean bothy_credentials_add (BothyCredentials *self, const char *origin, int fd, GError **error);

/* What REMOTE gets to see, or -1. SELF may be NULL. The fd is SELF's. */
int bothy_credentials_find (BothyCredentials *self, const BothyRemote *remote);

G_END_DECLS
