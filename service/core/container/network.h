/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"
#include "core/container/container.h"

G_BEGIN_DECLS

/*
 * Give CONTAINER its network: a nic in the namespace of SUPERVISOR, its addresses, resolv.conf. When it can not
 * have one, the container goes without, and says why; so this always comes to an end and never fails.
 */

/* For one that is being started: make the nic in its network namespace NETNS_FD, which SUPERVISOR is told of only
   after bothy_container_network_proceed(). NETNS_FD is taken over. The task is the caller's as well. */
GTask *bothy_container_network_ahead (BothyNetwork *network,
                                      BothyAdmission *admission,
                                      BothyContainer *container,
                                      BothySupervisor *supervisor,
                                      int netns_fd,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);

/* SUPERVISOR is ready for its nic: go on with TASK, which bothy_container_network_ahead() returned. */
void bothy_container_network_proceed (GTask *task);

/* For one that runs: an earlier broker gave it one, which is only looked after. */
void bothy_container_network_again (BothyNetwork *network,
                                    BothyAdmission *admission,
                                    BothyContainer *container,
                                    BothySupervisor *supervisor,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);

/* For both. */
void bothy_container_network_finish (GAsyncResult *result);

G_END_DECLS
