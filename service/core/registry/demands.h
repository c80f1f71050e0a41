/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Containers that are started on demand: while one is stopped, bothy-net listens at the ports of TCP that lead to it, and
 * tells when somebody connects. What follows a run, or a start, that did not go well is a pause in which he is
 * refused, as long as that before a restart (core/autostart/autostart.h); after as many in a row it stays so until the
 * container is started otherwise.
 */

/* Somebody connected to CONTAINER, which is stopped: it is to be started. What is not "due" when this returns counts as a start
   that did not go well. */
typedef void (*BothyDemandFunc) (BothyContainer *container, gpointer user_data);

/* Begin, and go on until the process ends: SELF's containers are known, and what an earlier bothyd left of them is settled. */
void bothy_registry_begin_demands (BothyRegistry *self, BothyDemandFunc demanded, gpointer user_data);

G_END_DECLS
