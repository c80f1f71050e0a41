/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network/bridge-profile.h"

G_BEGIN_DECLS

/* What is in common to making and removing profiles of bridges. */

/* The name of the bridge that CONNECTION was made for, or NULL: it is not one of ours. */
const char *bothy_bridge_profile_mark (NMConnection *connection);

/* What NetworkManager is to have for PROFILE; the port's, which leads to the LAN, names BRIDGE. */
NMConnection *bothy_bridge_profile_make_bridge (const BothyBridgeProfile *profile);

/* The port of BRIDGE, which leads to the LAN. Returns (transfer full): a connection that NetworkManager does not have yet. */
NMConnection *bothy_bridge_profile_make_port (const BothyBridgeProfile *profile, NMConnection *bridge);

/* (element-type NMRemoteConnection): all that carry NAME as their mark, the bridge last. */
GPtrArray *bothy_bridge_profile_find (NMClient *client, const char *name);

/* Remove one that nobody waits for. */
void bothy_bridge_profile_discard (NMRemoteConnection *profile);

G_END_DECLS
