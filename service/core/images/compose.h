/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image.h"
#include "core/images/layer.h"

G_BEGIN_DECLS

/* As many as bothy-helper mounts for a container beside its own. */
#define BOTHY_MAX_LAYERS 63

/* Whether a container can stand on N layers. */
gboolean bothy_compose_check_depth (guint n, GError **error);

/* What of the first N of LAYERS (element-type BothyLayer), the lowest first, can be seen: each once. (transfer container) */
GPtrArray *bothy_compose_visible (GPtrArray *layers, guint n);

/* The fingerprint of IMAGE, of its layers and what it says of its containers: SHA-256 of what is recorded of
 * them. */
char *bothy_compose_fingerprint (const BothyImage *image);

/* The same of an image of Incus or LXD in two archives: that of the metadata has the SHA-256 METADATA. Not
 * the SHA-256 of both together, by which these call it: where one ends and the other begins, that does not
 * say. */
char *bothy_compose_fingerprint_apart (const BothyImage *image, const char *metadata);

/*
 * Let IMAGE, which has what it says of its containers already, stand on LAYERS (element-type BothyLayer), the lowest
 * first, as far as they can be seen. FALSE with BAD_ARCHIVE: nothing can run on them; or as bothy_compose_check_depth().
 */
gboolean bothy_compose (BothyImage *image, GPtrArray *layers, GError **error);

G_END_DECLS
