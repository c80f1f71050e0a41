/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/*
 * Images that came from remotes and that nobody uses any more go after some days, since they can come again: [Images]
 * ExpireDays of bothyd.conf. Days are those of bothy_day_counter_count().
 */

/* IMAGE, which is not kept yet, goes when nobody uses it for too long. */
void bothy_image_store_set_new (BothyImageStore *self, BothyImage *image);

/* Somebody uses IMAGE today. */
void bothy_image_store_note_use (BothyImageStore *self, BothyImage *image);

/* The origin (bothy_image_get_origin()) of an image that is nothing but the files of a container that was adopted. It goes with the
   last container that stands on it, unless its user gave it a name. */
#define BOTHY_ORIGIN_ADOPTED "adopt"

/* A container stands on IMAGE now (BY is 1), or no more (-1); the last one takes with it what nobody wants. */
void bothy_image_store_use (BothyImageStore *self, BothyImage *image, int by);

/* IMAGE stays from now on, whether it is used or not. */
void bothy_image_store_keep_unused (BothyImageStore *self, BothyImage *image);

/* All containers are there: what was made for one that is not goes. */
void bothy_image_store_drop_adopted (BothyImageStore *self);

/* It is day TODAY (0: not known): what was not used for too long goes. */
void bothy_image_store_begin_day (BothyImageStore *self, guint64 today);

G_END_DECLS
