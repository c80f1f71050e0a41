/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "platform/helper-client.h"

G_BEGIN_DECLS

/* What an image of Incus or LXD in two archives has beside its root: the one with metadata.yaml. */
typedef struct {
  int fd;       /* a copy that nobody changes any more */
  char *sha256; /* of the archive, by a process that does nothing else */
  char *lines;  /* what metadata.yaml says; see bothy_image_take_metadata() */
} BothyMetadata;

/* Also closes the copy. */
void bothy_metadata_free (BothyMetadata *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyMetadata, bothy_metadata_free)

/* Copy ARCHIVE_FD, which USER opened, up to 4 MiB, and have read what is in it. */
void bothy_metadata_read (BothyHelperClient *helper,
                          guint32 user,
                          int archive_fd,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* (transfer full) NULL with BAD_ARCHIVE, LIMITS_EXCEEDED, CANCELLED or FAILED. */
BothyMetadata *bothy_metadata_read_finish (GAsyncResult *result, GError **error);

G_END_DECLS
