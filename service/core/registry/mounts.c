/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/mounts.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/container/mounting.h"
#include "core/registry/change.h"
#include "core/registry/volumes.h"

typedef struct {
  BothyChange *change;
  BothyContainer *container;
  BothyMount *mount;   /* what is added or taken away; a copy */
  GUnixFDList *folder; /* its mount, while it is attached nowhere */
  GError *error;       /* why it is taken away again */
} Mounting;

static void
mounting_free (gpointer data)
{
  Mounting *mounting = data;

  g_clear_pointer (&mounting->change, bothy_change_free);
  g_clear_pointer (&mounting->mount, bothy_mount_free);
  g_clear_object (&mounting->folder);
  g_clear_error (&mounting->error);
  g_object_unref (mounting->container);
  g_free (mounting);
}

/* Begin to do WHAT to CONTAINER. NULL: that can not be, and the caller has been told. */
static GTask *
begin_mounting (BothyRegistry *self,
                BothyContainer *container,
                const char *what,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Mounting *mounting = g_new0 (Mounting, 1);
  GError *error = NULL;

  mounting->container = g_object_ref (container);
  mounting->change = bothy_change_begin (bothy_registry_get_containers (self), container, what, &error);
  g_task_set_task_data (task, mounting, mounting_free);
  if (mounting->change) {
    container->yields = TRUE;
    return g_steal_pointer (&task);
  }
  /* Another one may be under way, and yields still. */
  g_task_return_error (task, error);
  return NULL;
}

/* It is over; ERROR (taken over) or NULL is the result. */
static void
end_mounting (GTask *task, GError *error)
{
  const Mounting *mounting = g_task_get_task_data (task);

  bothy_change_end (mounting->change);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
save_container (BothyRegistry *self, BothyContainer *container, GError **error)
{
  return bothy_containers_save (bothy_registry_get_containers (self), container, error);
}

/* ---- how many ---- */

gboolean
bothy_registry_check_mounts (BothyRegistry *self, guint32 owner, guint n, GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  guint max = bothy_registry_get_configuration (self)->max_mounts, has = 0;

  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *container = l->data;

    if (container->owner == owner)
      has += container->spec->mounts->len;
  }
  if (has + n <= max)
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
      "%u directories of yours are in your containers, and a user may have %u; take one away first (\"bothy "
      "mount remove\")",
      has, max);
  return FALSE;
}

/* ---- taking one away ---- */

static void
forget_mount (BothyRegistry *self, GTask *task, GError *error)
{
  const Mounting *mounting = g_task_get_task_data (task);

  bothy_container_remove_mount (mounting->container, mounting->mount->destination);
  if (error)
    save_container (self, mounting->container, NULL);
  else
    save_container (self, mounting->container, &error);
  end_mounting (task, error);
}

static void
on_detached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Mounting *mounting = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  BOTHY_FAULT_POINT ("mount.detached");
  /* It may not have got that far, or the container ended meanwhile. */
  if (bothy_mounting_finish (result, &error) || !mounting->container->supervisor ||
      bothy_error_get_code (error) == BOTHY_ERROR_NO_SUCH_MOUNT) {
    /* An earlier bothyd may have taken it away, and have been killed; what was refused just now was never inside. */
    if (mounting->container->supervisor && mounting->mount->volume && !(error && mounting->error))
      bothy_container_add_left (mounting->container, mounting->mount->volume);
    forget_mount (self, task, g_steal_pointer (&mounting->error));
    return;
  }
  bothy_container_set_mount_unsettled (mounting->container, mounting->mount->destination, FALSE);
  save_container (self, mounting->container, NULL);
  end_mounting (task, mounting->error ? g_steal_pointer (&mounting->error) : g_steal_pointer (&error));
}

static void
detach_mount (BothyRegistry *self, GTask *task)
{
  const Mounting *mounting = g_task_get_task_data (task);
  BothyContainer *container = mounting->container;

  if (container->supervisor)
    bothy_mounting_detach (container->supervisor, mounting->mount->destination, on_detached,
                           g_object_ref (task));
  else
    forget_mount (self, task, NULL);
}

void
bothy_registry_remove_mount (BothyRegistry *self,
                             BothyContainer *container,
                             const char *destination,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GTask) task = begin_mounting (self, container, "taking a directory away", callback, user_data);
  const BothyMount *found = bothy_mounts_find (container->spec->mounts, destination);
  const BothyMount *below = bothy_mounts_find_below (container->spec->mounts, destination);
  GError *error = NULL;

  if (!task)
    return;
  if (!found)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_MOUNT,
                         "Container %s has no directory mounted at %s", container->spec->name, destination);
  else if (below && container->supervisor)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "%s is mounted in it; take that away first",
                         below->destination);
  if (!error) {
    ((Mounting *)g_task_get_task_data (task))->mount = bothy_mount_copy (found);
    bothy_container_set_mount_unsettled (container, destination, TRUE);
    if (!save_container (self, container, &error))
      bothy_container_set_mount_unsettled (container, destination, FALSE);
  }
  if (error) {
    end_mounting (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("mount.removing");
  detach_mount (self, task);
}

/* ---- adding one ---- */

/* It is mounted, or will be at the next start. */
static void
settle_mount (BothyRegistry *self, GTask *task)
{
  Mounting *mounting = g_task_get_task_data (task);
  GError *error = NULL;

  bothy_container_set_mount_unsettled (mounting->container, mounting->mount->destination, FALSE);
  if (save_container (self, mounting->container, &error)) {
    end_mounting (task, NULL);
    return;
  }
  bothy_container_set_mount_unsettled (mounting->container, mounting->mount->destination, TRUE);
  mounting->error = error;
  detach_mount (self, task);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Mounting *mounting = g_task_get_task_data (task);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("mount.attached");
  /* One that ended meanwhile, or is about to and takes nothing more, gets it when it starts again. */
  if (bothy_mounting_finish (result, &error) || !mounting->container->supervisor ||
      mounting->container->state == BOTHY_CONTAINER_STOPPING) {
    g_clear_error (&error);
    settle_mount (self, task);
    return;
  }
  /* It is inside if only what comes after that failed, such as to note that a volume is filled. */
  mounting->error = error;
  detach_mount (self, task);
}

static void
on_folder_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Mounting *mounting = g_task_get_task_data (task);
  BothyContainer *container = mounting->container;
  BothyMount *mount;
  GError *error = NULL;

  mounting->folder = bothy_folder_mount_finish (BOTHY_HELPER_CLIENT (source), result, &error);
  /* Others may have been added meanwhile, and a volume deleted. */
  if (mounting->folder && bothy_registry_check_mounts (self, container->owner, 1, &error) &&
      bothy_volume_resolve (self, container->owner, mounting->mount, &error)) {
    mount = bothy_mount_copy (mounting->mount);
    mount->unsettled = container->supervisor != NULL;
    bothy_container_add_mount (container, mount);
    if (!save_container (self, container, &error))
      bothy_container_remove_mount (container, mounting->mount->destination);
  }
  BOTHY_FAULT_POINT ("mount.recorded");
  if (error || !container->supervisor)
    end_mounting (task, error);
  else
    bothy_mounting_attach (container->supervisor, bothy_registry_get_volumes (self), mounting->mount,
                           mounting->folder, on_attached, g_object_ref (task));
}

/* What it would cover stays visible. */
static gboolean
check_mount (BothyRegistry *self, BothyContainer *container, const BothyMount *mount, GError **error)
{
  const BothyMount *below = bothy_mounts_find_below (container->spec->mounts, mount->destination);

  /* A file system that is served from inside would not answer. */
  if (container->state == BOTHY_CONTAINER_FROZEN) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is frozen; thaw it first",
                 container->spec->name);
    return FALSE;
  }
  if (!bothy_mounts_check (container->spec->mounts, mount->destination, error) ||
      !bothy_registry_check_mounts (self, container->owner, 1, error))
    return FALSE;
  if (!below || !container->supervisor)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
               "%s is mounted already and would be covered; take that away first, or stop the container",
               below->destination);
  return FALSE;
}

void
bothy_registry_add_mount (BothyRegistry *self,
                          BothyContainer *container,
                          const BothyMount *mount,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = begin_mounting (self, container, "mounting a directory", callback, user_data);
  BothyMount *copy;
  GError *error = NULL;

  if (!task)
    return;
  copy = bothy_mount_copy (mount);
  ((Mounting *)g_task_get_task_data (task))->mount = copy;
  if (check_mount (self, container, mount, &error) &&
      bothy_volume_resolve (self, container->owner, copy, &error))
    bothy_folder_mount (bothy_registry_get_helper (self), container->owner, container->range_base, copy,
                        on_folder_mounted, g_object_ref (task));
  else
    end_mounting (task, error);
}

gboolean
bothy_registry_mount_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- what an earlier bothyd left ---- */

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyContainer) container = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_registry_mount_finish (BOTHY_REGISTRY (source), result, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

/* There is one at most: one change of a container is under way at a time. */
void
bothy_registry_settle_mounts (BothyRegistry *self, BothyContainer *container)
{
  const GPtrArray *mounts = container->spec->mounts;

  for (guint i = 0; i < mounts->len; i++) {
    const BothyMount *mount = mounts->pdata[i];

    if (mount->unsettled) {
      bothy_registry_remove_mount (self, container, mount->destination, on_settled, g_object_ref (container));
      return;
    }
  }
}
