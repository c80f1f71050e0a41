/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/* The alias of the image that is made from the machine's own busybox. */
#define BOTHY_BUILTIN_ALIAS "busybox"

/* Makes the built-in image, once for all who wait for it at the same time. */
#define BOTHY_TYPE_BUILTIN (bothy_builtin_get_type ())
G_DECLARE_FINAL_TYPE (BothyBuiltin, bothy_builtin, BOTHY, BUILTIN, GObject)

/* It goes into IMAGES, which is kept. (transfer full) */
BothyBuiltin *bothy_builtin_new (BothyImageStore *images);

/*
 * Make the built-in image if it is not there yet, or the machine's busybox is another one by now. CALLBACK gets a GTask
 * that returns a boolean: FALSE with NO_SUCH_IMAGE says why there is none.
 */
void bothy_builtin_ensure (BothyBuiltin *self, GAsyncReadyCallback callback, gpointer user_data);

/* As bothy_image_store_find(), and makes the built-in image first when that is what NAME means. */
void bothy_builtin_resolve (
    BothyBuiltin *self, guint32 user, const char *name, GAsyncReadyCallback callback, gpointer user_data);

/* The image (transfer full), or NULL with NO_SUCH_IMAGE. */
BothyImage *bothy_builtin_resolve_finish (BothyBuiltin *self, GAsyncResult *result, GError **error);

G_END_DECLS
