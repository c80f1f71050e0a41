/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Tell systemd-machined of SELF's containers that run, by way of SYSTEM_BUS, until the process ends: as NAME.uUID, for two
   users may have one of the same name. */
void bothy_registry_begin_machines (BothyRegistry *self, GDBusConnection *system_bus);

G_END_DECLS
