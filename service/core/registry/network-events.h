/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/bridges.h"
#include "core/byhand/nics.h"
#include "core/container/network-repair.h"
#include "core/registry/containers.h"

G_BEGIN_DECLS

/*
 * What is done when networks come and go: nics are looked after when a bridge, NetworkManager or bothy-net was away, and the
 * network goes when nobody needs it.
 */
#define BOTHY_TYPE_NETWORK_EVENTS (bothy_network_events_get_type ())
G_DECLARE_FINAL_TYPE (BothyNetworkEvents, bothy_network_events, BOTHY, NETWORK_EVENTS, GObject)

/* From now on, follow what happens. (transfer full) */
BothyNetworkEvents *bothy_network_events_new (BothyNetwork *network,
                                              BothyBridges *bridges,
                                              BothyNetworkRepair *repair,
                                              BothyContainers *containers,
                                              BothyByhandNics *nics);

G_END_DECLS
