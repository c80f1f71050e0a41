/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * What is started unasked: at boot, when its owner logs in, and again when it ended. All of it by turns, a few at a time
 * and fewer of each user's, after it was looked whether its owner could start it himself.
 */

/* Begin, by way of SYSTEM_BUS, and go on until the process ends: SELF's containers are known, and what an earlier bothyd left
   of them is settled. */
void bothy_registry_begin_autostarts (BothyRegistry *self, GDBusConnection *system_bus);

G_END_DECLS
