/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

/* What a user reads of the store: it counts as his as long as he reads, even if he removed the image. */
typedef struct {
  guint32 user;
  GPtrArray *layers; /* BothyLayer, held */
} BothyReading;

struct _BothyImageStore {
  GObject parent;
  int dirfd;
  const BothyConfiguration *configuration;
  BothyLayerStore *layers;
  BothyTrash *trash;
  BothyBudgets *budgets;
  GHashTable *images;  /* fingerprint → BothyImage */
  GHashTable *adding;  /* fingerprint → what keeping.c has under way */
  GPtrArray *readings; /* BothyReading, each its reader's */
  GQueue *waiting;     /* GTask: for the built-in image; see builtin.c */
  guint64 today;       /* as core/days.h counts; 0: not known yet */
  gboolean making_builtin;
  gboolean degraded; /* an image's record could not be read */
};

/* Write IMAGE's record, without waiting for the disk. */
void bothy_image_store_save (BothyImageStore *self, BothyImage *image);

/* The same; FALSE: it could not be written. */
gboolean bothy_image_store_write (BothyImageStore *self, BothyImage *image, GError **error);

/* Whether USER may have IMAGE beside his others. */
gboolean
bothy_image_store_check_room (BothyImageStore *self, BothyImage *image, guint32 user, GError **error);

/* Whether USER may call IMAGE all of ALIASES beside what he calls it already. */
gboolean
bothy_image_store_check_names (BothyImage *image, guint32 user, const char *const *aliases, GError **error);

/* IMAGE is on the disk: show it. */
void bothy_image_store_insert (BothyImageStore *self, BothyImage *image);

/* Remove IMAGE if nobody wants it any more, and then the layers that were only its. */
void bothy_image_store_drop_if_unwanted (BothyImageStore *self, BothyImage *image);
