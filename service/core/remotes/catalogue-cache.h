/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/remotes/remote.h"

G_BEGIN_DECLS

/*
 * What the catalogue of a remote said the last time: a file beside the remote's record, for bothy-fetch alone
 * to read and to write. Nobody parses it here, and it may go at any time.
 */

/* DIRFD is that of bothy_remotes_get_fd() in all of these. Returns an fd to read what REMOTE said the last time, which is
   the caller's; -1: there is none. */
int bothy_catalogue_cache_open (int dirfd, const BothyRemote *remote);

/* Returns a file without a name to write the next one into, the caller's; -1: this file system has none, and it goes
   without. */
int bothy_catalogue_cache_make (int dirfd);

/* What was written into FD, of bothy_catalogue_cache_make(), is what REMOTE said the last time. FD stays the caller's. */
void bothy_catalogue_cache_keep (int dirfd, const char *remote, int fd);

/* REMOTE, a name, is gone, and with it what is known of it. */
void bothy_catalogue_cache_remove (int dirfd, const char *remote);

G_END_DECLS
