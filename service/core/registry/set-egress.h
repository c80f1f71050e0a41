/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* What is done with destinations: they are all that may be reached, or some more, or some less. */
typedef enum { BOTHY_EGRESS_SET, BOTHY_EGRESS_ALLOW, BOTHY_EGRESS_DENY } BothyEgressChange;

/* Change what CONTAINER may reach by DESTINATIONS (network/egress.h): on record, and at once where it runs. Fails with
   WRONG_STATE when it has no network. */
void bothy_registry_set_egress (BothyRegistry *self,
                                BothyContainer *container,
                                BothyEgressChange change,
                                char **destinations,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* FALSE with an error; then it may reach what it could before. */
gboolean bothy_registry_set_egress_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS
