/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the registry comes up: what is on disk, and what still runs. */
#include "core/registry/registry-private.h"

#include "core/byhand/nics.h"
#include "core/images/expiry.h"
#include "base/validate.h"
#include "core/container/container-record.h"
#include "core/container/reconnect.h"
#include "network/bridge-profile.h"

#define NEW_PREFIX ".new-"

static gboolean
load_one (BothyRegistry *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyContainer) container = bothy_container_record_load (self->containers_fd, id, &error);
  BothyImage *image;

  if (!container) {
    g_warning ("Container %s: %s", id, error->message);
    return FALSE;
  }
  if (!bothy_ranges_mark_used (self->ranges, container->owner, container->range_base) ||
      bothy_registry_find_container (self, container->owner, container->spec->name)) {
    g_warning ("Container %s: another one has its ids or its name; it is left alone", id);
    return FALSE;
  }
  image = bothy_image_store_lookup (self->images, container->spec->image);
  if (image)
    bothy_image_store_use (self->images, image, 1);
  bothy_registry_add (self, container);
  return TRUE;
}

gboolean
bothy_registry_load (BothyRegistry *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->containers_fd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gboolean complete = dir != NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    if (g_str_has_prefix (name, NEW_PREFIX))
      bothy_trash_put (self->trash, self->containers_fd, name, NULL);
    else if (!bothy_is_uuid (name) || !load_one (self, name))
      complete = FALSE;
  }
  return complete;
}

static void
on_reconnected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  guint *pending = g_task_get_task_data (task);

  bothy_runner_reconnect_finish (BOTHY_RUNNER (source), result);
  if (--*pending == 0)
    g_task_return_boolean (task, TRUE);
}

void
bothy_registry_reconcile (BothyRegistry *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  guint *pending = g_new0 (guint, 1);
  GHashTableIter iter;
  gpointer container;

  g_task_set_task_data (task, pending, g_free);
  *pending = g_hash_table_size (self->containers);
  if (*pending == 0)
    g_task_return_boolean (task, TRUE);
  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &container))
    bothy_runner_reconnect (self->runner, container, on_reconnected, g_object_ref (task));
}

void
bothy_registry_reconcile_finish (BothyRegistry *self, GAsyncResult *result)
{
  GList *containers = bothy_registry_list_containers (self);

  g_task_propagate_boolean (G_TASK (result), NULL);
  bothy_bridge_profile_tidy (bothy_registry_get_nm (self));
  /* An ephemeral one that ended while nobody looked. */
  for (GList *l = containers; l; l = l->next)
    bothy_registry_follow_up (self, l->data);
  g_list_free (containers);
  bothy_byhand_survey_nics (self, BOTHY_BYHAND_STARTED, NULL);
}
