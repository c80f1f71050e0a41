/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/bridge-monitor.h"

#include "base/validate.h"
#include "network/bridge-profile.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#define NIC_PREFIX "bothy-" /* of the links of bothy-net */

struct _BothyBridgeMonitor {
  GObject parent;
  BothyNm *nm;
  NMClient *client; /* that is followed */
  guint idle;
};

G_DEFINE_FINAL_TYPE (BothyBridgeMonitor, bothy_bridge_monitor, G_TYPE_OBJECT)

enum { CHANGED, UP, NIC_GONE, N_SIGNALS };
static guint signals[N_SIGNALS];

void
bothy_bridge_facts_free (BothyBridgeFacts *self)
{
  g_free (self->name);
  g_free (self->subnet);
  g_free (self->connection);
  g_strfreev (self->users);
  g_free (self);
}

/* ---- what there is ---- */

static char *
network_of (NMIPAddress *address)
{
  guint prefix = nm_ip_address_get_prefix (address);
  char text[INET_ADDRSTRLEN];
  struct in_addr binary;

  if (nm_ip_address_get_family (address) != AF_INET || prefix > 32)
    return g_strdup ("");
  nm_ip_address_get_address_binary (address, &binary);
  binary.s_addr &= prefix == 0 ? 0 : htonl (G_MAXUINT32 << (32 - prefix));
  return g_strdup_printf ("%s/%u", inet_ntop (AF_INET, &binary, text, sizeof text), prefix);
}

/* As it is, or as the profile will have it. */
static char *
find_subnet (NMDevice *device, NMConnection *profile)
{
  NMIPConfig *config = device ? nm_device_get_ip4_config (device) : NULL;
  GPtrArray *addresses = config ? nm_ip_config_get_addresses (config) : NULL;
  NMSettingIPConfig *setting = profile ? nm_connection_get_setting_ip4_config (profile) : NULL;

  if (addresses && addresses->len > 0)
    return network_of (addresses->pdata[0]);
  if (setting && nm_setting_ip_config_get_num_addresses (setting) > 0)
    return network_of (nm_setting_ip_config_get_address (setting, 0));
  return g_strdup ("");
}

static gboolean
is_nat (NMConnection *profile)
{
  NMSettingIPConfig *setting = nm_connection_get_setting_ip4_config (profile);

  return setting &&
         g_strcmp0 (nm_setting_ip_config_get_method (setting), NM_SETTING_IP4_CONFIG_METHOD_SHARED) == 0;
}

/* A kind of permission that is not known is given to nobody. */
static char **
find_users (NMConnection *profile)
{
  NMSettingConnection *setting = nm_connection_get_setting_connection (profile);
  guint32 n = setting ? nm_setting_connection_get_num_permissions (setting) : 0;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint32 i = 0; i < n; i++) {
    const char *kind, *user;

    if (nm_setting_connection_get_permission (setting, i, &kind, &user, NULL) &&
        g_strcmp0 (kind, "user") == 0)
      g_strv_builder_add (builder, user);
  }
  return n > 0 ? g_strv_builder_end (builder) : NULL;
}

static BothyBridgeFacts *
make_facts (const char *name, NMDevice *device, NMConnection *profile)
{
  BothyBridgeFacts *facts = g_new0 (BothyBridgeFacts, 1);

  facts->name = g_strdup (name);
  facts->subnet = find_subnet (device, profile);
  facts->connection = g_strdup (profile ? nm_connection_get_uuid (profile) : "");
  if (profile) {
    facts->nat = is_nat (profile);
    facts->ours = bothy_bridge_profile_is_ours (profile);
    facts->users = find_users (profile);
  }
  return facts;
}

/* Of a bridge that exists, the profile that is active on it counts. Of others, take_profiles() takes any
   profile that names the bridge. */
static void
take_devices (NMClient *client, GHashTable *found)
{
  const GPtrArray *devices = nm_client_get_devices (client);

  for (guint i = 0; i < devices->len; i++) {
    NMDevice *device = devices->pdata[i];
    NMActiveConnection *active = nm_device_get_active_connection (device);
    NMRemoteConnection *profile = active ? nm_active_connection_get_connection (active) : NULL;
    const char *name = nm_device_get_iface (device);

    if (NM_IS_DEVICE_BRIDGE (device) && bothy_is_interface_name (name))
      g_hash_table_insert (found, g_strdup (name),
                           make_facts (name, device, profile ? NM_CONNECTION (profile) : NULL));
  }
}

static void
take_profiles (NMClient *client, GHashTable *found)
{
  const GPtrArray *profiles = nm_client_get_connections (client);

  for (guint i = 0; i < profiles->len; i++) {
    NMConnection *profile = profiles->pdata[i];
    const char *name = nm_connection_get_interface_name (profile);
    BothyBridgeFacts *facts = name ? g_hash_table_lookup (found, name) : NULL;

    if (!nm_connection_is_type (profile, NM_SETTING_BRIDGE_SETTING_NAME) || !bothy_is_interface_name (name) ||
        (facts && *facts->connection))
      continue;
    g_clear_pointer (&facts, bothy_bridge_facts_free);
    g_hash_table_replace (found, g_strdup (name),
                          make_facts (name, nm_client_get_device_by_iface (client, name), profile));
  }
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const BothyBridgeFacts *const *left = a, *const *right = b;

  return strcmp ((*left)->name, (*right)->name);
}

GPtrArray *
bothy_bridge_monitor_list (BothyBridgeMonitor *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_bridge_facts_free);
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  NMClient *client = bothy_nm_peek (self->nm);
  GHashTableIter iter;
  gpointer facts;

  if (client && nm_client_get_nm_running (client)) {
    take_devices (client, found);
    take_profiles (client, found);
  }
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, NULL, &facts))
    g_ptr_array_add (list, facts);
  g_ptr_array_sort (list, compare);
  return list;
}

/* ---- what changes ---- */

static gboolean
on_idle (gpointer user_data)
{
  BothyBridgeMonitor *self = user_data;

  self->idle = 0;
  g_signal_emit (self, signals[CHANGED], 0);
  return G_SOURCE_REMOVE;
}

/* Things change by the dozen. */
static void
note_change (BothyBridgeMonitor *self)
{
  if (!self->idle)
    self->idle = g_idle_add (on_idle, self);
}

static void
on_profile_added (BothyBridgeMonitor *self, NMRemoteConnection *profile)
{
  if (!nm_connection_is_type (NM_CONNECTION (profile), NM_SETTING_BRIDGE_SETTING_NAME))
    return;
  g_signal_connect_object (profile, NM_CONNECTION_CHANGED, G_CALLBACK (note_change), self, G_CONNECT_SWAPPED);
  note_change (self);
}

/* A bridge forwards frames as soon as it is configured, so IP_CONFIG counts as up: DHCP of the LAN may never answer. */
static void
on_state (NMDevice *device, GParamSpec *spec, BothyBridgeMonitor *self)
{
  NMDeviceState state = nm_device_get_state (device);

  if (state == NM_DEVICE_STATE_IP_CONFIG || state == NM_DEVICE_STATE_ACTIVATED)
    g_signal_emit (self, signals[UP], 0, nm_device_get_iface (device));
}

/* Addresses come and go in the same configuration, too. */
static void
on_ip4_config (NMDevice *device, GParamSpec *spec, BothyBridgeMonitor *self)
{
  NMIPConfig *config = nm_device_get_ip4_config (device);

  if (config)
    g_signal_connect_object (config, "notify::addresses", G_CALLBACK (note_change), self, G_CONNECT_SWAPPED);
  note_change (self);
}

static void
on_device_added (BothyBridgeMonitor *self, NMDevice *device)
{
  if (!NM_IS_DEVICE_BRIDGE (device))
    return;
  g_signal_connect_object (device, "notify::active-connection", G_CALLBACK (note_change), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (device, "notify::state", G_CALLBACK (on_state), self, 0);
  g_signal_connect_object (device, "notify::ip4-config", G_CALLBACK (on_ip4_config), self, 0);
  on_ip4_config (device, NULL, self);
}

static void
on_device_removed (BothyBridgeMonitor *self, NMDevice *device)
{
  const char *name = nm_device_get_iface (device);

  if (NM_IS_DEVICE_BRIDGE (device))
    note_change (self);
  else if (name && g_str_has_prefix (name, NIC_PREFIX))
    g_signal_emit (self, signals[NIC_GONE], 0);
}

static void
follow (BothyBridgeMonitor *self, NMClient *client)
{
  const GPtrArray *profiles = nm_client_get_connections (client);
  const GPtrArray *devices = nm_client_get_devices (client);
  const struct {
    const char *signal;
    GCallback callback;
  } connections[] = {
    { NM_CLIENT_CONNECTION_ADDED, G_CALLBACK (on_profile_added) },
    { NM_CLIENT_CONNECTION_REMOVED, G_CALLBACK (note_change) },
    { NM_CLIENT_DEVICE_ADDED, G_CALLBACK (on_device_added) },
    { NM_CLIENT_DEVICE_REMOVED, G_CALLBACK (on_device_removed) },
    { "notify::" NM_CLIENT_NM_RUNNING, G_CALLBACK (note_change) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (connections); i++)
    g_signal_connect_object (client, connections[i].signal, connections[i].callback, self, G_CONNECT_SWAPPED);
  for (guint i = 0; i < profiles->len; i++)
    on_profile_added (self, profiles->pdata[i]);
  for (guint i = 0; i < devices->len; i++)
    on_device_added (self, devices->pdata[i]);
}

static void
on_client (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyBridgeMonitor) self = user_data;
  g_autoptr (GError) error = NULL;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, &error);

  if (client && g_set_object (&self->client, client))
    follow (self, client);
  else if (!client)
    g_message ("Bridges: %s", error->message);
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_bridge_monitor_start (BothyBridgeMonitor *self)
{
  bothy_nm_get (self->nm, on_client, g_object_ref (self));
}

static void
bothy_bridge_monitor_finalize (GObject *object)
{
  BothyBridgeMonitor *self = BOTHY_BRIDGE_MONITOR (object);

  if (self->idle)
    g_source_remove (self->idle);
  g_clear_object (&self->client);
  g_object_unref (self->nm);
  G_OBJECT_CLASS (bothy_bridge_monitor_parent_class)->finalize (object);
}

static void
bothy_bridge_monitor_class_init (BothyBridgeMonitorClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_bridge_monitor_finalize;
  signals[CHANGED] = g_signal_new ("changed", BOTHY_TYPE_BRIDGE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
  signals[UP] = g_signal_new ("up", BOTHY_TYPE_BRIDGE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                              G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[NIC_GONE] = g_signal_new ("nic-gone", BOTHY_TYPE_BRIDGE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                    NULL, G_TYPE_NONE, 0);
}

static void
bothy_bridge_monitor_init (BothyBridgeMonitor *self)
{
}

BothyBridgeMonitor *
bothy_bridge_monitor_new (BothyNm *nm)
{
  BothyBridgeMonitor *self = g_object_new (BOTHY_TYPE_BRIDGE_MONITOR, NULL);

  self->nm = g_object_ref (nm);
  g_signal_connect_object (nm, "answers", G_CALLBACK (bothy_bridge_monitor_start), self, G_CONNECT_SWAPPED);
  return self;
}
