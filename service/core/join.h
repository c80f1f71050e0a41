/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/admission.h"
#include "core/container.h"

G_BEGIN_DECLS

/*
 * Give CONTAINER its network: a nic in the namespace of SUPERVISOR, its addresses, resolv.conf.
 * RESUME: it was given by an earlier broker, and is only looked after. When it can not be,
 * the container goes without, and says why; so this always comes to an end and never fails.
 */
void bothy_join (BothyNetwork *network, BothyAdmission *admission, BothyContainer *container,
                 BothySupervisor *supervisor, gboolean resume, GAsyncReadyCallback callback, gpointer user_data);
void bothy_join_finish (GAsyncResult *result);

G_END_DECLS
