/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "core/images/image.h"

G_BEGIN_DECLS

/*
 * The configuration of an OCI image that does what CONTAINER does, which stands on IMAGE: a JSON object without the brace at its
 * end, for its layers are still to come. What is not UTF-8 in it becomes U+FFFD. (transfer full); NULL with LIMITS_EXCEEDED: it is
 * longer than what packs takes.
 */
char *bothy_oci_config_describe (const BothyContainer *container, const BothyImage *image, GError **error);

G_END_DECLS
