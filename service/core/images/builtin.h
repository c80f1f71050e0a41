/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/* The alias of the image that is made from the machine's own busybox. */
#define BOTHY_BUILTIN_ALIAS "busybox"

/* Make the built-in image if the machine has a static busybox and it is not there yet. */
void
bothy_image_store_ensure_builtin (BothyImageStore *self, GAsyncReadyCallback callback, gpointer user_data);

/* As bothy_image_store_find(), and makes the built-in image when that is what NAME means. */
void bothy_image_store_resolve (
    BothyImageStore *self, guint32 user, const char *name, GAsyncReadyCallback callback, gpointer user_data);
BothyImage *bothy_image_store_resolve_finish (BothyImageStore *self, GAsyncResult *result, GError **error);

G_END_DECLS
