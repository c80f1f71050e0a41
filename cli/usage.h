/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Which of the caller's images something stands on, and what they take. */

/** cli_usage_images: Returns: (transfer full): a set of fingerprints: those that containers in @managed stand on */
GHashTable *cli_usage_images (GVariant *managed);

/** cli_usage_is_removable: Returns: whether @image is the caller's to remove, and not in @used */
gboolean cli_usage_is_removable (GVariant *image, GHashTable *used);

/** cli_usage_size: Returns: the bytes of an image's files */
guint64 cli_usage_size (GVariant *image);
