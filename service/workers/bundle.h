/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gunixfdlist.h>

#include "platform/helper-client.h"
#include "workers/unpack.h"

G_BEGIN_DECLS

/* An image that came as an archive of layers, as bothy-bundle read it: each part is of its grammar. */
typedef struct {
  char *id;      /* SHA-256 of the archive as it is there, or NULL: nobody says */
  char *diff_id; /* of the tar in it */
} BothyBundleLayer;

typedef struct {
  guint which; /* an enum fetch_setting */
  char *value; /* UTF-8 */
} BothyBundleSetting;

typedef struct {
  char *architecture;
  GArray *layers;   /* BothyBundleLayer, the lowest first */
  GUnixFDList *fds; /* of their archives, in the same order: regular files */
  GArray *settings; /* BothyBundleSetting */
} BothyBundle;

/* Also closes the archives. */
void bothy_bundle_free (BothyBundle *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyBundle, bothy_bundle_free)

/* From the result of UNPACK_BUNDLE; NULL with BAD_ARCHIVE: it is not of the grammar. */
BothyBundle *
bothy_bundle_parse (const char *text, gsize size, guint n_layers, GUnixFDList *fds, GError **error);

/* Read, for USER, what was unpacked into TREE_FD. */
void bothy_bundle_read (BothyHelperClient *helper,
                        guint32 user,
                        int tree_fd,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
BothyBundle *bothy_bundle_read_finish (GAsyncResult *result, GError **error);

G_END_DECLS
