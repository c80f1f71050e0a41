/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "images/unpack/protocol.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/* What bothy-unpack told at the end. */
typedef struct {
  char *sha256;       /* in hexadecimal digits; of what, protocol.h says */
  char *sha256_whole; /* the same */
  guint32 flags;      /* enum unpack_flag */
  char *os_release;   /* text of os-release(5) */
  char *architecture;
  char *metadata; /* what metadata.yaml said, as lines KEY=VALUE; see bothy_image_take_metadata() */
  guint64 bytes;
  guint64 inodes;
  /* Of UNPACK_BUNDLE, with none of the texts above: see workers/bundle.h. */
  char *text;
  gsize text_size;
  guint n_layers;
  GUnixFDList *fds;
} BothyUnpacked;

/* Free it with its texts, and close its fds. */
void bothy_unpacked_free (BothyUnpacked *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyUnpacked, bothy_unpacked_free)

/* So many bytes were read, and so many written. */
typedef void (*BothyUnpackProgress) (guint64 bytes_in, guint64 bytes_out, gpointer user_data);

/*
 * Run bothy-unpack: root of a user namespace over the neutral range and of nothing else. What it takes of the machine counts
 * as USER's, for whom it works; 0: the machine.
 * TREE_FD: the directory to fill or empty, owned by the neutral root; of UNPACK_HASH the pipe; -1: none.
 * SOURCES: what to read, and what protocol.h says comes after it; NULL for UNPACK_REMOVE. Any of them may be what a
 * user opened. CANCELLABLE ends it; what it wrote is then the caller's to remove.
 */
void bothy_unpack (BothyHelperClient *helper,
                   guint32 user,
                   const struct unpack_request *request,
                   int tree_fd,
                   GUnixFDList *sources,
                   BothyUnpackProgress progress,
                   gpointer progress_data,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data);

/* The same, as root of USER's range of ids from BASE on, and in the control group GROUP_FD (-1: that of USER's parsers): of a container, whose tree TREE_FD is
   a part of. */
void bothy_unpack_as (BothyHelperClient *helper,
                      guint32 user,
                      guint32 base,
                      int group_fd,
                      const struct unpack_request *request,
                      int tree_fd,
                      GUnixFDList *sources,
                      BothyUnpackProgress progress,
                      gpointer progress_data,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data);

/* (transfer full) NULL with BAD_ARCHIVE, LIMITS_EXCEEDED, NO_SPACE, BUSY (nobody reads the pipe), CANCELLED or FAILED. */
BothyUnpacked *bothy_unpack_finish (GAsyncResult *result, GError **error);

/* Remove what is below TREE_FD, an O_PATH fd of a directory of the neutral range, with a bothy-unpack of HELPER's, a
   BothyHelperClient. CALLBACK gets a GTask of a boolean: FALSE with an error of bothy_unpack_finish(),
   or without one when it met as many files as one turn has. It is what a BothyTrash removes with. */
void bothy_unpack_remove (gpointer helper, int tree_fd, GAsyncReadyCallback callback, gpointer user_data);

/* A list for bothy_unpack() of copies of SOURCE_FD and, if it is not -1, AFTER_FD. (transfer full) NULL: there are too
   many open files. */
GUnixFDList *bothy_unpack_sources (int source_fd, int after_fd, GError **error);

G_END_DECLS
