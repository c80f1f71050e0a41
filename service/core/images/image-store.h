/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/images/budget.h"
#include "base/configuration.h"
#include "core/images/image.h"
#include "core/images/layer-store.h"
#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * The store of images, STATE/images/<fingerprint>/image: a record of layers, and of who may use them.
 * How one comes in: bothy_image_store_begin() gives the budget, bothy_layer_store_add() each layer, bothy_compose() puts
 * them into a new image, bothy_image_store_add() keeps it, bothy_image_store_claim() makes it somebody's, and then the
 * holds on the layers are released. import.h does all of that for an archive.
 *
 * Signals: "added" and "removed" (BothyImage *).
 */
#define BOTHY_TYPE_IMAGE_STORE (bothy_image_store_get_type ())
G_DECLARE_FINAL_TYPE (BothyImageStore, bothy_image_store, BOTHY, IMAGE_STORE, GObject)

/* DIRFD: STATE/images, which stays the caller's. Reads what is there, and removes layers of which no image
   speaks; RET_DEGRADED when some images could not be read. */
BothyImageStore *bothy_image_store_new (int dirfd,
                                        const BothyConfiguration *configuration,
                                        BothyLayerStore *layers,
                                        BothyTrash *trash,
                                        gboolean *ret_degraded);

BothyLayerStore *bothy_image_store_get_layers (BothyImageStore *self);

/* The image that USER means by NAME (alias, fingerprint or the beginning of one), or NULL with NO_SUCH_IMAGE.
 */
BothyImage *bothy_image_store_find (BothyImageStore *self, guint32 user, const char *name, GError **error);

/* The one of FINGERPRINT, whoever may see it; or NULL. */
BothyImage *bothy_image_store_lookup (BothyImageStore *self, const char *fingerprint);

/* All of them, in no order. (element-type BothyImage) */
GList *bothy_image_store_list (BothyImageStore *self);

/* The layer ID if an image that USER can see stands on it, or NULL: it may be there, but is none of his
 * business. */
BothyLayer *bothy_image_store_find_layer (BothyImageStore *self, guint32 user, const char *id);

/* What USER's images take: each layer counts once, and in full, whoever else has it. */
guint64 bothy_image_store_used (BothyImageStore *self, guint32 user);

/* A budget for an import of USER's, or NULL with QUOTA_EXCEEDED. */
BothyBudget *bothy_image_store_begin (BothyImageStore *self, guint32 user, GError **error);

/* Keep IMAGE, which stands on layers that are held, as soon as the disk has all of it. Returns IMAGE, or the
   one that was there already. */
void bothy_image_store_add (BothyImageStore *self,
                            BothyImage *image,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyImage *bothy_image_store_add_finish (BothyImageStore *self, GAsyncResult *result, GError **error);

/* Remove layers that no image stands on and nobody holds: what is left of imports that failed. */
void bothy_image_store_sweep (BothyImageStore *self);

/* IMAGE is USER's, called ALIAS (or NULL) from now on. */
void bothy_image_store_claim (BothyImageStore *self, BothyImage *image, guint32 user, const char *alias);

/* IMAGE, which is there already, is USER's as well, called ALIASES, and came to him from ORIGIN; it counts against
   what USER may have. */
gboolean bothy_image_store_adopt (BothyImageStore *self,
                                  BothyImage *image,
                                  guint32 user,
                                  const char *const *aliases,
                                  const char *origin,
                                  const char *verified,
                                  GError **error);

/* USER, who can see IMAGE, calls it ALIAS as well from now on, and nothing else so. */
gboolean bothy_image_store_add_alias (
    BothyImageStore *self, BothyImage *image, guint32 user, const char *alias, GError **error);

/* And no more. */
gboolean bothy_image_store_remove_alias (
    BothyImageStore *self, BothyImage *image, guint32 user, const char *alias, GError **error);

/* As bothy_image_take_catalogue(), and writes it down. */
void bothy_image_store_note_catalogue (BothyImageStore *self,
                                       BothyImage *image,
                                       const char *variant,
                                       const char *end);

/* Its remote shows it to everybody, and not only to who got it first. */
void bothy_image_store_note_shown (BothyImageStore *self, BothyImage *image);

/* USER wants IMAGE no more. */
gboolean bothy_image_store_forget (BothyImageStore *self, BothyImage *image, guint32 user, GError **error);

/* It is day TODAY, as core/days.h counts them (0: not known). What was not used for too long goes. */
void bothy_image_store_begin_day (BothyImageStore *self, guint64 today);

/* IMAGE, which is not kept yet, goes when nobody uses it. */
void bothy_image_store_set_new (BothyImageStore *self, BothyImage *image);

/* Somebody uses IMAGE. */
void bothy_image_store_note_use (BothyImageStore *self, BothyImage *image);

/* IMAGE stays, whether it is used or not. */
void bothy_image_store_keep_unused (BothyImageStore *self, BothyImage *image);

/* A container stands on IMAGE now (by 1), or no more (by -1). */
void bothy_image_store_use (BothyImageStore *self, BothyImage *image, int by);

G_END_DECLS
