/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/network.h"

#include "base/error.h"
#include "network/dhcp.h"
#include "base/fd.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RANGE_SIZE 65536u

/* The first 16 addresses of the network are the bridge's and for what may come. */
#define FIRST_HOST 16u
#define N_RANGES   0x7000u /* below the last id that a pool may have */

struct _BothyNetwork {
  GObject parent;
  BothyNm *nm;
  BothyDefaultBridge *bridge;
  BothyNetClient *nics;
  guint32 range_pool;
  guint32 asker; /* what bothy-net tells this bothyd from an earlier one by */
};

G_DEFINE_FINAL_TYPE (BothyNetwork, bothy_network, G_TYPE_OBJECT)

enum { BACK, LOST, N_SIGNALS };
static guint signals[N_SIGNALS];

void
bothy_network_config_free (BothyNetworkConfig *self)
{
  g_free (self->address4);
  g_free (self->gateway4);
  g_free (self->address6);
  g_free (self->gateway6);
  g_free (self);
}

/* ---- who is who ---- */

static void
set_alias (struct net_request *request, const char *id, guint32 owner)
{
  g_snprintf (request->alias, sizeof request->alias, "bothy:%u:%s", owner, id);
}

/* A container's host number is the distance of its range from the pool's first range. An administrator may
   have moved the pool above ranges that containers have; those wrap round to the end of the numbers. So no
   two ranges get the same number, and none gets one of a nic by hand, which are higher. */
static guint32
host_number (BothyNetwork *self, guint32 range_base)
{
  return (range_base / RANGE_SIZE + N_RANGES - self->range_pool / RANGE_SIZE) % N_RANGES + FIRST_HOST;
}

/* Locally administered, and the range's number in it: two containers never have the same. */
static void
set_mac (struct net_request *request, guint32 range_base)
{
  guint32 number = range_base / RANGE_SIZE;

  request->mac[0] = 0x02;
  request->mac[1] = 0xb0;
  request->mac[2] = 0x7f;
  request->mac[3] = (guint8)(number >> 16);
  request->mac[4] = (guint8)(number >> 8);
  request->mac[5] = (guint8)number;
}

static void
set_identity (
    BothyNetwork *self, struct net_request *request, const char *id, guint32 owner, guint32 range_base)
{
  guint32 number = host_number (self, range_base);
  guint32 address4 = htonl ((bothy_default_bridge_get_address4 (self->bridge) & 0xffff0000) | number);

  set_alias (request, id, owner);
  set_mac (request, range_base);
  request->owner = owner;
  memcpy (request->address4, &address4, sizeof address4);
  memcpy (request->address6, bothy_default_bridge_get_address6 (self->bridge), 8);
  request->address6[14] = (guint8)(number >> 8);
  request->address6[15] = (guint8)number;
  g_strlcpy (request->inside, BOTHY_NETWORK_INTERFACE, sizeof request->inside);
  request->bridge = bothy_default_bridge_get_index (self->bridge);
  /* A user's own containers may talk to each other, and to nobody else's. */
  request->group = owner + 1;
}

static char *
format (int family, gconstpointer address, const char *suffix)
{
  char text[INET6_ADDRSTRLEN];

  return g_strconcat (inet_ntop (family, address, text, sizeof text), suffix, NULL);
}

/* ---- attach ---- */

static BothyNetworkConfig *
make_config (BothyNetwork *self, const struct net_request *request)
{
  BothyNetworkConfig *config = g_new0 (BothyNetworkConfig, 1);
  guint32 gateway4 = htonl (bothy_default_bridge_get_address4 (self->bridge));

  config->address4 = format (AF_INET, request->address4, "/16");
  config->gateway4 = format (AF_INET, &gateway4, "");
  config->address6 = format (AF_INET6, request->address6, "/64");
  config->gateway6 = format (AF_INET6, bothy_default_bridge_get_address6 (self->bridge), "");
  return config;
}

typedef struct {
  char *id;
  guint32 owner;
  guint32 range_base;
  int netns_fd;
  GArray *destinations; /* NULL: all */
  struct net_request request;
} Attach;

static void
attach_free (Attach *attach)
{
  bothy_clear_fd (&attach->netns_fd);
  g_clear_pointer (&attach->destinations, g_array_unref);
  g_free (attach->id);
  g_free (attach);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyNetwork *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_net_client_call_finish (BOTHY_NET_CLIENT (source), result, NULL, &error))
    g_task_return_pointer (task, make_config (self, &attach->request),
                           (GDestroyNotify)bothy_network_config_free);
  else {
    bothy_dhcp_forget (attach->id);
    g_task_return_error (task, error);
  }
}

static void
on_bridge (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyNetwork *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  GError *error = NULL;

  if (!bothy_default_bridge_ensure_finish (BOTHY_DEFAULT_BRIDGE (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  set_identity (self, &attach->request, attach->id, attach->owner, attach->range_base);
  bothy_net_client_call (self->nics, &attach->request, attach->netns_fd, attach->destinations, on_attached,
                         g_object_ref (task));
  /* While bothy-net works: dnsmasq reads it at once, and takes a processor for that. */
  bothy_dhcp_reserve (attach->id, attach->request.mac, attach->request.address4);
}

static void
start_attach (BothyNetwork *self,
              guint32 op,
              const char *id,
              guint32 owner,
              guint32 range_base,
              char **egress,
              int netns_fd,
              GTask *task)
{
  Attach *attach = g_new0 (Attach, 1);
  GError *error = NULL;

  attach->id = g_strdup (id);
  attach->owner = owner;
  attach->range_base = range_base;
  attach->netns_fd = netns_fd >= 0 ? bothy_fd_dup (netns_fd, &error) : -1;
  attach->destinations = bothy_egress_is_limited (egress) ? bothy_egress_flatten (egress) : NULL;
  attach->request.op = op;
  g_task_set_task_data (task, attach, (GDestroyNotify)attach_free);
  if (error) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  bothy_default_bridge_ensure (self->bridge, on_bridge, task);
}

void
bothy_network_attach (BothyNetwork *self,
                      const char *id,
                      guint32 owner,
                      guint32 range_base,
                      char **egress,
                      int netns_fd,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  start_attach (self, NET_ATTACH, id, owner, range_base, egress, netns_fd,
                g_task_new (self, NULL, callback, user_data));
}

void
bothy_network_resume (BothyNetwork *self,
                      const char *id,
                      guint32 owner,
                      guint32 range_base,
                      char **egress,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  start_attach (self, NET_REPAIR, id, owner, range_base, egress, -1,
                g_task_new (self, NULL, callback, user_data));
}

BothyNetworkConfig *
bothy_network_attach_finish (BothyNetwork *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- ports ---- */

void
bothy_network_publish (BothyNetwork *self,
                       guint32 owner,
                       guint32 range_base,
                       const BothyPort *port,
                       gboolean add,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  struct net_request request = { .op = add ? NET_PUBLISH : NET_UNPUBLISH,
                                 .flags = port->udp ? NET_FLAG_UDP : 0,
                                 .port = port->host,
                                 .inside_port = port->inside };

  request.host_family = bothy_port_get_address (port, request.host_address);
  set_identity (self, &request, "", 0, range_base);
  request.owner = owner;
  bothy_net_client_call (self->nics, &request, -1, NULL, bothy_net_client_on_done,
                         g_task_new (self, NULL, callback, user_data));
}

gboolean
bothy_network_publish_finish (BothyNetwork *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- ports that wait for somebody ---- */

void
bothy_network_listen (BothyNetwork *self,
                      const BothyPort *port,
                      guint32 ticket,
                      gboolean paused,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  struct net_request request = { .op = NET_LISTEN,
                                 .flags = paused ? NET_FLAG_PAUSED : 0,
                                 .port = port->host,
                                 .asker = self->asker,
                                 .ticket = ticket };

  request.host_family = bothy_port_get_address (port, request.host_address);
  bothy_net_client_call (self->nics, &request, -1, NULL, bothy_net_client_on_done,
                         g_task_new (self, NULL, callback, user_data));
}

gboolean
bothy_network_listen_finish (BothyNetwork *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- the rest ---- */

static void
on_examined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char *text = bothy_net_client_call_finish_text (BOTHY_NET_CLIENT (source), result, &error);

  if (text)
    g_task_return_pointer (task, text, g_free);
  else
    g_task_return_error (task, error);
}

static void
examine (BothyNetwork *self, guint32 op, GAsyncReadyCallback callback, gpointer user_data)
{
  struct net_request request = { .op = op };

  bothy_net_client_call (self->nics, &request, -1, NULL, on_examined,
                         g_task_new (self, NULL, callback, user_data));
}

void
bothy_network_examine (BothyNetwork *self, GAsyncReadyCallback callback, gpointer user_data)
{
  examine (self, NET_EXAMINE, callback, user_data);
}

void
bothy_network_open_firewalls (BothyNetwork *self, GAsyncReadyCallback callback, gpointer user_data)
{
  examine (self, NET_OPEN_FIREWALLS, callback, user_data);
}

char *
bothy_network_examine_finish (BothyNetwork *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_prepared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_default_bridge_ensure_finish (BOTHY_DEFAULT_BRIDGE (source), result, &error))
    g_message ("Network: %s", error->message);
}

void
bothy_network_prepare (BothyNetwork *self)
{
  bothy_default_bridge_ensure (self->bridge, on_prepared, NULL);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_net_client_call_finish (BOTHY_NET_CLIENT (source), result, NULL, &error))
    g_warning ("Network: %s", error->message);
}

void
bothy_network_detach (BothyNetwork *self, const char *id, guint32 owner)
{
  struct net_request request = { .op = NET_DETACH };

  set_alias (&request, id, owner);
  bothy_dhcp_forget (id);
  bothy_net_client_call (self->nics, &request, -1, NULL, on_done, NULL);
}

void
bothy_network_unlisten (BothyNetwork *self, const BothyPort *port, guint32 ticket)
{
  struct net_request request = { .op = NET_UNLISTEN, .asker = self->asker, .ticket = ticket };

  if (port) {
    request.port = port->host;
    request.host_family = bothy_port_get_address (port, request.host_address);
  }
  bothy_net_client_call (self->nics, &request, -1, NULL, on_done, NULL);
}

void
bothy_network_tidy (BothyNetwork *self)
{
  struct net_request request = { .op = NET_TIDY };

  if (bothy_default_bridge_get_index (self->bridge) != 0)
    bothy_net_client_call (self->nics, &request, -1, NULL, on_done, NULL);
}

void
bothy_network_release (BothyNetwork *self)
{
  bothy_network_tidy (self);
  bothy_default_bridge_release (self->bridge);
}

BothyDefaultBridge *
bothy_network_get_bridge (BothyNetwork *self)
{
  return self->bridge;
}

BothyNetClient *
bothy_network_get_nics (BothyNetwork *self)
{
  return self->nics;
}

BothyNm *
bothy_network_get_nm (BothyNetwork *self)
{
  return self->nm;
}

char *
bothy_network_get_subnet (BothyNetwork *self)
{
  guint32 network = htonl (bothy_default_bridge_get_address4 (self->bridge) & 0xffff0000);

  return network ? format (AF_INET, &network, "/16") : g_strdup ("");
}

static void
on_back (BothyNetwork *self)
{
  g_signal_emit (self, signals[BACK], 0);
}

static void
on_lost (BothyNetwork *self)
{
  g_signal_emit (self, signals[LOST], 0);
}

static void
bothy_network_finalize (GObject *object)
{
  BothyNetwork *self = BOTHY_NETWORK (object);

  g_object_unref (self->bridge);
  g_object_unref (self->nm);
  g_object_unref (self->nics);
  G_OBJECT_CLASS (bothy_network_parent_class)->finalize (object);
}

static void
bothy_network_class_init (BothyNetworkClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_network_finalize;
  signals[BACK] =
      g_signal_new ("back", BOTHY_TYPE_NETWORK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[LOST] =
      g_signal_new ("lost", BOTHY_TYPE_NETWORK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_network_init (BothyNetwork *self)
{
  self->nm = bothy_nm_new ();
  self->bridge = bothy_default_bridge_new (self->nm);
  self->nics = bothy_net_client_new ();
  self->asker = (guint32)g_random_int_range (1, G_MAXINT32);
  g_signal_connect_object (self->bridge, "back", G_CALLBACK (on_back), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->bridge, "lost", G_CALLBACK (on_lost), self, G_CONNECT_SWAPPED);
}

BothyNetwork *
bothy_network_new (guint32 range_pool, guint subnet)
{
  BothyNetwork *self = g_object_new (BOTHY_TYPE_NETWORK, NULL);

  self->range_pool = range_pool;
  bothy_default_bridge_set_subnet (self->bridge, subnet);
  return self;
}
