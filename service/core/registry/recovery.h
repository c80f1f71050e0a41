/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Find out which containers still run, and go on where an earlier bothyd left off; from now on, what follows from what
   containers do is done. To be called once, before anything else is done with SELF. */
void bothy_registry_recover (BothyRegistry *self, GAsyncReadyCallback callback, gpointer user_data);

/* It never fails. What ended while no bothyd was there is followed up. */
void bothy_registry_recover_finish (BothyRegistry *self, GAsyncResult *result);

G_END_DECLS
