/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image.h"
#include "workers/fetch-answers.h"

G_BEGIN_DECLS

/* An image of LAYERS (element-type BothyLayer), which came from a remote: the one archive FINGERPRINT of a
 * catalogue; or what MANIFEST, or else NULL, speaks of, which also says what its containers do. */
BothyImage *bothy_pulled_image (const char *fingerprint,
                                const char *origin,
                                const char *verified,
                                GPtrArray *layers,
                                const BothyManifest *manifest,
                                GError **error);

G_END_DECLS
