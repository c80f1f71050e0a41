/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Asking containers whether they are well. What is asked runs inside as the container's own, and counts as such; it is no
 * Process that anybody sees. There is a timer for each container that is asked, and runs, and none for others.
 */

/* Begin, and go on until the process ends: SELF's containers are known, and what an earlier bothyd left of them is settled. */
void bothy_registry_begin_health (BothyRegistry *self);

G_END_DECLS
