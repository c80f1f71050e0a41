/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/remotes/remote.h"

G_BEGIN_DECLS

/*
 * What the catalogue of a remote said the last time: a file beside the remote's record, for bothy-fetch alone
 * to read and to write. Nobody parses it here, and it may go at any time.
 */

/* -1: there is none. */
int bothy_catalogue_cache_open (int dirfd, const BothyRemote *remote);

/* A file without a name to write the next one into; -1: this file system has none, and it goes without. */
int bothy_catalogue_cache_make (int dirfd);

/* What was made is the one from now on. */
void bothy_catalogue_cache_keep (int dirfd, const char *remote, int fd);

void bothy_catalogue_cache_remove (int dirfd, const char *remote);

G_END_DECLS
