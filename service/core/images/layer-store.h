/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/configuration.h"
#include "core/images/quota.h"
#include "platform/helper-client.h"
#include "workers/unpack-pipeline.h"
#include "workers/metadata.h"
#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * The store of layers, STATE/layers/<id>/{layer,root}. Nothing is counted here: images' records say which
 * layers they stand on, and what none of them names goes.
 *
 * Signal: "given-back" (const char *id, const char *message): the layer ID, which had a place, is gone, and the place as it was before; or, with
 * a MESSAGE that is not "", that could not be done.
 */
#define BOTHY_TYPE_LAYER_STORE (bothy_layer_store_get_type ())
G_DECLARE_FINAL_TYPE (BothyLayerStore, bothy_layer_store, BOTHY, LAYER_STORE, GObject)

/* DIRFD: STATE/layers, which stays the caller's. Reads what is there; RET_DEGRADED when some could not be. */
BothyLayerStore *bothy_layer_store_new (int dirfd,
                                        const BothyConfiguration *configuration,
                                        BothyHelperClient *helper,
                                        BothyTrash *trash,
                                        gboolean *ret_degraded);

/* The one that is called ID, or NULL. */
BothyLayer *bothy_layer_store_lookup (BothyLayerStore *self, const char *id);

/* LAYER is wanted by what has no record yet; each hold needs a release. */
void bothy_layer_store_hold (BothyLayerStore *self, BothyLayer *layer);
void bothy_layer_store_release (BothyLayerStore *self, BothyLayer *layer);

/* Remove every layer that is neither held nor among WANTED (a set of ids). One that has a place goes when that has been
   given back, which is begun here; if that fails, the next sweep tries again. */
void bothy_layer_store_sweep (BothyLayerStore *self, GHashTable *wanted);

/* Keep LAYER (taken over), which has a place, and hold it; nothing is done to that place. NULL with an error. */
BothyLayer *bothy_layer_store_add_place (BothyLayerStore *self, BothyLayer *layer, GError **error);

/* An archive that has an image in it rather than a root file system, unpacked for the while that it is read.
 */
typedef struct {
  BothyLayerStore *layers;
  char *name; /* of its directory */
  int tree;
  guint64 size;
} BothySpool;

/* Also removes its files. */
void bothy_spool_free (BothySpool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothySpool, bothy_spool_free)

/* Read what is in SPOOL, for USER. */
void bothy_spool_read (BothySpool *self,
                       guint32 user,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* The directory of LAYER's files, to be handed on; -1: it can not be opened. */
int bothy_layer_store_open (BothyLayerStore *self, const BothyLayer *layer, GError **error);

/* What starts bothy-unpack and its siblings. (transfer none) */
BothyHelperClient *bothy_layer_store_get_helper (BothyLayerStore *self);

/* What to make a layer from. */
typedef struct {
  enum unpack_mode mode;
  int fd;                 /* the archive; read to its end */
  const char *sha256;     /* that it has to have, or NULL */
  const char *diff_id;    /* that the tar in it has to have, or NULL */
  gboolean squash_owners; /* what is of ids that no container has becomes nobody's */
  GPtrArray *below;       /* BothyLayer, the lowest first, over which it is unpacked; held by the caller
                                    until this ends; or NULL */
  const BothyMetadata *metadata; /* the other archive of an image that comes in two, whose SHA256 is
                                    that of both together, the metadata first; or NULL */
} BothyLayerSource;

/*
 * Unpack SOURCE, within BUDGET (which may be NULL: bothyd's own), and keep it. The layer is held; that
 * it is on the disk is not certain before bothy_image_store_add(), which waits for it. Errors: BAD_ARCHIVE,
 * LIMITS_EXCEEDED, NO_SPACE, CANCELLED, FAILED. What is known already is read and checked all the same:
 * whoever has not got the bytes shall not get the layer by naming it.
 */
void bothy_layer_store_add (BothyLayerStore *self,
                            const BothyLayerSource *source,
                            BothyBudget *budget,
                            BothyUnpackProgress progress,
                            gpointer progress_data,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyLayer *bothy_layer_store_add_finish (BothyLayerStore *self, GAsyncResult *result, GError **error);

/*
 * Ask for USER whether the layer at INDEX of LAYERS (element-type BothyLayer), the lowest first, is right as it is, which was
 * unpacked by itself: it is not if it refers to those below. LAYERS up to there are the caller's to hold until this ends.
 */
void bothy_layer_store_judge (BothyLayerStore *self,
                              guint32 user,
                              GPtrArray *layers,
                              guint index,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);

/* RET_RIGHT says so. FALSE with BAD_ARCHIVE: nothing lies below of what it needs; or CANCELLED, FAILED. */
gboolean bothy_layer_store_judge_finish (GAsyncResult *result, gboolean *ret_right, GError **error);

/* As bothy_layer_store_add_finish(), of a source of mode UNPACK_ARCHIVE, which may have been a bundle: then NULL,
   and RET_SPOOL is that. RET_FINGERPRINT: SHA-256 of the source. */
BothyLayer *bothy_layer_store_add_finish_any (BothyLayerStore *self,
                                              GAsyncResult *result,
                                              BothySpool **ret_spool,
                                              char **ret_fingerprint,
                                              GError **error);

G_END_DECLS
