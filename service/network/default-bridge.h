/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network/nm.h"

G_BEGIN_DECLS

/*
 * The bridge that containers are on unless they want something else: a profile of
 * NetworkManager's, which routes, translates addresses and answers DHCP and DNS
 * (ipv4.method=shared). It is made on first use, kept in memory only, and removed when
 * nobody needs it.
 *
 * It is kept up as long as somebody needs it, whatever happens to it or to NetworkManager.
 *
 * Signals: "lost" (): it was up, and is not any more, or lost its ports; "back" (): somebody was told that there is no
 * bridge, or it was lost; now it is up.
 */
#define BOTHY_TYPE_DEFAULT_BRIDGE (bothy_default_bridge_get_type ())
G_DECLARE_FINAL_TYPE (BothyDefaultBridge, bothy_default_bridge, BOTHY, DEFAULT_BRIDGE, GObject)

#define BOTHY_BRIDGE_NAME    "bothy0"
#define BOTHY_BRIDGE_UUID    "0e5a7b1e-b074-4d0c-9b5c-6f1bb07b0700" /* of its profile */
#define BOTHY_BRIDGE_PREFIX4 16

BothyDefaultBridge *bothy_default_bridge_new (BothyNm *nm);

/* To be said once, before anything else: it has 10.SUBNET.0.0/16 when it is made, whoever has that as well; 0: what is free. */
void bothy_default_bridge_set_subnet (BothyDefaultBridge *self, guint subnet);

/* Have the bridge up. Fails with BOTHY_ERROR when NetworkManager is not there, can not, or does not answer: within half a
   minute at most. When it can later on, "back" follows. */
void bothy_default_bridge_ensure (BothyDefaultBridge *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_default_bridge_ensure_finish (BothyDefaultBridge *self, GAsyncResult *result, GError **error);

/* Its index as a link of the host, 0: it is not there. */
guint bothy_default_bridge_get_index (BothyDefaultBridge *self);

/* Host byte order: the bridge's own IPv4 address; the network has 16 bits in front. 0: there is no bridge, and no network is free. */
guint32 bothy_default_bridge_get_address4 (BothyDefaultBridge *self);

/* 16 bytes: the bridge's own IPv6 address, a unique local one of this machine; /64. */
const guint8 *bothy_default_bridge_get_address6 (BothyDefaultBridge *self);

/* Why it could not be brought up when it was last needed; NULL: it could. */
const char *bothy_default_bridge_get_problem (BothyDefaultBridge *self);

/* Nobody needs it any more. */
void bothy_default_bridge_release (BothyDefaultBridge *self);

G_END_DECLS
