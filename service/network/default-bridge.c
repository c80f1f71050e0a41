/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/default-bridge.h"

#include "base/error.h"
#include "network/nm-activate.h"
#include "network/subnet.h"

#include <arpa/inet.h>
#include <net/if.h>

#define NOTHING_FREE                                                                                         \
  "Routes of this machine lead into each network that " BOTHY_BRIDGE_NAME " could have; choose one with "    \
  "Subnet= in [Network] of /etc/bothy/bothyd.conf, and restart bothyd"

#define PREFIX6         64
#define WAITING_SECONDS 20 /* for all steps together */
#define MAX_TRIES       20
#define RETRY_MS        200

/*
 * A bridge that is lost is brought up again: at once, then after a pause that doubles with each time that it did not come
 * up. It is longer from the beginning when the bridge did not stay up for long: something else may want its name or its
 * address. After so many times in a row only something new is a reason to try: a container that starts, or networking that
 * is switched on.
 */
#define FIRST_PAUSE_MS 100
#define MAX_PAUSES     8
#define MAX_DOUBLINGS  7
#define MAX_PATIENCE   3 /* doublings before the first attempt */
#define STEADY_SECONDS 5

struct _BothyDefaultBridge {
  GObject parent;
  BothyNm *nm;
  NMClient *client; /* of NM, once it was needed */
  GQueue *waiting;  /* GTask */
  guint deadline;   /* of those */
  gboolean working;
  gboolean late;    /* nobody waits any more for what is under way */
  gboolean renewed; /* this attempt has made the profile anew */
  gboolean wanted;
  gboolean missed;    /* somebody wants it who did not get it, or not any more */
  gboolean leaving;   /* the profile is being removed */
  gboolean could_ask; /* when NetworkManager last told of its state */
  guint tries;
  guint timer;
  guint pauses;     /* before it was brought up, since it was lost */
  guint losses;     /* in a row, each soon after it had come up */
  guint pause;      /* the timer of the one that is under way */
  gint64 came_up;   /* when it last did, as g_get_monotonic_time(); 0: not since somebody wants it */
  char *problem;    /* why it is not up, or NULL */
  guint subnet;     /* the second number of address4 that was asked for; 0: any */
  guint32 address4; /* 0: there was none that is free */
  guint8 address6[16];
};

G_DEFINE_FINAL_TYPE (BothyDefaultBridge, bothy_default_bridge, G_TYPE_OBJECT)

enum { BACK, LOST, N_SIGNALS };
static guint signals[N_SIGNALS];

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

/* Containers that run keep the addresses that they have, so only while there are none. */
static void
choose_addresses (BothyDefaultBridge *self)
{
  self->address4 =
      self->subnet != 0 ? 10u << 24 | self->subnet << 16 | 1 : bothy_subnet_choose4 (BOTHY_BRIDGE_NAME);
  bothy_subnet_choose6 (BOTHY_BRIDGE_UUID, BOTHY_BRIDGE_NAME, self->address6);
}

void
bothy_default_bridge_set_subnet (BothyDefaultBridge *self, guint subnet)
{
  self->subnet = subnet;
  choose_addresses (self);
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

/* NetworkManager is there, answers, and has networking switched on: there is a point in asking it for the bridge. */
static gboolean
may_ask (BothyDefaultBridge *self)
{
  return self->client && !bothy_nm_is_doubted (self->nm) && nm_client_get_nm_running (self->client) &&
         nm_client_get_state (self->client) != NM_STATE_ASLEEP;
}

static const char *
describe_loss (BothyDefaultBridge *self)
{
  if (!nm_client_get_nm_running (self->client))
    return "NetworkManager does not run, so there is no network; install and start it";
  if (nm_client_get_state (self->client) == NM_STATE_ASLEEP)
    return "Networking is switched off in NetworkManager; \"nmcli networking on\" switches it on";
  return "The bridge " BOTHY_BRIDGE_NAME " is not up; it is brought up again";
}

/* It is up with our profile: with another one of that name it has neither our addresses nor DHCP. */
static gboolean
is_up (BothyDefaultBridge *self)
{
  return self->client && bothy_nm_activate_is_up (self->client, BOTHY_BRIDGE_UUID, BOTHY_BRIDGE_NAME, NULL);
}

static void
answer_all (BothyDefaultBridge *self, const GError *error)
{
  GTask *task;

  self->missed = self->wanted && (self->missed || error);
  if (self->wanted && !error)
    self->came_up = g_get_monotonic_time ();
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
static void reconcile (BothyDefaultBridge *self);

/* Somebody may have let go of it meanwhile, or something may have taken it away again. */
static void
rest (BothyDefaultBridge *self)
{
  self->working = self->late = FALSE;
  if (!self->wanted && self->client)
    remove_profile (self);
  else
    reconcile (self);
}

/* It is up: also for those who went without it, or lost it. */
static void
succeed (BothyDefaultBridge *self)
{
  gboolean missed = self->missed;

  self->missed = FALSE;
  answer_all (self, NULL);
  /* Whoever hears of it asks for the bridge, and nobody works on that any more. */
  rest (self);
  if (missed)
    g_signal_emit (self, signals[BACK], 0);
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

static void bring_up (BothyDefaultBridge *self);

static void
on_stale_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyDefaultBridge) self = user_data;
  GError *error = NULL;

  if (nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error))
    bring_up (self);
  else
    fail (self, error, "NetworkManager does not remove the bridge that was called " BOTHY_BRIDGE_NAME);
}

/* NetworkManager keeps a profile with the bridge that it once made for it. When somebody has renamed that, it makes no
   other one for the profile, even when the bridge is gone since; a new profile gets a new bridge. What an administrator
   has saved stays, and is his to mend. */
static gboolean
renew_profile (BothyDefaultBridge *self)
{
  NMRemoteConnection *present = nm_client_get_connection_by_uuid (self->client, BOTHY_BRIDGE_UUID);

  if (self->renewed || !present || !may_ask (self) || !nm_remote_connection_get_unsaved (present))
    return FALSE;
  self->renewed = TRUE;
  nm_remote_connection_delete_async (present, NULL, on_stale_removed, g_object_ref (self));
  return TRUE;
}

static void
on_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyDefaultBridge) self = user_data;
  g_autoptr (GError) error = NULL;

  if (bothy_nm_activate_finish (result, &error))
    succeed (self);
  else if (bothy_nm_is_silence (error) || !renew_profile (self))
    fail (self, g_steal_pointer (&error),
          "NetworkManager does not bring the bridge " BOTHY_BRIDGE_NAME " up");
}

static void
activate (BothyDefaultBridge *self, NMConnection *connection)
{
  bothy_nm_activate (self->client, connection, BOTHY_BRIDGE_UUID, BOTHY_BRIDGE_NAME, NULL, on_up,
                     g_object_ref (self));
}

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
take_addresses_of (BothyDefaultBridge *self, NMConnection *connection)
{
  NMSettingIPConfig *ip6 = nm_connection_get_setting_ip6_config (connection);
  NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config (connection);
  NMIPAddress *address = ip4 && nm_setting_ip_config_get_num_addresses (ip4) > 0
                             ? nm_setting_ip_config_get_address (ip4, 0)
                             : NULL;

  if (address)
    self->address4 = ntohl (inet_addr (nm_ip_address_get_address (address)));
  if (ip6 && nm_setting_ip_config_get_num_addresses (ip6) > 0)
    nm_ip_address_get_address_binary (nm_setting_ip_config_get_address (ip6, 0), self->address6);
}

static void
bring_up (BothyDefaultBridge *self)
{
  NMRemoteConnection *present;
  g_autoptr (NMConnection) connection = NULL;
  g_autoptr (GVariant) settings = NULL;

  if (!self->wanted && g_queue_is_empty (self->waiting)) {
    rest (self);
    return;
  }
  if (!may_ask (self)) {
    fail (self, g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_FAILED, describe_loss (self)), NULL);
    return;
  }
  present = nm_client_get_connection_by_uuid (self->client, BOTHY_BRIDGE_UUID);
  if (present)
    take_addresses_of (self, NM_CONNECTION (present));
  /* A bridge without its profile is about to go. */
  if (present && is_up (self)) {
    succeed (self);
    return;
  }
  if (present) {
    activate (self, NM_CONNECTION (present));
    return;
  }
  if (!self->came_up)
    choose_addresses (self);
  if (self->address4 == 0) {
    fail (self, g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_FAILED, NOTHING_FREE), NULL);
    return;
  }
  connection = make_profile (self);
  settings = g_variant_ref_sink (nm_connection_to_dbus (connection, NM_CONNECTION_SERIALIZE_ALL));
  nm_client_add_connection2 (self->client, settings, NM_SETTINGS_ADD_CONNECTION2_FLAG_IN_MEMORY, NULL, FALSE,
                             NULL, on_added, g_object_ref (self));
}

/* ---- keeping it up ---- */

static void
on_ensured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_default_bridge_ensure_finish (BOTHY_DEFAULT_BRIDGE (source), result, &error))
    g_message ("Network: %s", error->message);
}

static void
try_again (BothyDefaultBridge *self)
{
  if (self->wanted && self->missed && !self->working && !self->leaving)
    bothy_default_bridge_ensure (self, on_ensured, NULL);
}

static gboolean
on_pause_over (gpointer user_data)
{
  BothyDefaultBridge *self = user_data;

  self->pause = 0;
  try_again (self);
  return G_SOURCE_REMOVE;
}

static void
begin_pause (BothyDefaultBridge *self)
{
  guint doublings = MIN (self->pauses + MIN (self->losses, MAX_PATIENCE), MAX_DOUBLINGS);

  if (self->pauses >= MAX_PAUSES)
    return;
  self->pauses++;
  self->pause = g_timeout_add (doublings == 0 ? 0 : FIRST_PAUSE_MS << doublings, on_pause_over, self);
}

/* Containers have lost it, just now or while nobody looked. */
static void
note_loss (BothyDefaultBridge *self)
{
  if (!self->wanted || self->missed || !self->came_up)
    return;
  self->missed = TRUE;
  self->pauses = 0;
  self->losses =
      g_get_monotonic_time () - self->came_up > STEADY_SECONDS * G_USEC_PER_SEC ? 0 : self->losses + 1;
  g_free (self->problem);
  self->problem = g_strdup (describe_loss (self));
  g_signal_emit (self, signals[LOST], 0);
}

/* Compare what is wanted with what there is, and take the next step. Called whenever one of both may be another. */
static void
reconcile (BothyDefaultBridge *self)
{
  if (!self->wanted || self->working || self->leaving)
    return;
  if (!is_up (self))
    note_loss (self);
  if (!self->missed)
    return;
  /* Somebody else brought it up, or NetworkManager was slow: only its ports are missing. */
  if (is_up (self)) {
    g_clear_handle_id (&self->pause, g_source_remove);
    self->pause = g_idle_add (on_pause_over, self);
  } else if (!self->pause && may_ask (self))
    begin_pause (self);
}

/* Networking was switched on, say: another reason to try. What our own attempts change is none. */
static void
on_state_changed (BothyDefaultBridge *self)
{
  gboolean may = may_ask (self);

  if (may && !self->could_ask)
    self->pauses = 0;
  self->could_ask = may;
  reconcile (self);
}

/* The bridge goes along with NetworkManager, or comes back without its ports. */
static void
on_running_changed (BothyDefaultBridge *self)
{
  note_loss (self);
  self->pauses = 0;
  reconcile (self);
}

static void
follow_device (BothyDefaultBridge *self, NMDevice *device)
{
  if (g_strcmp0 (nm_device_get_iface (device), BOTHY_BRIDGE_NAME) != 0)
    return;
  for (const char *const *name = (const char *[]){ "state", "active-connection", "interface", NULL }; *name;
       name++) {
    g_autofree char *signal = g_strconcat ("notify::", *name, NULL);

    g_signal_connect_object (device, signal, G_CALLBACK (reconcile), self, G_CONNECT_SWAPPED);
  }
  reconcile (self);
}

/* One that is made anew has no ports, however fast that was. */
static void
on_device_removed (BothyDefaultBridge *self, NMDevice *device)
{
  if (g_strcmp0 (nm_device_get_iface (device), BOTHY_BRIDGE_NAME) == 0 && !self->working)
    note_loss (self);
  reconcile (self);
}

static void
on_profile_removed (BothyDefaultBridge *self, NMRemoteConnection *profile)
{
  if (g_strcmp0 (nm_connection_get_uuid (NM_CONNECTION (profile)), BOTHY_BRIDGE_UUID) == 0)
    reconcile (self);
}

static void
take_client (BothyDefaultBridge *self, NMClient *client)
{
  NMDevice *device = nm_client_get_device_by_iface (client, BOTHY_BRIDGE_NAME);
  const struct {
    const char *signal;
    GCallback callback;
  } connections[] = {
    { "notify::" NM_CLIENT_NM_RUNNING, G_CALLBACK (on_running_changed) },
    { "notify::" NM_CLIENT_STATE, G_CALLBACK (on_state_changed) },
    { NM_CLIENT_DEVICE_ADDED, G_CALLBACK (follow_device) },
    { NM_CLIENT_DEVICE_REMOVED, G_CALLBACK (on_device_removed) },
    { NM_CLIENT_CONNECTION_REMOVED, G_CALLBACK (on_profile_removed) },
  };

  if (!g_set_object (&self->client, client))
    return;
  if (device)
    follow_device (self, device);
  for (gsize i = 0; i < G_N_ELEMENTS (connections); i++)
    g_signal_connect_object (client, connections[i].signal, connections[i].callback, self, G_CONNECT_SWAPPED);
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
  self->renewed = FALSE;
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
  if (!is_up (self))
    note_loss (self);
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
    reconcile (self);
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
  self->came_up = 0;
  self->pauses = self->losses = 0;
  g_clear_handle_id (&self->pause, g_source_remove);
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
  if (self->pause)
    g_source_remove (self->pause);
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
  signals[BACK] = g_signal_new ("back", BOTHY_TYPE_DEFAULT_BRIDGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 0);
  signals[LOST] = g_signal_new ("lost", BOTHY_TYPE_DEFAULT_BRIDGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 0);
}

static void
bothy_default_bridge_init (BothyDefaultBridge *self)
{
  self->waiting = g_queue_new ();
}

BothyDefaultBridge *
bothy_default_bridge_new (BothyNm *nm)
{
  BothyDefaultBridge *self = g_object_new (BOTHY_TYPE_DEFAULT_BRIDGE, NULL);

  self->nm = g_object_ref (nm);
  g_signal_connect_object (nm, "answers", G_CALLBACK (try_again), self, G_CONNECT_SWAPPED);
  return self;
}
