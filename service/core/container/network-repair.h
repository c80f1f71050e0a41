/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"
#include "core/container/container.h"

G_BEGIN_DECLS

/*
 * Looks after the nics of containers that run: the bridge was away, or bothy-net, or bothyd. It is done one time after
 * the other for each container, so that whoever comes second finds what the first one made, and what the container may
 * reach by then. What fails is shown as the container's NetworkError.
 */
#define BOTHY_TYPE_NETWORK_REPAIR (bothy_network_repair_get_type ())
G_DECLARE_FINAL_TYPE (BothyNetworkRepair, bothy_network_repair, BOTHY, NETWORK_REPAIR, GObject)

/* ADMISSION stays the caller's. (transfer full) */
BothyNetworkRepair *bothy_network_repair_new (BothyNetwork *network, BothyAdmission *admission);

/* See to it that CONTAINER, which is active, has the network that it wants: now if it runs; if it is being started,
   at bothy_network_repair_resume(). Nothing is done with one that is not active. */
void bothy_network_repair_begin (BothyNetworkRepair *self, BothyContainer *container);

/* CONTAINER runs from now on: do what bothy_network_repair_begin() put off. */
void bothy_network_repair_resume (BothyNetworkRepair *self, BothyContainer *container);

/* CONTAINER can use its nic no more, until it is looked after again: show PROBLEM, one sentence, as its NetworkError, and no
   address. Nothing is done with one that has no nic. */
void bothy_network_repair_tell (BothyNetworkRepair *self, BothyContainer *container, const char *problem);

/* Call back when nobody looks after CONTAINER's nic: at once, or when that is done. It never fails. */
void bothy_network_repair_wait (BothyNetworkRepair *self,
                                BothyContainer *container,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
void bothy_network_repair_wait_finish (BothyNetworkRepair *self, GAsyncResult *result);

/* CONTAINER has ended, or never began: take its nic away, and forget what was put off. */
void bothy_network_repair_end (BothyNetworkRepair *self, BothyContainer *container);

G_END_DECLS
