/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Removing a bridge: the door is closed, it is looked whether anybody is left, and NetworkManager does the
 * rest. */
#include "core/registry/delete-bridge.h"

#include "core/registry/holders.h"
#include "network/bridge-profile.h"

static void
give_up (GTask *task, GError *error)
{
  BothyRegistry *registry = g_task_get_source_object (task);

  bothy_admission_open (bothy_registry_get_admission (registry), g_task_get_task_data (task));
  g_task_return_error (task, error);
}

/* What comes by this name has another profile: that it is closed does not matter any more. */
static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_bridge_profile_remove_finish (BOTHY_NM (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    give_up (task, error);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRegistry *registry = BOTHY_REGISTRY (source);
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_holders_check_finish (registry, result, &error))
    bothy_bridge_profile_remove (bothy_registry_get_nm (registry), g_task_get_task_data (task), on_removed,
                                 g_object_ref (task));
  else
    give_up (task, error);
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *registry = g_task_get_source_object (task);
  GError *error = NULL;

  if (bothy_admission_close_finish (bothy_registry_get_admission (registry), result, &error))
    bothy_holders_check (registry, g_task_get_task_data (task), on_checked, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_delete_bridge (BothyRegistry *registry,
                     const char *bridge,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  GTask *task = g_task_new (registry, NULL, callback, user_data);

  g_task_set_task_data (task, g_strdup (bridge), g_free);
  bothy_admission_close (bothy_registry_get_admission (registry), bridge, on_closed, task);
}

gboolean
bothy_delete_bridge_finish (BothyRegistry *registry, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
