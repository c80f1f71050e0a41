/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images.h"

G_BEGIN_DECLS

/* Unpack ARCHIVE_FD for USER. ALIAS and FINGERPRINT may be NULL. */
void bothy_images_import (BothyImages *self,
                          guint32 user,
                          int archive_fd,
                          const char *alias,
                          const char *fingerprint,
                          BothyUnpackProgress progress,
                          gpointer progress_data,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
BothyImage *bothy_images_import_finish (BothyImages *self, GAsyncResult *result, GError **error);

G_END_DECLS
