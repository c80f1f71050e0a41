/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "workers/unpack.h"

G_BEGIN_DECLS

/* Which way files go. */
typedef enum {
  BOTHY_COPY_FROM, /* out of the container */
  BOTHY_COPY_TO,   /* into it */
} BothyCopyWay;

/*
 * Copies files between CONTAINER, which has to run or to be frozen, and a tar archive that is read from or written into
 * ARCHIVE_FD, which a user opened and stays the caller's. It is done by a process that has the rights of the container's
 * root and no others, in whose eyes PATH, a path inside, is whatever the container makes of it.
 * FROM: the regular file or the directory PATH, with all that is below it on the same file system. TO: into the directory
 * PATH; where there is none, into the one above it, by the name of PATH. A file that is replaced is so once the new one is
 * whole; a directory and what is none never replace one another.
 */
void bothy_container_copy (BothyContainer *container,
                           BothyHelperClient *helper,
                           BothyCopyWay way,
                           const char *path,
                           int archive_fd,
                           BothyUnpackProgress progress,
                           gpointer progress_data,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/* FALSE with WRONG_STATE, or an error of bothy_unpack_finish(). */
gboolean bothy_container_copy_finish (BothyContainer *container, GAsyncResult *result, GError **error);

G_END_DECLS
