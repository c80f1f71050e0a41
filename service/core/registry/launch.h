/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/reference.h"
#include "core/registry/registry.h"
#include "core/remotes/credentials.h"

G_BEGIN_DECLS

/* What is to be launched. */
typedef struct {
  BothyContainerSpec *
      spec; /* as for bothy_registry_create(), which takes it over; bothy_registry_reserve_create() was called for it */
  const BothyReference
      *reference; /* where its image is from if it is not here; it is copied; NULL: it has to be here */
  BothyCredentials *credentials; /* what is shown to servers, or NULL */
} BothyLaunch;

/* Get the image of LAUNCH if it is not here, make the container, and start it, all for OPERATION's user. OPERATION is kept up to date and
   cancels it, but is completed by the caller. */
void bothy_registry_launch (BothyRegistry *self,
                            BothyOperation *operation,
                            const BothyLaunch *launch,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The container, which runs (transfer full), or NULL with an error of bothy_puller_pull(), bothy_registry_create() or
   bothy_registry_start(), or CANCELLED. Then there is no container, unless somebody else has started it since it
   was made; an image that was got whole stays. */
BothyContainer *bothy_registry_launch_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS
