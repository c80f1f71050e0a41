/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/volumes.h"

#include "base/error.h"
#include "core/container/limits.h"
#include "base/fault.h"
#include "base/ids.h"
#include "core/registry/disk.h"
#include "storage/quota.h"

/* Of what one user deleted, that is still being removed: more would only pile up. */
#define MAX_IN_TRASH 16

/* ---- making one ---- */

typedef struct {
  BothyVolumes *volumes;
  BothyNewVolume *new;
} Make;

static void
make_free (Make *make)
{
  if (make->new)
    bothy_volumes_end (make->volumes, make->new);
  g_object_unref (make->volumes);
  g_free (make);
}

/* It is there before its caller hears of it. */
static void
on_placed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Make *make = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean placed = g_task_propagate_boolean (G_TASK (result), &error);

  bothy_volumes_end (make->volumes, g_steal_pointer (&make->new));
  if (placed)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
place (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Make *make = task_data;
  GError *error = NULL;

  if (bothy_volumes_place (make->volumes, make->new, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_owned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GTask) thread = NULL;
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds) {
    g_task_return_error (task, error);
    return;
  }
  thread = g_task_new (g_task_get_source_object (task), NULL, on_placed, g_object_ref (task));
  g_task_set_task_data (thread, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (thread, place);
}

static void
on_bounded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  const struct helper_request own = { .op = HELPER_OWN, .owner = BOTHY_NEUTRAL_BASE };
  BothyRegistry *self = BOTHY_REGISTRY (source);
  g_autoptr (GTask) task = user_data;
  const Make *make = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  if (bothy_disk_assign_finish (self, result, &error))
    fds = bothy_fd_list (&make->new->data, 1, &error);
  BOTHY_FAULT_POINT ("volume.bounded");
  if (fds)
    bothy_helper_client_call (bothy_registry_get_helper (self), &own, fds, on_owned, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

/* (transfer full); NULL with an error. */
static BothyNewVolume *
begin (BothyRegistry *self, guint32 owner, const char *name, const BothyCgroupLimits *limits, GError **error)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  BothyVolumes *volumes = bothy_registry_get_volumes (self);
  BothyCgroupLimits effective;
  guint32 project = 0;

  /* A record that could not be read may be of a volume of that name, or with the project id that is chosen. */
  if (bothy_registry_is_degraded (self)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                 "Not all records can be read, and one may be of a volume %s; \"bothy doctor\" says more",
                 name);
    return NULL;
  }
  if (!bothy_containers_check_disk (containers, owner, NULL, limits, error) ||
      !bothy_owners_note (bothy_registry_get_owners (self), owner, error))
    return NULL;
  bothy_limits_effective (limits, bothy_ceilings_for (bothy_registry_get_ceilings (self), owner), &effective);
  if (bothy_quota_is_enforced (bothy_containers_get_directory (containers))) {
    project = bothy_volumes_choose_project (volumes);
    if (!project) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
                   "There are %u volumes on this machine, and no more can be counted", BOTHY_RANGE_SIZE);
      return NULL;
    }
  }
  return bothy_volumes_begin (volumes, owner, name, project,
                              bothy_limits_disk_bound (&effective, BOTHY_LIMIT_DISK),
                              bothy_limits_disk_bound (&effective, BOTHY_LIMIT_INODES), error);
}

void
bothy_volume_create (BothyRegistry *self,
                     guint32 owner,
                     const char *name,
                     const BothyCgroupLimits *limits,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Make *make = g_new0 (Make, 1);
  GError *error = NULL;

  make->volumes = g_object_ref (bothy_registry_get_volumes (self));
  g_task_set_task_data (task, make, (GDestroyNotify)make_free);
  make->new = begin (self, owner, name, limits, &error);
  BOTHY_FAULT_POINT ("volume.made-directory");
  if (make->new)
    bothy_disk_assign_volume (self, make->new->volume, make->new->data, on_bounded, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

gboolean
bothy_volume_create_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- deleting one ---- */

static gboolean
check_unused (BothyRegistry *self, const BothyVolume *volume, GError **error)
{
  gboolean left;
  const char *container =
      bothy_containers_find_user_of (bothy_registry_get_containers (self), volume->id, &left);

  if (!container)
    return TRUE;
  if (left)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_VOLUME_IN_USE,
        "Volume %s was taken away from container %s, which runs since and may still have it; stop the "
        "container first",
        volume->name, container);
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_VOLUME_IN_USE,
                 "Container %s has volume %s; delete the container, or take the volume away from it first "
                 "(\"bothy mount remove\")",
                 container, volume->name);
  return FALSE;
}

gboolean
bothy_volume_delete (BothyRegistry *self, guint32 owner, const char *name, GError **error)
{
  BothyVolumes *volumes = bothy_registry_get_volumes (self);
  BothyVolume *volume = bothy_volumes_find (volumes, owner, name, error);
  guint32 project = volume ? volume->project : 0;
  guint64 bytes = volume ? volume->bytes : 0, inodes = volume ? volume->inodes : 0;

  if (!volume || !check_unused (self, volume, error))
    return FALSE;
  /* A record that could not be read may name it. */
  if (bothy_registry_is_degraded (self)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                 "Not all records of containers can be read, and one may name the volume");
    return FALSE;
  }
  if (bothy_trash_count (bothy_registry_get_trash (self), owner) >= MAX_IN_TRASH) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                 "Files of what you deleted before are still being removed; try again");
    return FALSE;
  }
  if (!bothy_volumes_remove (volumes, volume, error))
    return FALSE;
  bothy_disk_release (self, project, bytes, inodes);
  return TRUE;
}

/* ---- in containers ---- */

gboolean
bothy_volume_resolve (BothyRegistry *self, guint32 owner, BothyMount *mount, GError **error)
{
  BothyVolumes *volumes = bothy_registry_get_volumes (self);
  const BothyVolume *volume;

  if (!mount->volume)
    return TRUE;
  if (!*mount->volume) {
    volume = bothy_volumes_find (volumes, owner, mount->source, error);
    if (volume)
      mount->volume = (g_free (mount->volume), g_strdup (volume->id));
    return volume != NULL;
  }
  volume = bothy_volumes_find_by_id (volumes, mount->volume);
  if (volume && volume->owner == owner)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_VOLUME, "Volume %s is there no more", mount->source);
  return FALSE;
}

GVariant *
bothy_volume_to_variant (BothyRegistry *self, const BothyVolume *volume)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  GVariantBuilder users, builder;

  g_variant_builder_init (&users, G_VARIANT_TYPE_STRING_ARRAY);
  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *container = l->data;

    if (bothy_container_spec_names_volume (container->spec, volume->id))
      g_variant_builder_add (&users, "s", container->spec->name);
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (volume->name));
  g_variant_builder_add (&builder, "{sv}", "created-at", g_variant_new_uint64 ((guint64)volume->created_at));
  g_variant_builder_add (&builder, "{sv}", "containers", g_variant_builder_end (&users));
  if (volume->bytes && volume->project)
    g_variant_builder_add (&builder, "{sv}", "disk-max", g_variant_new_uint64 (volume->bytes));
  if (volume->inodes && volume->project)
    g_variant_builder_add (&builder, "{sv}", "inodes-max", g_variant_new_uint64 (volume->inodes));
  return g_variant_builder_end (&builder);
}
