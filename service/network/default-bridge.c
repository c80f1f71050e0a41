/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/default-bridge.h"

#include "base/error.h"
#include "network/nm-activate.h"
#include "network/subnet.h"

#include <arpa/inet.h>
#include <net/if.h>

#define PREFIX6         64
#define WAITING_SECONDS 20 /* for all steps together */
#define MAX_TRIES       20
#define RETRY_MS        200

struct _BothyDefaultBridge {
  GObject parent;
  BothyNm *nm;
  NMClient *client; /* of NM, once it was needed */
  GQueue *waiting;  /* GTask */
  guint deadline;   /* of those */
  gboolean working;
  gboolean late; /* nobody waits any more for what is under way */
  gboolean wanted;
  gboolean missed;  /* somebody wants it who did not get it, or not any more */
  gboolean leaving; /* the profile is being removed */
  guint tries;
  guint timer;
  char *problem; /* why it is not up, or NULL */
  guint32 address4;
  guint8 address6[16];
};

G_DEFINE_FINAL_TYPE (BothyDefaultBridge, bothy_default_bridge, G_TYPE_OBJECT)

static guint back_signal;

guint
bothy_default_bridge_get_index (BothyDefaultBridge *self)
{
  return if_nametoindex (BOTHY_BRIDGE_NAME);
}

guint32
bothy_default_bridge_get_address4 (BothyDefaultBridge *self)
{
  return self->address4;
}

const guint8 *
bothy_default_bridge_get_address6 (BothyDefaultBridge *self)
{
  return self->address6;
}

const char *
bothy_default_bridge_get_problem (BothyDefaultBridge *self)
{
  return self->problem;
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
make_profile (BothyDefaultBridge *self)
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

/* ---- who waits ---- */

static gboolean
is_up (BothyDefaultBridge *self)
{
  return self->client && bothy_nm_activate_is_up (self->client, BOTHY_BRIDGE_NAME, NULL);
}

static void
answer_all (BothyDefaultBridge *self, const GError *error)
{
  GTask *task;

  self->missed = self->missed || error;
  g_free (self->problem);
  self->problem = error ? g_strdup (error->message) : NULL;
  while ((task = g_queue_pop_head (self->waiting))) {
    if (error)
      g_task_return_error (task, g_error_copy (error));
    else
      g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
  /* Whoever was answered may have asked again, and is answered, too. */
  g_clear_handle_id (&self->deadline, g_source_remove);
}

static void remove_profile (BothyDefaultBridge *self);

/* Somebody may have let go of it meanwhile. */
static void
rest (BothyDefaultBridge *self)
{
  self->working = self->late = FALSE;
  if (!self->wanted && self->client)
    remove_profile (self);
}

/* It is up: also for those who went without it, or lost it. */
static void
succeed (BothyDefaultBridge *self)
{
  answer_all (self, NULL);
  rest (self);
  if (!self->missed)
    return;
  self->missed = FALSE;
  g_signal_emit (self, back_signal, 0);
}

/* Takes ERROR over. */
static void
fail (BothyDefaultBridge *self, GError *error, const char *context)
{
  g_autoptr (GError) owned = error;
  gboolean silence = bothy_nm_is_silence (error);

  bothy_error_adopt (&owned, context);
  answer_all (self, owned);
  rest (self);
  if (silence)
    bothy_nm_doubt (self->nm);
}

/* What is under way goes on. */
static gboolean
on_deadline (gpointer user_data)
{
  BothyDefaultBridge *self = user_data;
  g_autoptr (GError) error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                                          "NetworkManager did not have the bridge " BOTHY_BRIDGE_NAME
                                          " up within %d seconds; look at it with "
                                          "\"nmcli device\", or restart it",
                                          WAITING_SECONDS);

  self->deadline = 0;
  self->late = TRUE;
  answer_all (self, error);
  return G_SOURCE_REMOVE;
}

/* ---- bringing it up ---- */

static void
on_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyDefaultBridge) self = user_data;
  GError *error = NULL;

  if (bothy_nm_activate_finish (result, &error))
    succeed (self);
  else
    fail (self, error, "NetworkManager does not bring the bridge " BOTHY_BRIDGE_NAME " up");
}

static void
activate (BothyDefaultBridge *self, NMConnection *connection)
{
  bothy_nm_activate (self->client, connection, BOTHY_BRIDGE_NAME, NULL, on_up, g_object_ref (self));
}

static void bring_up (BothyDefaultBridge *self);

static gboolean
on_retry (gpointer user_data)
{
  BothyDefaultBridge *self = user_data;

  self->timer = 0;
  bring_up (self);
  return G_SOURCE_REMOVE;
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyDefaultBridge) self = user_data;
  GError *error = NULL;
  g_autoptr (NMRemoteConnection) connection =
      nm_client_add_connection2_finish (NM_CLIENT (source), result, NULL, &error);

  if (connection)
    activate (self, NM_CONNECTION (connection));
  else if (self->tries++ < MAX_TRIES && !bothy_nm_is_silence (error)) {
    /* NetworkManager comes up, and has not told yet of the profile that it has. */
    g_error_free (error);
    self->timer = g_timeout_add (RETRY_MS, on_retry, self);
  } else
    fail (self, error, "NetworkManager does not take the profile of the bridge " BOTHY_BRIDGE_NAME);
}

/* An administrator may have made a profile of that UUID his own; then it is his that is used. */
static void
take_address_of (BothyDefaultBridge *self, NMConnection *connection)
{
  NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config (connection);
  NMIPAddress *address = ip4 && nm_setting_ip_config_get_num_addresses (ip4) > 0
                             ? nm_setting_ip_config_get_address (ip4, 0)
                             : NULL;

  if (address)
    self->address4 = ntohl (inet_addr (nm_ip_address_get_address (address)));
}

static void
bring_up (BothyDefaultBridge *self)
{
  NMRemoteConnection *present;
  g_autoptr (NMConnection) connection = NULL;
  g_autoptr (GVariant) settings = NULL;

  if (!nm_client_get_nm_running (self->client)) {
    fail (self,
          g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                               "NetworkManager does not run, so there is no network; install and start it"),
          NULL);
    return;
  }
  present = nm_client_get_connection_by_uuid (self->client, BOTHY_BRIDGE_UUID);
  if (present)
    take_address_of (self, NM_CONNECTION (present));
  /* A bridge without its profile is about to go. */
  if (present && is_up (self)) {
    succeed (self);
    return;
  }
  if (present) {
    activate (self, NM_CONNECTION (present));
    return;
  }
  self->address4 = bothy_subnet_choose4 (BOTHY_BRIDGE_NAME);
  connection = make_profile (self);
  settings = g_variant_ref_sink (nm_connection_to_dbus (connection, NM_CONNECTION_SERIALIZE_ALL));
  nm_client_add_connection2 (self->client, settings, NM_SETTINGS_ADD_CONNECTION2_FLAG_IN_MEMORY, NULL, FALSE,
                             NULL, on_added, g_object_ref (self));
}

static void
on_ensured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_default_bridge_ensure_finish (BOTHY_DEFAULT_BRIDGE (source), result, &error))
    g_message ("Network: %s", error->message);
}

/* Those who have been told that there is none get it after all. */
static void
make_up_for_it (BothyDefaultBridge *self)
{
  if (self->wanted && self->missed && !self->working)
    bothy_default_bridge_ensure (self, on_ensured, NULL);
}

/* The bridge goes along with NetworkManager, or comes back without its ports. */
static void
on_running_changed (BothyDefaultBridge *self)
{
  self->missed = self->missed || self->wanted;
  if (nm_client_get_nm_running (self->client))
    make_up_for_it (self);
}

/* Somebody else has brought it up, or NetworkManager was slow. */
static void
on_device_changed (BothyDefaultBridge *self)
{
  if (self->missed && !self->working && is_up (self))
    make_up_for_it (self);
}

static void
follow_device (BothyDefaultBridge *self, NMDevice *device)
{
  if (g_strcmp0 (nm_device_get_iface (device), BOTHY_BRIDGE_NAME) != 0)
    return;
  g_signal_connect_object (device, "notify::state", G_CALLBACK (on_device_changed), self, G_CONNECT_SWAPPED);
  on_device_changed (self);
}

static void
take_client (BothyDefaultBridge *self, NMClient *client)
{
  NMDevice *device = nm_client_get_device_by_iface (client, BOTHY_BRIDGE_NAME);

  if (!g_set_object (&self->client, client))
    return;
  if (device)
    follow_device (self, device);
  g_signal_connect_object (client, "notify::nm-running", G_CALLBACK (on_running_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (client, "device-added", G_CALLBACK (follow_device), self, G_CONNECT_SWAPPED);
}

static void
on_client (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyDefaultBridge) self = user_data;
  GError *error = NULL;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, &error);

  if (!client) {
    fail (self, error, "NetworkManager can not be reached");
    return;
  }
  take_client (self, client);
  bring_up (self);
}

static void
begin (BothyDefaultBridge *self)
{
  if (self->working || self->leaving)
    return;
  self->working = TRUE;
  self->tries = 0;
  bothy_nm_get (self->nm, on_client, g_object_ref (self));
}

void
bothy_default_bridge_ensure (BothyDefaultBridge *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  self->wanted = TRUE;
  g_queue_push_tail (self->waiting, task);
  if (is_up (self) && !self->leaving && !self->working) {
    succeed (self);
    return;
  }
  /* Who comes late does not wait for what others have given up. */
  if (self->deadline == 0)
    self->deadline = self->late ? g_idle_add (on_deadline, self)
                                : g_timeout_add_seconds (WAITING_SECONDS, on_deadline, self);
  begin (self);
}

gboolean
bothy_default_bridge_ensure_finish (BothyDefaultBridge *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyDefaultBridge) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error))
    g_message ("Network: the bridge's profile was not removed: %s", error->message);
  if (bothy_nm_is_silence (error))
    bothy_nm_doubt (self->nm);
  /* Whoever came meanwhile gets a new one. */
  self->leaving = FALSE;
  self->late = FALSE;
  if (!g_queue_is_empty (self->waiting))
    begin (self);
  else
    make_up_for_it (self);
}

/* What an administrator has saved stays. */
static void
remove_profile (BothyDefaultBridge *self)
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
  g_autoptr (BothyDefaultBridge) self = user_data;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, NULL);

  if (!client || self->wanted)
    return;
  take_client (self, client);
  remove_profile (self);
}

void
bothy_default_bridge_release (BothyDefaultBridge *self)
{
  self->wanted = self->missed = FALSE;
  if (self->client)
    remove_profile (self);
  else if (bothy_default_bridge_get_index (self) != 0)
    /* It was an earlier broker's. */
    bothy_nm_get (self->nm, on_client_to_release, g_object_ref (self));
}

static void
bothy_default_bridge_finalize (GObject *object)
{
  BothyDefaultBridge *self = BOTHY_DEFAULT_BRIDGE (object);

  if (self->timer)
    g_source_remove (self->timer);
  if (self->deadline)
    g_source_remove (self->deadline);
  g_clear_object (&self->client);
  g_object_unref (self->nm);
  g_free (self->problem);
  g_queue_free_full (self->waiting, g_object_unref);
  G_OBJECT_CLASS (bothy_default_bridge_parent_class)->finalize (object);
}

static void
bothy_default_bridge_class_init (BothyDefaultBridgeClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_default_bridge_finalize;
  back_signal = g_signal_new ("back", BOTHY_TYPE_DEFAULT_BRIDGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                              G_TYPE_NONE, 0);
}

static void
bothy_default_bridge_init (BothyDefaultBridge *self)
{
  self->waiting = g_queue_new ();
  self->address4 = bothy_subnet_choose4 (BOTHY_BRIDGE_NAME);
  bothy_subnet_derive6 (BOTHY_BRIDGE_UUID, self->address6);
}

BothyDefaultBridge *
bothy_default_bridge_new (BothyNm *nm)
{
  BothyDefaultBridge *self = g_object_new (BOTHY_TYPE_DEFAULT_BRIDGE, NULL);

  self->nm = g_object_ref (nm);
  g_signal_connect_object (nm, "answers", G_CALLBACK (make_up_for_it), self, G_CONNECT_SWAPPED);
  return self;
}
