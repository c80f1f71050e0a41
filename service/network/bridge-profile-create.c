/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has NetworkManager make a bridge, and save it once it is up. */
#include "network/bridge-profile-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "network/nm-activate.h"

typedef struct {
  NMClient *client;
  NMConnection *bridge, *port; /* as they are wanted; PORT may be NULL */
  NMRemoteConnection *made, *made_port;
} Create;

static const char *
name_of (const Create *create)
{
  return nm_connection_get_interface_name (create->bridge);
}

static const char *
port_of (const Create *create)
{
  return create->port ? nm_connection_get_interface_name (create->port) : NULL;
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

/* ---- failing ---- */

/* UUIDs of what NetworkManager has not told of, because it stood still: that goes when it does. */
static void
remains_free (char **remains, GClosure *closure)
{
  g_strfreev (remains);
}

static void
on_late (NMClient *client, NMRemoteConnection *profile, char **remains)
{
  const char *uuid = nm_connection_get_uuid (NM_CONNECTION (profile));

  if (uuid && g_strv_contains ((const char *const *)remains, uuid))
    bothy_bridge_profile_discard (profile);
}

/* It may answer others first, and make the profile later. */
static void
on_answers (BothyNm *nm, char **remains)
{
  NMClient *client = bothy_nm_peek (nm);

  for (char **uuid = remains; client && *uuid; uuid++) {
    NMRemoteConnection *profile = nm_client_get_connection_by_uuid (client, *uuid);

    if (profile)
      bothy_bridge_profile_discard (profile);
  }
  if (client)
    g_signal_connect_data (client, NM_CLIENT_CONNECTION_ADDED, G_CALLBACK (on_late), g_strdupv (remains),
                           (GClosureNotify)remains_free, 0);
  g_signal_handlers_disconnect_by_data (nm, remains);
}

static void
leave_for_later (BothyNm *nm, const Create *create)
{
  const char *const uuids[] = { nm_connection_get_uuid (create->bridge),
                                create->port ? nm_connection_get_uuid (create->port) : NULL, NULL };

  g_signal_connect_data (nm, "answers", G_CALLBACK (on_answers), g_strdupv ((char **)uuids),
                         (GClosureNotify)remains_free, 0);
  bothy_nm_doubt (nm);
}

/* Takes ERROR over. */
static void
fail (GTask *task, GError *error, const char *context)
{
  Create *create = g_task_get_task_data (task);

  if (bothy_nm_is_silence (error))
    leave_for_later (g_task_get_source_object (task), create);
  if (create->made_port)
    bothy_bridge_profile_discard (create->made_port);
  if (create->made)
    bothy_bridge_profile_discard (create->made);
  bothy_error_adopt (&error, context);
  g_task_return_error (task, error);
  g_object_unref (task);
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

  if (create->made_port)
    nm_remote_connection_commit_changes_async (create->made_port, TRUE, NULL, on_port_saved, task);
  else
    save_bridge (task);
}

/* ---- bringing it up ---- */

static void
on_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  if (bothy_nm_activate_finish (result, &error))
    save (user_data);
  else
    fail (user_data, error, "NetworkManager does not bring the bridge up");
}

/* A port takes its bridge along. */
static void
activate (GTask *task)
{
  Create *create = g_task_get_task_data (task);
  NMRemoteConnection *first = create->made_port ? create->made_port : create->made;

  bothy_nm_activate (create->client, NM_CONNECTION (first),
                     nm_connection_get_uuid (NM_CONNECTION (create->made)), name_of (create),
                     port_of (create), on_up, task);
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

  if (client && check_running (client, &error) && check_free (client, name_of (create), &error) &&
      check_port (client, port_of (create), &error)) {
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

  create->bridge = bothy_bridge_profile_make_bridge (profile);
  create->port = profile->port ? bothy_bridge_profile_make_port (profile, create->bridge) : NULL;
  g_task_set_task_data (task, create, (GDestroyNotify)create_free);
  bothy_nm_get (nm, on_client_to_create, task);
}

gboolean
bothy_bridge_profile_create_finish (BothyNm *nm, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
