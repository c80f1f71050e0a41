/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/* What metadata.yaml says of IMAGE. (transfer full) */
char *bothy_image_describe (const BothyImage *image);

/* Have IMAGE written into OUT_FD, which USER opened, in one archive: as an image of Incus, or, AS_OCI, as an OCI image layout
   with one layer, which has the files of all. */
void bothy_image_export (BothyImageStore *images,
                         BothyImage *image,
                         guint32 user,
                         int out_fd,
                         gboolean as_oci,
                         enum unpack_compression compression,
                         BothyUnpackProgress progress,
                         gpointer progress_data,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
gboolean bothy_image_export_finish (GAsyncResult *result, GError **error);

G_END_DECLS
