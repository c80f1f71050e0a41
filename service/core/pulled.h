/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/image.h"
#include "storage/fetched.h"

G_BEGIN_DECLS

/* An image of LAYERS (element-type BothyLayer), which came from a remote; MANIFEST, or NULL, says what its
 * containers do. */
BothyImage *bothy_pulled_image (const char *fingerprint,
                                const char *origin,
                                const char *verified,
                                GPtrArray *layers,
                                const BothyManifest *manifest,
                                GError **error);

/*
 * What a manifest says was read by a process that a server may have taken over. So the image that KNOWN is
 * already, maybe another user's, is IMAGE only if it is made of the same.
 */
gboolean bothy_pulled_check_same (BothyImage *known, BothyImage *image, GError **error);

G_END_DECLS
