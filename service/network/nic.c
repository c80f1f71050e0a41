/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/nic.h"

#include "base/error.h"
#include "network/dhcp.h"
#include "base/fd.h"
#include "base/validate.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define ALIAS_PREFIX "bothy:"

/* On the default bridge: behind all that follow from id ranges, of which there are at most 28664. */
#define FIRST_HOST 0xc000u

/* ---- aliases ---- */

BothyNic *
bothy_nic_new (guint32 owner, const char *name, const char *bridge, const char *payer)
{
  BothyNic *self = g_new0 (BothyNic, 1);

  self->owner = owner;
  self->name = g_strdup (name);
  self->bridge = g_strdup (bridge);
  self->payer = g_strdup (payer);
  return self;
}

static BothyNic *
place_copy (const BothyNic *self)
{
  return bothy_nic_new (self->owner, self->name, self->bridge, self->payer);
}

void
bothy_nic_free (BothyNic *self)
{
  g_free (self->name);
  g_free (self->bridge);
  g_free (self->payer);
  g_free (self);
}

char *
bothy_nic_id (const BothyNic *self)
{
  return g_strdup_printf ("%s.%s.%s", self->name, self->bridge, self->payer);
}

/* A bridge's name may have dots; the others have none. */
BothyNic *
bothy_nic_parse_id (guint32 owner, const char *id)
{
  const char *first = strchr (id, '.'), *last = strrchr (id, '.');
  g_autofree char *name = NULL;
  g_autofree char *bridge = NULL;

  if (!first || last == first || first == id || !last[1])
    return NULL;
  name = g_strndup (id, (gsize)(first - id));
  bridge = g_strndup (first + 1, (gsize)(last - first - 1));
  return bothy_is_interface_name (bridge) ? bothy_nic_new (owner, name, bridge, last + 1) : NULL;
}

BothyNic *
bothy_nic_parse (const char *alias)
{
  char *end;
  guint64 owner;

  if (!g_str_has_prefix (alias, ALIAS_PREFIX))
    return NULL;
  owner = g_ascii_strtoull (alias + strlen (ALIAS_PREFIX), &end, 10);
  return *end == ':' && owner <= G_MAXINT32 ? bothy_nic_parse_id ((guint32)owner, end + 1) : NULL;
}

guint
bothy_nic_number (const BothyNic *self)
{
  guint64 number;

  if (g_str_has_prefix (self->name, BOTHY_NIC_BY_HAND) &&
      g_ascii_string_to_unsigned (self->name + strlen (BOTHY_NIC_BY_HAND), 10, 1, BOTHY_NIC_MAX_NUMBER,
                                  &number, NULL))
    return (guint)number;
  return 0;
}

void
bothy_nic_mac (const BothyNic *self, guint8 mac[6])
{
  g_autofree char *machine = NULL;
  g_autofree char *id = g_strdup_printf ("%s %s", self->name, self->bridge);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;

  g_file_get_contents ("/etc/machine-id", &machine, NULL, NULL);
  g_checksum_update (checksum, (const guint8 *)(machine ? machine : ""), -1);
  g_checksum_update (checksum, (const guint8 *)id, -1);
  g_checksum_get_digest (checksum, digest, &size);
  /* Locally administered. */
  mac[0] = 0x02;
  memcpy (mac + 1, digest, 5);
}

/* ---- what is asked for ---- */

static gboolean
is_on_default (const BothyNic *self)
{
  return g_str_equal (self->bridge, BOTHY_BRIDGE_NAME);
}

static void
set_addresses (BothyNetwork *network, const BothyNic *self, struct net_request *request)
{
  BothyDefaultBridge *bridge = bothy_network_get_bridge (network);
  guint32 host = FIRST_HOST + bothy_nic_number (self);
  guint32 address4 = htonl ((bothy_default_bridge_get_address4 (bridge) & 0xffff0000) | host);

  memcpy (request->address4, &address4, sizeof address4);
  memcpy (request->address6, bothy_default_bridge_get_address6 (bridge), 8);
  request->address6[14] = (guint8)(host >> 8);
  request->address6[15] = (guint8)host;
}

static void
set_alias (const BothyNic *self, struct net_request *request)
{
  g_autofree char *id = bothy_nic_id (self);

  g_snprintf (request->alias, sizeof request->alias, ALIAS_PREFIX "%u:%s", self->owner, id);
}

static void
bind_to (const BothyLanAddress *address, struct net_request *request)
{
  guint32 address4 = htonl (address->address);

  if (!address->address)
    return;
  request->flags |= NET_FLAG_BOUND;
  memcpy (request->address4, &address4, sizeof address4);
}

static void
fill (BothyNetwork *network, const BothyNic *self, const char *inside, struct net_request *request)
{
  set_alias (self, request);
  g_strlcpy (request->inside, inside, sizeof request->inside);
  bothy_nic_mac (self, request->mac);
  request->bridge = if_nametoindex (self->bridge);
  /* A user's own may talk to each other. */
  request->group = self->owner + 1;
  request->owner = self->owner;
  if (is_on_default (self))
    set_addresses (network, self, request);
  else
    request->flags = NET_FLAG_LAN;
}

static char *
format (int family, gconstpointer address, const char *suffix)
{
  char text[INET6_ADDRSTRLEN];

  return g_strconcat (inet_ntop (family, address, text, sizeof text), suffix, NULL);
}

static BothyNetworkConfig *
make_config (BothyNetwork *network,
             const BothyNic *self,
             const BothyLanAddress *address,
             const struct net_request *request)
{
  BothyNetworkConfig *config = g_new0 (BothyNetworkConfig, 1);
  BothyDefaultBridge *bridge = bothy_network_get_bridge (network);
  guint32 gateway4 = htonl (bothy_default_bridge_get_address4 (bridge));
  gboolean given = is_on_default (self);

  config->address4 = given ? format (AF_INET, request->address4, "/16") : g_strdup ("");
  config->gateway4 = given ? format (AF_INET, &gateway4, "") : g_strdup ("");
  if (address->address) {
    config->address4 = (g_free (config->address4), bothy_lan_address_format (address));
    config->gateway4 = (g_free (config->gateway4), bothy_lan_address_format_gateway (address));
  }
  config->address6 = given ? format (AF_INET6, request->address6, "/64") : g_strdup ("");
  config->gateway6 =
      given ? format (AF_INET6, bothy_default_bridge_get_address6 (bridge), "") : g_strdup ("");
  return config;
}

/* ---- doing it ---- */

typedef struct {
  BothyNic *place;
  char *inside;
  int netns_fd;            /* -1: it is there */
  GArray *destinations;    /* NULL: all */
  BothyLanAddress address; /* 0: none */
  struct net_request request;
} Job;

static void
job_free (Job *job)
{
  bothy_clear_fd (&job->netns_fd);
  g_clear_pointer (&job->destinations, g_array_unref);
  bothy_nic_free (job->place);
  g_free (job->inside);
  g_free (job);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyNetwork *network = g_task_get_source_object (task);
  Job *job = g_task_get_task_data (task);
  g_autofree char *id = bothy_nic_id (job->place);
  GError *error = NULL;

  if (bothy_net_client_call_finish (BOTHY_NET_CLIENT (source), result, NULL, &error)) {
    /* Who tidied up meanwhile did not know of it. */
    if (is_on_default (job->place))
      bothy_dhcp_reserve (id, job->request.mac, job->request.address4);
    g_task_return_pointer (task, make_config (network, job->place, &job->address, &job->request),
                           (GDestroyNotify)bothy_network_config_free);
    return;
  }
  if (is_on_default (job->place))
    bothy_dhcp_forget (id);
  g_task_return_error (task, error);
}

static void
request_nic (GTask *task)
{
  BothyNetwork *network = g_task_get_source_object (task);
  Job *job = g_task_get_task_data (task);
  g_autofree char *id = bothy_nic_id (job->place);

  fill (network, job->place, job->inside, &job->request);
  bind_to (&job->address, &job->request);
  if (job->request.bridge == 0) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                             "The bridge %s is down; NetworkManager (nmcli connection up) brings it up",
                             job->place->bridge);
    return;
  }
  if (is_on_default (job->place))
    bothy_dhcp_reserve (id, job->request.mac, job->request.address4);
  bothy_net_client_call (bothy_network_get_nics (network), &job->request, job->netns_fd, job->destinations,
                         on_done, g_object_ref (task));
}

static void
on_bridge (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_default_bridge_ensure_finish (BOTHY_DEFAULT_BRIDGE (source), result, &error))
    request_nic (task);
  else
    g_task_return_error (task, error);
}

static void
start (BothyNetwork *network,
       guint32 op,
       const BothyNic *self,
       const char *inside,
       int netns_fd,
       char **egress,
       const BothyLanAddress *address,
       GTask *task)
{
  g_autoptr (GTask) owned = task;
  Job *job = g_new0 (Job, 1);
  GError *error = NULL;

  job->place = place_copy (self);
  job->inside = g_strdup (inside);
  job->destinations = egress && bothy_egress_is_limited (egress) ? bothy_egress_flatten (egress) : NULL;
  job->netns_fd = netns_fd >= 0 ? bothy_fd_dup (netns_fd, &error) : -1;
  job->request.op = op;
  if (address)
    job->address = *address;
  g_task_set_task_data (task, job, (GDestroyNotify)job_free);
  if (error)
    g_task_return_error (task, error);
  else if (is_on_default (self))
    bothy_default_bridge_ensure (bothy_network_get_bridge (network), on_bridge, g_object_ref (task));
  else
    request_nic (task);
}

void
bothy_nic_attach (BothyNetwork *network,
                  const BothyNic *self,
                  const char *inside,
                  int netns_fd,
                  char **egress,
                  const BothyLanAddress *address,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  start (network, NET_ATTACH, self, inside, netns_fd, egress, address,
         g_task_new (network, NULL, callback, user_data));
}

void
bothy_nic_resume (BothyNetwork *network,
                  const BothyNic *self,
                  char **egress,
                  const BothyLanAddress *address,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  start (network, NET_REPAIR, self, BOTHY_NETWORK_INTERFACE, -1, egress, address,
         g_task_new (network, NULL, callback, user_data));
}

BothyNetworkConfig *
bothy_nic_attach_finish (BothyNetwork *network, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
bothy_nic_detach (BothyNetwork *network,
                  const BothyNic *self,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  struct net_request request = { .op = NET_DETACH };
  g_autofree char *id = bothy_nic_id (self);

  set_alias (self, &request);
  bothy_dhcp_forget (id);
  bothy_net_client_call (bothy_network_get_nics (network), &request, -1, NULL, bothy_net_client_on_done,
                         g_task_new (network, NULL, callback, user_data));
}

gboolean
bothy_nic_detach_finish (BothyNetwork *network, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
