/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/router.h"

G_BEGIN_DECLS

/* Take the method call MESSAGE of CLIENT through the door: find its row, ask, and run its handler, or reply with an
   error. REGISTRY is the BothyRegistry. This is a BothyDispatch. */
void bothy_dispatch (BothyRouter *router, BothyClient *client, GDBusMessage *message, gpointer registry);

G_END_DECLS
