/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* What a container of USER's may have at most, as Ceilings of the bus has it: a{sv}, floating. */
GVariant *bothy_registry_get_ceilings_of (BothyRegistry *self, guint32 user);

/* Everybody who has a container, an image, a volume, an id range or ceilings of his own, by uid, as ListUsers of the bus has them; USER
   alone unless ALL: aa{sv}, floating. */
GVariant *bothy_registry_list_users (BothyRegistry *self, guint32 user, gboolean all);

/* Say CEILINGS, which were bothy_ceilings_check(), for USER. They hold for his containers at once, but for what an administrator let one
   of them have. FALSE with an error: nothing is changed. */
gboolean bothy_registry_set_user_ceilings (BothyRegistry *self,
                                           guint32 user,
                                           const BothyCgroupLimits *ceilings,
                                           GError **error);

G_END_DECLS
