/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/place.h"

G_BEGIN_DECLS

/*
 * A tree in the store that images are stacked from, called by the SHA-256 of what it was unpacked from: of a
 * root file system's archive as it came, compressed or not; of an image's layer, of the tar in it (its diff_id).
 * These digests were made by processes that parse nothing, so that nobody's archive can take another one's place.
 * A tar may come as either, and is unpacked to the same; but where the archive is an image of Incus or LXD, and
 * its rootfs/ was made the root, that has a name of its own: see bothy_layer_unified_id().
 */
typedef struct {
  char *id;
  char *os_release;             /* text of os-release(5), or "" */
  char *metadata;               /* what its maker says of it; see bothy_image_take_metadata() */
  char *architecture;           /* as uname -m says it, or "unknown" */
  guint64 size;                 /* of its files */
  gboolean is_root;             /* it looks like a root file system */
  gboolean hides_below;         /* whatever is below it in an image is not to be seen */
  gboolean needs_below;         /* it lacks what is in a layer below: by itself it is nothing */
  gboolean may_need_below;      /* over some layers it is another one than over others */
  gboolean has_squashed_owners; /* files in it were somebody's whose id no container has, and are nobody's */
  BothyPlace *place;            /* where its files are, if that is not in the store; or NULL */
  gboolean is_returned;         /* nothing needs its place, which could not be given back yet */
  guint holds;                  /* by imports under way */
} BothyLayer;

/* One that is called ID; all else is for the caller to set. (transfer full) */
BothyLayer *bothy_layer_new (const char *id);

/* Free it with its texts; nobody may hold it. */
void bothy_layer_free (BothyLayer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyLayer, bothy_layer_free)

/* What is made of rootfs/ in the archive DIGEST. */
char *bothy_layer_unified_id (const char *digest);

/* What is made of the archive or the tar that would be the layer ID, if the owners that no container has become nobody. */
char *bothy_layer_squashed_id (const char *id);

/*
 * What is made of the tar DIFF_ID over BELOW (element-type BothyLayer), the lowest first: where a layer refers to others,
 * it is another one over other layers, and shared by images in which it lies on the same.
 */
char *bothy_layer_over_id (const char *diff_id, GPtrArray *below);

/* From RECORD, which is that of the layer ID (transfer full); NULL with DEGRADED: it is not. */
BothyLayer *bothy_layer_from_record (const char *id, GKeyFile *record, GError **error);

/* All but its holds. (transfer full) */
GKeyFile *bothy_layer_to_record (const BothyLayer *self);

G_END_DECLS
