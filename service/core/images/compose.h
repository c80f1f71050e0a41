/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image.h"
#include "core/images/layer.h"

G_BEGIN_DECLS

/* As many as bothy-helper mounts for a container beside its own. */
#define BOTHY_MAX_LAYERS 199

/* Whether a container can stand on N layers. */
gboolean bothy_compose_check_depth (guint n, GError **error);

/* Those of the first N of LAYERS (element-type BothyLayer; the lowest first) that a container on them sees: none below a
   layer that hides everything below it, and a layer that occurs more than once only where it occurs last.
   (transfer container) */
GPtrArray *bothy_compose_visible (GPtrArray *layers, guint n);

/* The fingerprint of IMAGE: the SHA-256 of a text that names its architecture, its layers, and what it says of its
   containers (the command, the environment and so on). (transfer full) */
char *bothy_compose_fingerprint (const BothyImage *image);

/* The fingerprint of IMAGE, which came from Incus or LXD as two archives, the one with its metadata having the SHA-256
   METADATA. Incus itself takes the SHA-256 of both archives put together; that does not say where the first one ends, so
   two different pairs could have the same. */
char *bothy_compose_fingerprint_apart (const BothyImage *image, const char *metadata);

/*
 * Let IMAGE, which has what it says of its containers already, stand on LAYERS (element-type BothyLayer), the lowest
 * first, as far as they can be seen. FALSE with BAD_ARCHIVE: nothing can run on them; or as bothy_compose_check_depth().
 */
gboolean bothy_compose (BothyImage *image, GPtrArray *layers, GError **error);

G_END_DECLS
