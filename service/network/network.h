/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "network/port.h"
#include "network/default-bridge.h"
#include "network/egress.h"
#include "network/net-client.h"

G_BEGIN_DECLS

/*
 * Puts containers on the bridge. A container's addresses follow from its id range, so they
 * are its own, and the same each time.
 *
 * Signals: "lost" (): containers on the default bridge have no network just now; "back" (): containers that run are to be
 * attached again: bothy_network_resume().
 */
#define BOTHY_TYPE_NETWORK (bothy_network_get_type ())
G_DECLARE_FINAL_TYPE (BothyNetwork, bothy_network, BOTHY, NETWORK, GObject)

/* What a container's interface is to be like. */
typedef struct {
  char *address4; /* with prefix length */
  char *gateway4;
  char *address6;
  char *gateway6;
} BothyNetworkConfig;

/* Frees it with all that it holds. */
void bothy_network_config_free (BothyNetworkConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyNetworkConfig, bothy_network_config_free)

#define BOTHY_NETWORK_INTERFACE "eth0"

/* RANGE_POOL: the first id of the pool that ranges are taken from. SUBNET: the second number of bothy0's addresses; 0: it is chosen. */
BothyNetwork *bothy_network_new (guint32 range_pool, guint subnet);

/* What it works with. */
BothyDefaultBridge *bothy_network_get_bridge (BothyNetwork *self);

/* Returns (transfer none): the connection to bothy-net. */
BothyNetClient *bothy_network_get_nics (BothyNetwork *self);

/* Returns (transfer none): the connection to NetworkManager. */
BothyNm *bothy_network_get_nm (BothyNetwork *self);

/* Of the bridge, with prefix length; "": there is none, and no network is free. */
char *bothy_network_get_subnet (BothyNetwork *self);

/* Have the bridge up, so that attaching is fast. */
void bothy_network_prepare (BothyNetwork *self);

/* Make a nic in the namespace NETNS_FD (kept the caller's) for the container ID of OWNER, which may reach EGRESS. */
void bothy_network_attach (BothyNetwork *self,
                           const char *id,
                           guint32 owner,
                           guint32 range_base,
                           char **egress,
                           int netns_fd,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
BothyNetworkConfig *bothy_network_attach_finish (BothyNetwork *self, GAsyncResult *result, GError **error);

/* Look after the nic that it has: the bridge was away, or the broker, or EGRESS is another. When that fails, the nic is down.
   bothy_network_attach_finish() is for the answer. */
void bothy_network_resume (BothyNetwork *self,
                           const char *id,
                           guint32 owner,
                           guint32 range_base,
                           char **egress,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/* Let PORT of the host lead to OWNER's container that has RANGE_BASE, or (not ADD) no more. PORT_IN_USE: something else has it. */
void bothy_network_publish (BothyNetwork *self,
                            guint32 owner,
                            guint32 range_base,
                            const BothyPort *port,
                            gboolean add,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean bothy_network_publish_finish (BothyNetwork *self, GAsyncResult *result, GError **error);

/* Take PORT, of TCP, which leads nowhere just now, and have bothy_network_get_nics() emit "knock" with TICKET once when
   somebody comes to it; again when this is called again. PAUSED: whoever comes is refused. Who waits there gets to the
   container that bothy_network_publish() lets it lead to. PORT_IN_USE: something else has it. */
void bothy_network_listen (BothyNetwork *self,
                           const BothyPort *port,
                           guint32 ticket,
                           gboolean paused,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
gboolean bothy_network_listen_finish (BothyNetwork *self, GAsyncResult *result, GError **error);

/* Wait for nobody at PORT any more that was asked for with TICKET, and let go of it unless it leads to a container or was asked for
   with another; NULL: at all ports that an earlier bothyd asked for, and this one did not. */
void bothy_network_unlisten (BothyNetwork *self, const BothyPort *port, guint32 ticket);

/* What other firewalls do to the bridge: NET_EXAMINE's text. */
void bothy_network_examine (BothyNetwork *self, GAsyncReadyCallback callback, gpointer user_data);

/* The same once docker's and ufw's let it pass: NET_OPEN_FIREWALLS' text. */
void bothy_network_open_firewalls (BothyNetwork *self, GAsyncReadyCallback callback, gpointer user_data);

/* For both. NULL with an error. */
char *bothy_network_examine_finish (BothyNetwork *self, GAsyncResult *result, GError **error);

/* The container is gone, and its nic with it; the filter forgets it. */
void bothy_network_detach (BothyNetwork *self, const char *id, guint32 owner);

/* Let go of what belongs to containers that are gone: an earlier broker may have been killed. */
void bothy_network_tidy (BothyNetwork *self);

/* No container is left at all: nothing of the network stays on the host. */
void bothy_network_release (BothyNetwork *self);

G_END_DECLS
