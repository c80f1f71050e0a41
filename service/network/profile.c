/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile.h"

#include "core/error.h"
#include "core/fault.h"
#include "network/bridge.h"
#include "network/watch.h"

#include <arpa/inet.h>
#include <string.h>

#define MARK       "bothy.bridge" /* in the profile's user data: the bridge that it was made for */
#define NIC_PREFIX "bothy"        /* names of ours */
#define UP_SECONDS 20
#define MIN_PREFIX 8
#define MAX_PREFIX 30

void
bothy_bridge_profile_free (BothyBridgeProfile *self)
{
  g_free (self->name);
  g_free (self->port);
  g_free (self->subnet);
  g_free (self);
}

/* ---- what is asked for ---- */

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, text);
  return FALSE;
}

static NMIPAddress *
parse_subnet (const char *subnet)
{
  g_auto (GStrv) parts = g_strsplit (subnet, "/", 2);
  guint64 prefix;

  if (!parts[0] || !parts[1] || !nm_utils_ipaddr_valid (AF_INET, parts[0]) ||
      !g_ascii_string_to_unsigned (parts[1], 10, MIN_PREFIX, MAX_PREFIX, &prefix, NULL))
    return NULL;
  return nm_ip_address_new (AF_INET, parts[0], (guint)prefix, NULL);
}

static gboolean
check_subnet (const char *subnet, GError **error)
{
  NMIPAddress *address = parse_subnet (subnet);

  if (!address)
    return refuse (error,
                   "Option \"subnet\": the bridge's own IPv4 address with prefix length is wanted, such as "
                   "10.50.0.1/24");
  nm_ip_address_unref (address);
  return TRUE;
}

gboolean
bothy_bridge_profile_check (const BothyBridgeProfile *self, GError **error)
{
  if (!bothy_bridge_name_is_plain (self->name) || !g_ascii_isalpha (self->name[0]))
    return refuse (error, "Name: use 1 to 15 of A-Z, a-z, 0-9 and ._-, a letter first");
  if (g_str_has_prefix (self->name, NIC_PREFIX))
    return refuse (error, "Name: what begins with \"" NIC_PREFIX "\" is Bothy's own; take another");
  if (self->port && self->nat)
    return refuse (error, "Option \"port\": only a bridge of the kind \"lan\" has one");
  if (self->port && !bothy_bridge_name_is_plain (self->port))
    return refuse (error, "Option \"port\": the name of a network interface is wanted");
  if (self->subnet && !self->nat)
    return refuse (error, "Option \"subnet\": only a bridge of the kind \"nat\" has one");
  return !self->subnet || check_subnet (self->subnet, error);
}

/* ---- profiles ---- */

static const char *
get_mark (NMConnection *connection)
{
  NMSettingUser *user = NM_SETTING_USER (nm_connection_get_setting (connection, NM_TYPE_SETTING_USER));

  return user ? nm_setting_user_get_data (user, MARK) : NULL;
}

gboolean
bothy_bridge_profile_is_ours (NMConnection *connection)
{
  return get_mark (connection) != NULL;
}

static NMConnection *
new_profile (const BothyBridgeProfile *profile, const char *id, const char *type, const char *interface)
{
  NMConnection *connection = nm_simple_connection_new ();
  g_autofree char *uuid = g_uuid_string_random ();
  NMSetting *user = nm_setting_user_new ();

  nm_setting_user_set_data (NM_SETTING_USER (user), MARK, profile->name, NULL);
  nm_connection_add_setting (connection, user);
  nm_connection_add_setting (connection,
                             g_object_new (NM_TYPE_SETTING_CONNECTION, NM_SETTING_CONNECTION_ID, id,
                                           NM_SETTING_CONNECTION_UUID, uuid, NM_SETTING_CONNECTION_TYPE, type,
                                           NM_SETTING_CONNECTION_INTERFACE_NAME, interface, NULL));
  return connection;
}

static void
add_addresses (NMConnection *connection, const BothyBridgeProfile *profile)
{
  NMSetting *ip4 = nm_setting_ip4_config_new (), *ip6 = nm_setting_ip6_config_new ();
  NMIPAddress *address = profile->subnet ? parse_subnet (profile->subnet) : NULL;
  const char *of_lan = profile->port ? "auto" : "disabled";

  g_object_set (ip4, NM_SETTING_IP_CONFIG_METHOD, profile->nat ? NM_SETTING_IP4_CONFIG_METHOD_SHARED : of_lan,
                NULL);
  g_object_set (ip6, NM_SETTING_IP_CONFIG_METHOD, profile->nat ? "disabled" : of_lan, NULL);
  if (address) {
    nm_setting_ip_config_add_address (NM_SETTING_IP_CONFIG (ip4), address);
    nm_ip_address_unref (address);
  }
  nm_connection_add_setting (connection, ip4);
  nm_connection_add_setting (connection, ip6);
}

static NMConnection *
make_bridge (const BothyBridgeProfile *profile)
{
  NMConnection *connection =
      new_profile (profile, profile->name, NM_SETTING_BRIDGE_SETTING_NAME, profile->name);

  nm_connection_add_setting (
      connection, g_object_new (NM_TYPE_SETTING_BRIDGE, NM_SETTING_BRIDGE_STP, profile->stp, NULL));
  add_addresses (connection, profile);
  return connection;
}

static NMConnection *
make_port (const BothyBridgeProfile *profile, NMConnection *bridge)
{
  g_autofree char *id = g_strdup_printf ("%s port %s", profile->name, profile->port);
  NMConnection *connection = new_profile (profile, id, NM_SETTING_WIRED_SETTING_NAME, profile->port);

  g_object_set (nm_connection_get_setting_connection (connection), NM_SETTING_CONNECTION_MASTER,
                nm_connection_get_uuid (bridge), NM_SETTING_CONNECTION_SLAVE_TYPE,
                NM_SETTING_BRIDGE_SETTING_NAME, NULL);
  nm_connection_add_setting (connection, nm_setting_wired_new ());
  return connection;
}

/* ---- create ---- */

typedef struct {
  NMClient *client;
  NMConnection *bridge, *port; /* as they are wanted; PORT may be NULL */
  NMRemoteConnection *made, *made_port;
  NMActiveConnection *active;
  NMDevice *device; /* the bridge, once it is there */
  guint timer;
} Create;

static void
stop_watching (Create *create, GTask *task)
{
  if (create->active)
    g_signal_handlers_disconnect_by_data (create->active, task);
  if (create->device)
    g_signal_handlers_disconnect_by_data (create->device, task);
  g_clear_object (&create->active);
  g_clear_object (&create->device);
  if (create->timer)
    g_source_remove (create->timer);
  create->timer = 0;
}

static void
create_free (Create *create)
{
  g_clear_object (&create->bridge);
  g_clear_object (&create->port);
  g_clear_object (&create->made);
  g_clear_object (&create->made_port);
  g_clear_object (&create->client);
  g_free (create);
}

static void
on_undone (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error))
    g_warning ("Bridges: a profile stays that should not: %s", error->message);
}

static void
fail (GTask *task, GError *error, const char *context)
{
  Create *create = g_task_get_task_data (task);

  stop_watching (create, task);
  if (create->made_port)
    nm_remote_connection_delete_async (create->made_port, NULL, on_undone, NULL);
  if (create->made)
    nm_remote_connection_delete_async (create->made, NULL, on_undone, NULL);
  if (!error)
    error = g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_FAILED, context);
  bothy_error_adopt (&error, context);
  g_task_return_error (task, error);
  g_object_unref (task);
}

static gboolean
on_timeout (gpointer user_data)
{
  Create *create = g_task_get_task_data (user_data);

  create->timer = 0;
  fail (user_data, NULL, "NetworkManager took too long to bring the bridge up");
  return G_SOURCE_REMOVE;
}

/* ---- saving: the bridge's profile last, so that a saved one stands for a whole ---- */

static void
on_bridge_saved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (!nm_remote_connection_commit_changes_finish (NM_REMOTE_CONNECTION (source), result, &error)) {
    fail (task, error, "NetworkManager does not save the profile of the bridge");
    return;
  }
  BOTHY_FAULT_POINT ("bridge.saved");
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
save_bridge (GTask *task)
{
  Create *create = g_task_get_task_data (task);

  BOTHY_FAULT_POINT ("bridge.up");
  nm_remote_connection_commit_changes_async (create->made, TRUE, NULL, on_bridge_saved, task);
}

static void
on_port_saved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  if (nm_remote_connection_commit_changes_finish (NM_REMOTE_CONNECTION (source), result, &error))
    save_bridge (user_data);
  else
    fail (user_data, error, "NetworkManager does not save the profile of the bridge's port");
}

static void
save (GTask *task)
{
  Create *create = g_task_get_task_data (task);

  stop_watching (create, task);
  if (create->made_port)
    nm_remote_connection_commit_changes_async (create->made_port, TRUE, NULL, on_port_saved, task);
  else
    save_bridge (task);
}

static void check_up (GTask *task);

static void
on_changed (GObject *object, GParamSpec *spec, gpointer user_data)
{
  check_up (user_data);
}

static void
find_device (GTask *task)
{
  Create *create = g_task_get_task_data (task);
  NMDevice *device =
      nm_client_get_device_by_iface (create->client, nm_connection_get_interface_name (create->bridge));

  if (create->device || !device)
    return;
  create->device = g_object_ref (device);
  g_signal_connect (device, "notify::state", G_CALLBACK (on_changed), task);
}

/* A LAN without DHCP may keep it from more; as a bridge it works. */
static void
check_up (GTask *task)
{
  Create *create = g_task_get_task_data (task);
  NMActiveConnectionState state;

  if (!create->active)
    return;
  state = nm_active_connection_get_state (create->active);
  find_device (task);
  if (state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATED || state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATING)
    fail (task, NULL, "NetworkManager could not bring the bridge up");
  else if (create->device && nm_device_get_state (create->device) >= NM_DEVICE_STATE_IP_CONFIG)
    save (task);
}

static void
on_activated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;

  create->active = nm_client_activate_connection_finish (NM_CLIENT (source), result, &error);
  if (!create->active) {
    fail (task, error, "NetworkManager does not bring the bridge up");
    return;
  }
  g_signal_connect (create->active, "notify::state", G_CALLBACK (on_changed), task);
  g_signal_connect (create->active, "notify::devices", G_CALLBACK (on_changed), task);
  create->timer = g_timeout_add_seconds (UP_SECONDS, on_timeout, task);
  check_up (task);
}

/* A port takes its bridge along. */
static void
activate (GTask *task)
{
  Create *create = g_task_get_task_data (task);
  NMRemoteConnection *first = create->made_port ? create->made_port : create->made;

  nm_client_activate_connection_async (create->client, NM_CONNECTION (first), NULL, NULL, NULL, on_activated,
                                       task);
}

static void
add (GTask *task, NMConnection *connection, GAsyncReadyCallback callback)
{
  Create *create = g_task_get_task_data (task);
  g_autoptr (GVariant) settings =
      g_variant_ref_sink (nm_connection_to_dbus (connection, NM_CONNECTION_SERIALIZE_ALL));

  nm_client_add_connection2 (create->client, settings,
                             NM_SETTINGS_ADD_CONNECTION2_FLAG_IN_MEMORY |
                                 NM_SETTINGS_ADD_CONNECTION2_FLAG_BLOCK_AUTOCONNECT,
                             NULL, FALSE, NULL, callback, task);
}

static void
on_port_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;

  create->made_port = nm_client_add_connection2_finish (NM_CLIENT (source), result, NULL, &error);
  if (create->made_port)
    activate (task);
  else
    fail (task, error, "NetworkManager does not take the profile of the bridge's port");
}

static void
on_bridge_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;

  create->made = nm_client_add_connection2_finish (NM_CLIENT (source), result, NULL, &error);
  BOTHY_FAULT_POINT ("bridge.added");
  if (!create->made)
    fail (task, error, "NetworkManager does not take the profile of the bridge");
  else if (create->port)
    add (task, create->port, on_port_added);
  else
    activate (task);
}

static gboolean
check_free (NMClient *client, const char *name, GError **error)
{
  const GPtrArray *profiles = nm_client_get_connections (client);
  gboolean taken = nm_client_get_device_by_iface (client, name) != NULL;

  for (guint i = 0; i < profiles->len && !taken; i++)
    taken = g_strcmp0 (nm_connection_get_interface_name (profiles->pdata[i]), name) == 0;
  if (taken)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BRIDGE_EXISTS,
                 "There is an interface %s, or a profile for it, already; take another name", name);
  return !taken;
}

static gboolean
check_port (NMClient *client, const char *port, GError **error)
{
  NMDevice *device = port ? nm_client_get_device_by_iface (client, port) : NULL;

  if (!port || (device && NM_IS_DEVICE_ETHERNET (device)) || (device && NM_IS_DEVICE_VETH (device)))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
      "Option \"port\": NetworkManager has no wired interface %s; \"nmcli device\" shows what there is",
      port);
  return FALSE;
}

static gboolean
check_running (NMClient *client, GError **error)
{
  if (nm_client_get_nm_running (client))
    return TRUE;
  g_set_error_literal (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                       "NetworkManager does not run; install and start it");
  return FALSE;
}

static void
on_client_to_create (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, &error);

  if (client && check_running (client, &error) &&
      check_free (client, nm_connection_get_interface_name (create->bridge), &error) &&
      check_port (client, create->port ? nm_connection_get_interface_name (create->port) : NULL, &error)) {
    create->client = g_object_ref (client);
    add (task, create->bridge, on_bridge_added);
  } else
    fail (task, error, "NetworkManager");
}

void
bothy_bridge_profile_create (BothyNm *nm,
                             const BothyBridgeProfile *profile,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (nm, NULL, callback, user_data);
  Create *create = g_new0 (Create, 1);

  create->bridge = make_bridge (profile);
  create->port = profile->port ? make_port (profile, create->bridge) : NULL;
  g_task_set_task_data (task, create, (GDestroyNotify)create_free);
  bothy_nm_get (nm, on_client_to_create, task);
}

gboolean
bothy_bridge_profile_create_finish (BothyNm *nm, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- remove ---- */

static void remove_next (GTask *task);

static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  GError *error = NULL;

  if (nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error)) {
    remove_next (task);
    return;
  }
  bothy_error_adopt (&error, "NetworkManager does not remove the profile");
  g_task_return_error (task, error);
  g_object_unref (task);
}

/* (element-type NMRemoteConnection): what is still to be removed, the bridge last. */
static void
remove_next (GTask *task)
{
  GPtrArray *profiles = g_task_get_task_data (task);
  g_autoptr (NMRemoteConnection) profile = profiles->len > 0 ? g_ptr_array_steal_index (profiles, 0) : NULL;

  if (profile) {
    nm_remote_connection_delete_async (profile, NULL, on_removed, task);
    return;
  }
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static GPtrArray *
find_profiles (NMClient *client, const char *name)
{
  const GPtrArray *all = nm_client_get_connections (client);
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < all->len; i++) {
    NMConnection *profile = all->pdata[i];
    gboolean is_bridge = nm_connection_is_type (profile, NM_SETTING_BRIDGE_SETTING_NAME);

    if (g_strcmp0 (get_mark (profile), name) == 0)
      g_ptr_array_insert (found, is_bridge ? -1 : 0, g_object_ref (profile));
  }
  return found;
}

static void
on_client_to_remove (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autofree char *name = g_strdup (g_task_get_task_data (task));
  GError *error = NULL;
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, &error);
  g_autoptr (GPtrArray) profiles = client ? find_profiles (client, name) : NULL;

  if (profiles && profiles->len > 0) {
    g_task_set_task_data (task, g_steal_pointer (&profiles), (GDestroyNotify)g_ptr_array_unref);
    remove_next (task);
    return;
  }
  if (!error)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_MANAGED,
                         "The bridge %s was not made by Bothy; NetworkManager (nmcli) removes it", name);
  g_task_return_error (task, error);
  g_object_unref (task);
}

void
bothy_bridge_profile_remove (BothyNm *nm, const char *name, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (nm, NULL, callback, user_data);

  g_task_set_task_data (task, g_strdup (name), g_free);
  bothy_nm_get (nm, on_client_to_remove, task);
}

gboolean
bothy_bridge_profile_remove_finish (BothyNm *nm, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- what a broker that was killed has left ---- */

static gboolean
is_whole (NMClient *client, const char *name)
{
  g_autoptr (GPtrArray) profiles = find_profiles (client, name);
  NMRemoteConnection *last = profiles->pdata[profiles->len - 1];

  return nm_connection_is_type (NM_CONNECTION (last), NM_SETTING_BRIDGE_SETTING_NAME) &&
         !nm_remote_connection_get_unsaved (last);
}

static void
on_client_to_tidy (GObject *source, GAsyncResult *result, gpointer user_data)
{
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, NULL);
  const GPtrArray *all = client ? nm_client_get_connections (client) : NULL;

  for (guint i = 0; all && i < all->len; i++) {
    NMRemoteConnection *profile = all->pdata[i];
    const char *name = get_mark (NM_CONNECTION (profile));

    if (name && !is_whole (client, name))
      nm_remote_connection_delete_async (profile, NULL, on_undone, NULL);
  }
}

void
bothy_bridge_profile_tidy (BothyNm *nm)
{
  bothy_nm_get (nm, on_client_to_tidy, NULL);
}
