/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "core/images/image-store.h"
#include "core/snapshots/upper.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/* What a container's root is made of. */
typedef struct {
  guint n_lower;      /* layers that it stands on; one more is what it writes into */
  guint n_own;        /* of these, the topmost are the container's own */
  gboolean is_placed; /* the lowest is not in the store */
} BothyContainerStack;

/* List the layers of CONTAINER, which are in UPPERS and IMAGES, in REQUEST: the topmost first, and in the end what it writes into.
   One that is not in the store is left out, and RET_STACK says so. FALSE with DEGRADED or NO_SUCH_IMAGE. */
gboolean bothy_container_list_layers (const BothyContainer *container,
                                      BothyUppers *uppers,
                                      BothyImageStore *images,
                                      struct helper_request *request,
                                      BothyContainerStack *ret_stack,
                                      GError **error);

G_END_DECLS
