/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/bridges.h"
#include "core/registry/containers.h"

G_BEGIN_DECLS

/* Addresses that were chosen for containers on bridges of the LAN: each is one container's, and none the machine's.
   bothy-net sees to that once more when they start. */

/* Check that the address that SPEC, which has been reserved, wants on its bridge can be its own. Fails with INVALID_ARGS
   when it can not be on that bridge, or somebody has it, or is about to. */
void bothy_static_address_check (BothyContainers *containers,
                                 BothyBridges *bridges,
                                 const BothyContainerSpec *spec,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean
bothy_static_address_check_finish (BothyContainers *containers, GAsyncResult *result, GError **error);

G_END_DECLS
