/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge.h"

#include "core/error.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define PREFIX6          64
#define ACTIVATE_SECONDS 20
#define MAX_TRIES        20
#define RETRY_MS         200

/* Networks to choose from: the first that no route of the host overlaps. */
static const char *const networks[] = { "10.209.0.1", "10.137.0.1", "172.29.0.1", "10.73.0.1" };

struct _BothyBridge {
  GObject parent;
  BothyNm *nm;
  NMClient *client; /* of NM, once it was needed */
  NMActiveConnection *active;
  gulong active_changed;
  GQueue *waiting; /* GTask */
  gboolean working;
  gboolean wanted;
  gboolean leaving; /* the profile is being removed */
  guint tries;
  guint timer;
  guint32 address4;
  guint8 address6[16];
};

G_DEFINE_FINAL_TYPE (BothyBridge, bothy_bridge, G_TYPE_OBJECT)

static guint back_signal;

guint
bothy_bridge_get_index (BothyBridge *self)
{
  return if_nametoindex (BOTHY_BRIDGE_NAME);
}

guint32
bothy_bridge_get_address4 (BothyBridge *self)
{
  return self->address4;
}

const guint8 *
bothy_bridge_get_address6 (BothyBridge *self)
{
  return self->address6;
}

/* ---- addresses ---- */

/* Whether a route of the host (/proc/net/route, proc(5): little-endian hexadecimal) goes into ADDRESS/16. */
static gboolean
is_routed (guint32 address)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/net/route", &text, NULL, NULL))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    char interface[IFNAMSIZ + 1];
    unsigned int destination, mask;

    if (sscanf (*line, "%16s %8x %*x %*x %*u %*u %*u %8x", interface, &destination, &mask) != 3 ||
        mask == 0 || g_str_equal (interface, BOTHY_BRIDGE_NAME))
      continue;
    destination = ntohl (destination);
    mask = ntohl (mask) & 0xffff0000;
    if ((destination & mask) == (address & mask))
      return TRUE;
  }
  return FALSE;
}

static guint32
choose_address4 (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (networks); i++) {
    guint32 address = ntohl (inet_addr (networks[i]));

    if (!is_routed (address))
      return address;
  }
  return ntohl (inet_addr (networks[0]));
}

/* RFC 4193: a random global id; random for each machine but always the same. */
static void
derive_address6 (guint8 address[16])
{
  g_autofree char *machine = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;

  g_file_get_contents ("/etc/machine-id", &machine, NULL, NULL);
  g_checksum_update (checksum, (const guint8 *)BOTHY_BRIDGE_UUID, -1);
  g_checksum_update (checksum, (const guint8 *)(machine ? machine : ""), -1);
  g_checksum_get_digest (checksum, digest, &size);
  memset (address, 0, 16);
  address[0] = 0xfd;
  memcpy (address + 1, digest, 5);
  address[15] = 1;
}

/* ---- the profile ---- */

static void
add_address (NMSettingIPConfig *setting, int family, gconstpointer bytes, guint prefix)
{
  g_autoptr (GError) error = NULL;
  NMIPAddress *address = nm_ip_address_new_binary (family, bytes, prefix, &error);

  g_return_if_fail (address);
  nm_setting_ip_config_add_address (setting, address);
  nm_ip_address_unref (address);
}

static NMConnection *
make_profile (BothyBridge *self)
{
  NMConnection *connection = nm_simple_connection_new ();
  NMSetting *ip4 = nm_setting_ip4_config_new (), *ip6 = nm_setting_ip6_config_new ();
  guint32 address4 = htonl (self->address4);

  nm_connection_add_setting (
      connection, g_object_new (NM_TYPE_SETTING_CONNECTION, NM_SETTING_CONNECTION_ID, "Bothy",
                                NM_SETTING_CONNECTION_UUID, BOTHY_BRIDGE_UUID, NM_SETTING_CONNECTION_TYPE,
                                NM_SETTING_BRIDGE_SETTING_NAME, NM_SETTING_CONNECTION_INTERFACE_NAME,
                                BOTHY_BRIDGE_NAME, NM_SETTING_CONNECTION_AUTOCONNECT, FALSE, NULL));
  /* The spanning tree protocol would let a new port wait for half a minute. */
  nm_connection_add_setting (connection,
                             g_object_new (NM_TYPE_SETTING_BRIDGE, NM_SETTING_BRIDGE_STP, FALSE, NULL));
  g_object_set (ip4, NM_SETTING_IP_CONFIG_METHOD, NM_SETTING_IP4_CONFIG_METHOD_SHARED, NULL);
  add_address (NM_SETTING_IP_CONFIG (ip4), AF_INET, &address4, BOTHY_BRIDGE_PREFIX4);
  nm_connection_add_setting (connection, ip4);
  g_object_set (ip6, NM_SETTING_IP_CONFIG_METHOD, NM_SETTING_IP6_CONFIG_METHOD_MANUAL,
                NM_SETTING_IP_CONFIG_MAY_FAIL, TRUE, NULL);
  add_address (NM_SETTING_IP_CONFIG (ip6), AF_INET6, self->address6, PREFIX6);
  nm_connection_add_setting (connection, ip6);
  return connection;
}

/* ---- bringing it up ---- */

static void
stop_watching (BothyBridge *self)
{
  if (self->active_changed)
    g_signal_handler_disconnect (self->active, self->active_changed);
  self->active_changed = 0;
  g_clear_object (&self->active);
  if (self->timer)
    g_source_remove (self->timer);
  self->timer = 0;
}

/* Tell all who wait; ERROR is freed. */
static void
finish (BothyBridge *self, GError *error)
{
  g_autoptr (GError) owned = error;
  GTask *task;

  self->working = FALSE;
  stop_watching (self);
  while ((task = g_queue_pop_head (self->waiting))) {
    if (owned)
      g_task_return_error (task, g_error_copy (owned));
    else
      g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

static void
fail (BothyBridge *self, GError *error, const char *context)
{
  if (!error)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s", context);
  bothy_error_adopt (&error, context);
  finish (self, error);
}

static gboolean
is_up (BothyBridge *self)
{
  NMDevice *device = self->client ? nm_client_get_device_by_iface (self->client, BOTHY_BRIDGE_NAME) : NULL;

  /* Once addresses are being set it is there; what comes after, such as finding that nobody else has the
     address, takes seconds and is not ours to wait for. */
  return device && nm_client_get_nm_running (self->client) && NM_IS_DEVICE_BRIDGE (device) &&
         nm_device_get_state (device) >= NM_DEVICE_STATE_IP_CONFIG &&
         nm_device_get_state (device) <= NM_DEVICE_STATE_ACTIVATED && bothy_bridge_get_index (self) != 0;
}

static void
check_active (BothyBridge *self)
{
  NMActiveConnectionState state = nm_active_connection_get_state (self->active);

  if (state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATED || state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATING)
    fail (self, NULL, "NetworkManager could not bring the bridge " BOTHY_BRIDGE_NAME " up");
  else if (is_up (self))
    finish (self, NULL);
}

static void
on_device_changed (BothyBridge *self)
{
  if (self->active)
    check_active (self);
}

static void
on_device_added (BothyBridge *self, NMDevice *device)
{
  if (g_strcmp0 (nm_device_get_iface (device), BOTHY_BRIDGE_NAME) == 0)
    g_signal_connect_object (device, "notify::state", G_CALLBACK (on_device_changed), self,
                             G_CONNECT_SWAPPED);
  on_device_changed (self);
}

static gboolean
on_timeout (gpointer user_data)
{
  BothyBridge *self = user_data;

  self->timer = 0;
  fail (self, NULL, "NetworkManager took too long to bring the bridge " BOTHY_BRIDGE_NAME " up");
  return G_SOURCE_REMOVE;
}

static void
on_activated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyBridge) self = user_data;
  GError *error = NULL;

  self->active = nm_client_activate_connection_finish (NM_CLIENT (source), result, &error);
  if (!self->active) {
    fail (self, error, "NetworkManager does not bring the bridge " BOTHY_BRIDGE_NAME " up");
    return;
  }
  self->active_changed =
      g_signal_connect_swapped (self->active, "notify::state", G_CALLBACK (on_device_changed), self);
  self->timer = g_timeout_add_seconds (ACTIVATE_SECONDS, on_timeout, self);
  check_active (self);
}

static void
activate (BothyBridge *self, NMConnection *connection)
{
  nm_client_activate_connection_async (self->client, connection, NULL, NULL, NULL, on_activated,
                                       g_object_ref (self));
}

static void bring_up (BothyBridge *self);

static gboolean
on_retry (gpointer user_data)
{
  BothyBridge *self = user_data;

  self->timer = 0;
  bring_up (self);
  return G_SOURCE_REMOVE;
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyBridge) self = user_data;
  GError *error = NULL;
  g_autoptr (NMRemoteConnection) connection =
      nm_client_add_connection2_finish (NM_CLIENT (source), result, NULL, &error);

  if (connection)
    activate (self, NM_CONNECTION (connection));
  else if (self->tries++ < MAX_TRIES) {
    /* NetworkManager comes up, and has not told yet of the profile that it has. */
    g_error_free (error);
    self->timer = g_timeout_add (RETRY_MS, on_retry, self);
  } else
    fail (self, error, "NetworkManager does not take the profile of the bridge " BOTHY_BRIDGE_NAME);
}

/* An administrator may have made a profile of that UUID his own; then it is his that is used. */
static void
take_address_of (BothyBridge *self, NMConnection *connection)
{
  NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config (connection);
  NMIPAddress *address = ip4 && nm_setting_ip_config_get_num_addresses (ip4) > 0
                             ? nm_setting_ip_config_get_address (ip4, 0)
                             : NULL;

  if (address)
    self->address4 = ntohl (inet_addr (nm_ip_address_get_address (address)));
}

static void
bring_up (BothyBridge *self)
{
  NMRemoteConnection *present;
  g_autoptr (NMConnection) connection = NULL;
  g_autoptr (GVariant) settings = NULL;

  if (!nm_client_get_nm_running (self->client)) {
    fail (self, NULL, "NetworkManager does not run, so there is no network; install and start it");
    return;
  }
  present = nm_client_get_connection_by_uuid (self->client, BOTHY_BRIDGE_UUID);
  if (present)
    take_address_of (self, NM_CONNECTION (present));
  /* A bridge without its profile is about to go. */
  if (present && is_up (self)) {
    finish (self, NULL);
    return;
  }
  if (present) {
    activate (self, NM_CONNECTION (present));
    return;
  }
  self->address4 = choose_address4 ();
  connection = make_profile (self);
  settings = g_variant_ref_sink (nm_connection_to_dbus (connection, NM_CONNECTION_SERIALIZE_ALL));
  nm_client_add_connection2 (self->client, settings, NM_SETTINGS_ADD_CONNECTION2_FLAG_IN_MEMORY, NULL, FALSE,
                             NULL, on_added, g_object_ref (self));
}

static void
on_back (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (bothy_bridge_ensure_finish (BOTHY_BRIDGE (source), result, &error))
    g_signal_emit (source, back_signal, 0);
  else
    g_message ("Network: %s", error->message);
}

/* The bridge goes along with NetworkManager, or comes back without its ports. */
static void
on_running_changed (BothyBridge *self)
{
  if (!self->wanted || self->working || !nm_client_get_nm_running (self->client))
    return;
  bothy_bridge_ensure (self, on_back, NULL);
}

static void
take_client (BothyBridge *self, NMClient *client)
{
  self->client = g_object_ref (client);
  g_signal_connect_object (client, "notify::nm-running", G_CALLBACK (on_running_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (client, "device-added", G_CALLBACK (on_device_added), self, G_CONNECT_SWAPPED);
}

static void
on_client (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyBridge) self = user_data;
  GError *error = NULL;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, &error);

  if (!client) {
    fail (self, error, "NetworkManager can not be reached");
    return;
  }
  if (!self->client)
    take_client (self, client);
  bring_up (self);
}

void
bothy_bridge_ensure (BothyBridge *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  self->wanted = TRUE;
  if (is_up (self) && !self->leaving) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
    return;
  }
  g_queue_push_tail (self->waiting, task);
  if (self->working || self->leaving)
    return;
  self->working = TRUE;
  self->tries = 0;
  if (self->client)
    bring_up (self);
  else
    bothy_nm_get (self->nm, on_client, g_object_ref (self));
}

gboolean
bothy_bridge_ensure_finish (BothyBridge *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyBridge) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error))
    g_message ("Network: the bridge's profile was not removed: %s", error->message);
  /* Whoever came meanwhile gets a new one. */
  self->leaving = FALSE;
  if (g_queue_is_empty (self->waiting))
    return;
  self->working = TRUE;
  self->tries = 0;
  bring_up (self);
}

/* What an administrator has saved stays. */
static void
remove_profile (BothyBridge *self)
{
  NMRemoteConnection *connection = nm_client_get_connection_by_uuid (self->client, BOTHY_BRIDGE_UUID);

  if (self->leaving || self->working || !connection || !nm_remote_connection_get_unsaved (connection))
    return;
  self->leaving = TRUE;
  nm_remote_connection_delete_async (connection, NULL, on_deleted, g_object_ref (self));
}

/* Somebody may have come who needs it after all. */
static void
on_client_to_release (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyBridge) self = user_data;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, NULL);

  if (!client || self->client || self->wanted)
    return;
  take_client (self, client);
  remove_profile (self);
}

void
bothy_bridge_release (BothyBridge *self)
{
  self->wanted = FALSE;
  if (self->client)
    remove_profile (self);
  else if (bothy_bridge_get_index (self) != 0)
    /* It was an earlier broker's. */
    bothy_nm_get (self->nm, on_client_to_release, g_object_ref (self));
}

static void
bothy_bridge_finalize (GObject *object)
{
  BothyBridge *self = BOTHY_BRIDGE (object);

  stop_watching (self);
  g_clear_object (&self->client);
  g_object_unref (self->nm);
  g_queue_free_full (self->waiting, g_object_unref);
  G_OBJECT_CLASS (bothy_bridge_parent_class)->finalize (object);
}

static void
bothy_bridge_class_init (BothyBridgeClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_bridge_finalize;
  back_signal =
      g_signal_new ("back", BOTHY_TYPE_BRIDGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_bridge_init (BothyBridge *self)
{
  self->waiting = g_queue_new ();
  self->address4 = choose_address4 ();
  derive_address6 (self->address6);
}

BothyBridge *
bothy_bridge_new (BothyNm *nm)
{
  BothyBridge *self = g_object_new (BOTHY_TYPE_BRIDGE, NULL);

  self->nm = g_object_ref (nm);
  return self;
}
