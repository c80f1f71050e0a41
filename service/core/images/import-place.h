/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/*
 * Make an image of the tree at PLACE for USER, which stays where it is and is labelled; UNPACKED is what was found there. It
 * is nobody else's, ever, and has an origin of BOTHY_ORIGIN_ADOPTED: it goes with the last container that stands on it, and
 * with it the label. It counts nothing of what its user may have.
 */
void bothy_image_store_import_place (BothyImageStore *self,
                                     guint32 user,
                                     const BothyPlace *place,
                                     const BothyUnpacked *unpacked,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);

/* (transfer full); NULL with an error: nothing is left of it. */
BothyImage *
bothy_image_store_import_place_finish (BothyImageStore *self, GAsyncResult *result, GError **error);

/* Where IMAGE's files are, if they are not in the store; or NULL. (transfer none) */
const BothyPlace *bothy_image_store_get_place (BothyImageStore *self, const BothyImage *image);

/* FALSE with WRONG_STATE: IMAGE's files are not in the store, so that WHAT ("exported", static) can not be done with it. */
gboolean bothy_image_store_check_stored (BothyImageStore *self,
                                         const BothyImage *image,
                                         const char *what,
                                         GError **error);

G_END_DECLS
