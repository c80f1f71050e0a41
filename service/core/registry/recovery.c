/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/recovery.h"

#include "core/container/reconnect.h"
#include "core/images/expiry.h"
#include "core/registry/devices.h"
#include "core/registry/disk.h"
#include "core/registry/files.h"
#include "core/registry/lifecycle.h"
#include "core/registry/mounts.h"
#include "core/registry/ports.h"
#include "core/registry/set-autostart.h"
#include "core/registry/snapshots.h"
#include "network/bridge-profile.h"

static void
on_reconnected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  guint *pending = g_task_get_task_data (task);

  bothy_runner_reconnect_finish (BOTHY_RUNNER (source), result);
  if (--*pending == 0)
    g_task_return_boolean (task, TRUE);
}

static BothyContainer *
find_container (guint32 owner, const char *name, gpointer containers)
{
  return bothy_containers_find (containers, owner, name);
}

void
bothy_registry_recover (BothyRegistry *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  guint *pending = g_new0 (guint, 1);

  g_task_set_task_data (task, pending, g_free);
  bothy_files_sweep (self);
  /* Of what can not be read nobody knows what it stands on. */
  if (!bothy_registry_is_degraded (self))
    bothy_image_store_drop_adopted (bothy_registry_get_images (self));
  bothy_registry_watch_addresses (self);
  bothy_registry_watch_ends (self);
  bothy_registry_watch_autostarts (self);
  bothy_trees_recover (bothy_runner_get_trees (bothy_registry_get_runner (self)), find_container,
                       bothy_registry_get_containers (self));
  *pending = g_list_length (containers);
  if (*pending == 0)
    g_task_return_boolean (task, TRUE);
  for (GList *l = containers; l; l = l->next) {
    /* The limits were written down, and the file system was not told; or others hold now by bothyd.conf. */
    bothy_disk_bound_unasked (self, l->data);
    bothy_runner_reconnect (bothy_registry_get_runner (self), l->data, on_reconnected, g_object_ref (task));
  }
}

void
bothy_registry_recover_finish (BothyRegistry *self, GAsyncResult *result)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));

  g_task_propagate_boolean (G_TASK (result), NULL);
  for (GList *l = containers; l; l = l->next) {
    bothy_registry_let_go (self, l->data);
    bothy_registry_settle_mounts (self, l->data);
    bothy_registry_settle_devices (self, l->data);
  }
  bothy_bridge_profile_tidy (bothy_registry_get_nm (self));
  bothy_registry_follow_up_earlier_ends (self);
  bothy_byhand_nics_survey (bothy_registry_get_nics (self), BOTHY_BYHAND_STARTED, NULL);
}
