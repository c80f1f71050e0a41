/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image.h"

G_BEGIN_DECLS

/*
 * Where each user of an image got it from, as BothyImage.origin says it of who was the first: two may have the same
 * bytes from two remotes, and neither gets newer ones from where the other one trusts.
 */

/* "" if it is not known. */
const char *bothy_image_get_origin (BothyImage *self, guint32 user);
void bothy_image_set_origin (BothyImage *self, guint32 user, const char *origin);

/* Of users who have a claim. */
void bothy_image_load_origins (BothyImage *self, GKeyFile *record);
void bothy_image_save_origins (BothyImage *self, GKeyFile *record);

G_END_DECLS
