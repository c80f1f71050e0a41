/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "workers/unpack.h"

G_BEGIN_DECLS

/* What was unpacked, and what it was unpacked from. */
typedef struct {
  BothyUnpacked *unpacked;
  char *fingerprint; /* SHA-256 of the source, by a process that does nothing else */
  char *diff_id;     /* of UNPACK_LAYER: of the tar in it, by another such process; else NULL */
  char *whole;       /* of PREFIX_FD and the source together; NULL without one */
} BothyUnpackPipeline;

/* Make a pipe that takes much at once; both ends are the caller's. FALSE: there are too many open files. */
gboolean bothy_unpack_pipeline_pipe (int *ret_reader, int *ret_writer, GError **error);

/* Free it with what was unpacked; the files stay. */
void bothy_unpack_pipeline_free (BothyUnpackPipeline *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyUnpackPipeline, bothy_unpack_pipeline_free)

/*
 * For USER (0: the machine), unpack SOURCE_FD, read to its end, into TREE_FD as REQUEST says, with one process that hashes the
 * bytes on their way to the other one that makes files of them. So whatever an archive does to the latter, it
 * does not pass for another archive. A layer goes through four: one that hashes it, one that decompresses it,
 * one that hashes the tar, and the one that unpacks that; so neither does a tar pass for another one.
 * PREFIX_FD, which stays as it is until this ends, is hashed before the source, and not unpacked; -1: there
 * is none. BELOW: the layers that SOURCE_FD is unpacked over, as detached mounts, the highest first; or NULL.
 */
void bothy_unpack_pipeline (BothyHelperClient *helper,
                            guint32 user,
                            const struct unpack_request *request,
                            int tree_fd,
                            int source_fd,
                            int prefix_fd,
                            GUnixFDList *below,
                            BothyUnpackProgress progress,
                            gpointer progress_data,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* (transfer full) NULL with BAD_ARCHIVE, LIMITS_EXCEEDED, NO_SPACE, CANCELLED or FAILED. */
BothyUnpackPipeline *bothy_unpack_pipeline_finish (GAsyncResult *result, GError **error);

G_END_DECLS
