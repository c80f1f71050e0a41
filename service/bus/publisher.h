/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/objects.h"
#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Show all that REGISTRY has in OBJECTS, and go on doing so as long as both are there. */
void bothy_publisher_start (BothyObjects *objects, BothyRegistry *registry);

G_END_DECLS
