/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Make a container for OWNER as SPEC says, which is taken over; its image is what the owner calls it. Nothing of it is seen
   until the rename of its finished directory. */
void bothy_registry_create (BothyRegistry *self,
                            guint32 owner,
                            BothyContainerSpec *spec,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The same of one that stands on BELOW, which another container wrote; SPEC says by its fingerprint which image that stands on. */
void bothy_registry_create_on (BothyRegistry *self,
                               guint32 owner,
                               BothyContainerSpec *spec,
                               BothyUpper *below,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* Keep the name, the place and the static address of SPEC's for OWNER, who is about to have one made, for as long as what comes before
   takes. Ends with bothy_registry_cancel_create(), right before bothy_registry_create() or instead of it. FALSE as
   bothy_registry_check_create(), and nothing is kept. */
gboolean bothy_registry_reserve_create (BothyRegistry *self,
                                        guint32 owner,
                                        const BothyContainerSpec *spec,
                                        GError **error);

/* SPEC of OWNER, which bothy_registry_reserve_create() kept a name for, will not be made, or now. */
void bothy_registry_cancel_create (BothyRegistry *self, guint32 owner, const BothyContainerSpec *spec);

/* Whether OWNER could have one as SPEC says now, as far as that is known before one is made. FALSE with CONTAINER_EXISTS, QUOTA_EXCEEDED and
   others. */
gboolean bothy_registry_check_create (BothyRegistry *self,
                                      guint32 owner,
                                      const BothyContainerSpec *spec,
                                      GError **error);

/* For both: (transfer full); NULL with an error: CONTAINER_EXISTS, QUOTA_EXCEEDED, NO_SUCH_IMAGE and others; then nothing is left. */
BothyContainer *bothy_registry_create_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS
