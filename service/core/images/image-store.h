/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/configuration.h"
#include "core/images/image.h"
#include "core/images/layer-store.h"
#include "core/images/quota.h"
#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * The store of images, STATE/images/<fingerprint>/image: a record of layers, and of who may use them.
 * How one comes in: bothy_quota_begin() gives the budget, bothy_layer_store_add() each layer, bothy_compose() puts them
 * into a new image, bothy_image_store_add() keeps it, bothy_image_store_claim() makes it somebody's, and then the holds
 * on the layers are released. import.h does all of that for an archive. What images are called is in aliases.h, and
 * when one goes in expiry.h.
 *
 * Signals: "added" and "removed" (BothyImage *).
 */
#define BOTHY_TYPE_IMAGE_STORE (bothy_image_store_get_type ())
G_DECLARE_FINAL_TYPE (BothyImageStore, bothy_image_store, BOTHY, IMAGE_STORE, GObject)

/*
 * Read the images that are in DIRFD, the directory STATE/images, and remove layers of which none speaks. DIRFD and
 * CONFIGURATION stay the caller's, and have to outlive the store; LAYERS and TRASH are kept. RET_DEGRADED: some images
 * could not be read; then no layer is removed. (transfer full)
 */
BothyImageStore *bothy_image_store_new (int dirfd,
                                        const BothyConfiguration *configuration,
                                        BothyLayerStore *layers,
                                        BothyTrash *trash,
                                        gboolean *ret_degraded);

/* The store of the layers that its images stand on. (transfer none) */
BothyLayerStore *bothy_image_store_get_layers (BothyImageStore *self);

/* What users may have of images, counted with what is in the store. (transfer none) */
BothyQuota *bothy_image_store_get_quota (BothyImageStore *self);

/* The configuration that it was made with. (transfer none) */
const BothyConfiguration *bothy_image_store_get_configuration (BothyImageStore *self);

/* Whether some image could not be read when the service began: nobody knows which layers it stands on. */
gboolean bothy_image_store_is_degraded (BothyImageStore *self);

/* It is DAY, as bothy_day_counter_count() counts; 0: that is not known. Only bothy_image_store_begin_day() calls this. */
void bothy_image_store_set_day (BothyImageStore *self, guint64 day);

/* The day that it is; 0: not known yet. */
guint64 bothy_image_store_get_day (BothyImageStore *self);

/*
 * The image that USER means by NAME: an alias of his, the public one, a fingerprint or the beginning of one. (transfer
 * none) NULL with NO_SUCH_IMAGE: there is none, or more than one.
 */
BothyImage *bothy_image_store_find (BothyImageStore *self, guint32 user, const char *name, GError **error);

/* The image of FINGERPRINT, whoever may see it; or NULL. (transfer none) */
BothyImage *bothy_image_store_lookup (BothyImageStore *self, const char *fingerprint);

/* All of them, in no order. (element-type BothyImage) (transfer container) */
GList *bothy_image_store_list (BothyImageStore *self);

/*
 * The layer called ID if its files are in the store and an image that USER can see stands on it. (transfer none) NULL: it
 * may be there, but is none of his business, or is a tree that was adopted in place, which no archive can name.
 */
BothyLayer *bothy_image_store_find_layer (BothyImageStore *self, guint32 user, const char *id);

/* Whether another image of the store stands on a layer that IMAGE stands on. */
gboolean bothy_image_store_is_shared (BothyImageStore *self, const BothyImage *image);

/* Put every BothyLayer that IMAGE stands on into LAYERS, a set. */
void bothy_image_store_collect_layers (BothyImageStore *self, const BothyImage *image, GHashTable *layers);

/* Keep IMAGE, which stands on layers that are held, as soon as the disk has all of it. */
void bothy_image_store_add (BothyImageStore *self,
                            BothyImage *image,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* IMAGE, or the one of the same fingerprint that was there already (transfer full); NULL with NO_SPACE or FAILED, or with
   BAD_ARCHIVE: it names a layer that was adopted in place and is another's already. */
BothyImage *bothy_image_store_add_finish (BothyImageStore *self, GAsyncResult *result, GError **error);

/* Write IMAGE's record, without waiting for the disk. FALSE with NO_SPACE or FAILED: the old one is there still. */
gboolean bothy_image_store_write (BothyImageStore *self, BothyImage *image, GError **error);

/* The same for what holds even if it can not be written: that only makes a line in the log. */
void bothy_image_store_save (BothyImageStore *self, BothyImage *image);

/* Remove layers that no image stands on and nobody holds: what is left of imports that failed. */
void bothy_image_store_sweep (BothyImageStore *self);

/* As bothy_image_take_catalogue(), and writes it down. */
void bothy_image_store_note_catalogue (BothyImageStore *self,
                                       BothyImage *image,
                                       const char *variant,
                                       const char *end);

/* The remote that USER has IMAGE from has a newer one, VERSION, or (NULL) none. */
void
bothy_image_store_note_newer (BothyImageStore *self, BothyImage *image, guint32 user, const char *version);

/* IMAGE is what the configuration with DIGEST says at its registry. */
void bothy_image_store_note_config (BothyImageStore *self, BothyImage *image, const char *digest);

/* IMAGE's remote shows it to everybody, and not only to who got it first. */
void bothy_image_store_note_shown (BothyImageStore *self, BothyImage *image);

/* USER wants IMAGE no more; it goes with the last who did. FALSE with IMAGE_IN_USE: he has no claim to it. */
gboolean bothy_image_store_forget (BothyImageStore *self, BothyImage *image, guint32 user, GError **error);

/* Remove IMAGE if nobody wants it any more, and then the layers that were only its. */
void bothy_image_store_drop_if_unwanted (BothyImageStore *self, BothyImage *image);

G_END_DECLS
