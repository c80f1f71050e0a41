/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network/nm.h"

G_BEGIN_DECLS

/*
 * Which bridges NetworkManager knows: those it has a profile for, and those that it sees.
 *
 * Signals: "changed" (): the list may be another; "up" (const char *name): a bridge has come up, maybe anew and
 * without its ports; "nic-gone" (): a link of bothy-net's has left the host.
 */
#define BOTHY_TYPE_BRIDGE_MONITOR (bothy_bridge_monitor_get_type ())
G_DECLARE_FINAL_TYPE (BothyBridgeMonitor, bothy_bridge_monitor, BOTHY, BRIDGE_MONITOR, GObject)

typedef struct {
  char *name;       /* the interface's */
  gboolean nat;     /* NetworkManager translates addresses and answers DHCP, else it is a part of a LAN */
  char *subnet;     /* IPv4, with prefix length; "": not known */
  char *connection; /* the profile's UUID; "": there is none */
  gboolean ours;    /* the profile was made by bothy_bridge_profile_create() */
  char **users;     /* whom the profile's connection.permissions name; NULL: everybody */
} BothyBridgeFacts;

/* Frees what is known of a bridge. */
void bothy_bridge_facts_free (BothyBridgeFacts *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyBridgeFacts, bothy_bridge_facts_free)

BothyBridgeMonitor *bothy_bridge_monitor_new (BothyNm *nm);

/* Begin; "changed" follows, even when NetworkManager is not there. */
void bothy_bridge_monitor_start (BothyBridgeMonitor *self);

/* (element-type BothyBridgeFacts), by name. */
GPtrArray *bothy_bridge_monitor_list (BothyBridgeMonitor *self);

G_END_DECLS
