/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Removes bridges that were made, whole or half. */
#include "network/bridge-profile-private.h"

#include "base/error.h"

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

GPtrArray *
bothy_bridge_profile_find (NMClient *client, const char *name)
{
  const GPtrArray *all = nm_client_get_connections (client);
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < all->len; i++) {
    NMConnection *profile = all->pdata[i];
    gboolean is_bridge = nm_connection_is_type (profile, NM_SETTING_BRIDGE_SETTING_NAME);

    if (g_strcmp0 (bothy_bridge_profile_mark (profile), name) == 0)
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
  g_autoptr (GPtrArray) profiles = client ? bothy_bridge_profile_find (client, name) : NULL;

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
  g_autoptr (GPtrArray) profiles = bothy_bridge_profile_find (client, name);
  NMRemoteConnection *last = profiles->pdata[profiles->len - 1];

  return nm_connection_is_type (NM_CONNECTION (last), NM_SETTING_BRIDGE_SETTING_NAME) &&
         !nm_remote_connection_get_unsaved (last);
}

static void
on_discarded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!nm_remote_connection_delete_finish (NM_REMOTE_CONNECTION (source), result, &error))
    g_warning ("Bridges: a profile stays that should not: %s", error->message);
}

void
bothy_bridge_profile_discard (NMRemoteConnection *profile)
{
  nm_remote_connection_delete_async (profile, NULL, on_discarded, NULL);
}

static void
sweep (NMClient *client)
{
  const GPtrArray *all = nm_client_get_connections (client);

  for (guint i = 0; i < all->len; i++) {
    NMRemoteConnection *profile = all->pdata[i];
    const char *mark = bothy_bridge_profile_mark (NM_CONNECTION (profile));

    if (mark && !is_whole (client, mark))
      bothy_bridge_profile_discard (profile);
  }
}

static void
on_client_to_tidy (GObject *source, GAsyncResult *result, gpointer user_data)
{
  NMClient *client = bothy_nm_get_finish (BOTHY_NM (source), result, NULL);

  if (client)
    sweep (client);
}

void
bothy_bridge_profile_tidy (BothyNm *nm)
{
  bothy_nm_get (nm, on_client_to_tidy, NULL);
}
