/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/disk.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/container/limits.h"
#include "storage/quota.h"

#include <fcntl.h>

/* What removes a tree may have to move directories of it, and the one that they go to grows. */
#define REMOVAL_ROOM (G_GUINT64_CONSTANT (16) << 20)

/* Ask the helper about the files of PROJECT on the file system of FD. */
static void
call_helper (
    BothyRegistry *self, int fd, const struct helper_quota *quota, GAsyncReadyCallback callback, GTask *task)
{
  struct helper_request request = { .op = HELPER_QUOTA, .quota = *quota };
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds = bothy_fd_list (&fd, 1, &error);

  if (fds)
    bothy_helper_client_call (bothy_registry_get_helper (self), &request, fds, callback, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

/* A range is its owner's again as soon as a container of his is deleted; the files of that one may still be there, in the
   trash or because a copy stands on them, and must not count for another. */
static guint32
choose_project (BothyRegistry *self, guint32 base)
{
  BothyTrash *trash = bothy_registry_get_trash (self);
  BothyUppers *uppers = bothy_registry_get_uppers (self);
  guint32 project = base;

  while (project - base < BOTHY_RANGE_SIZE - 1 &&
         (bothy_trash_has_project (trash, project) || bothy_uppers_has_project (uppers, project)))
    project++;
  return project;
}

/* ---- what it may take ---- */

typedef struct {
  BothyContainer *container;
  struct helper_quota quota;
} Bound;

static void
bound_free (Bound *bound)
{
  g_object_unref (bound->container);
  g_free (bound);
}

static GTask *
begin_bound (BothyRegistry *self,
             BothyContainer *container,
             const BothyCgroupLimits *limits,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Bound *bound = g_new0 (Bound, 1);

  bound->container = g_object_ref (container);
  bound->quota.flags = HELPER_QUOTA_BOUND;
  bound->quota.project = container->disk.project;
  bound->quota.max_bytes = bothy_limits_disk_bound (limits, BOTHY_LIMIT_DISK);
  bound->quota.max_inodes = bothy_limits_disk_bound (limits, BOTHY_LIMIT_INODES);
  g_task_set_task_data (task, bound, (GDestroyNotify)bound_free);
  return task;
}

/* The file system said that it bounds projects, and knows nothing of that when it is told: what it was mounted with has been
   changed, say. */
static gboolean
is_without_quotas (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
}

/* The file system knows it now. A container that is being made has no record yet. */
static void
on_bound (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  const Bound *bound = g_task_get_task_data (task);
  gboolean is_made = (bound->quota.flags & HELPER_QUOTA_ASSIGN) == 0;
  GError *error = NULL;

  if (!bothy_helper_client_quota_finish (BOTHY_HELPER_CLIENT (source), result, NULL, NULL, &error)) {
    if (is_made || !is_without_quotas (error)) {
      g_task_return_error (task, error);
      return;
    }
    /* A new one is made without a bound then, as where the file system never kept any. */
    g_warning ("Container %s: %s", bound->container->id, error->message);
    g_error_free (error);
    g_task_return_boolean (task, TRUE);
    return;
  }
  bothy_container_set_disk_bound (bound->container, bound->quota.project, bound->quota.max_bytes,
                                  bound->quota.max_inodes);
  /* Where that fails, the next bothyd tells the file system once more. */
  if (!is_made || bothy_containers_save (bothy_registry_get_containers (self), bound->container, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_disk_assign (BothyRegistry *self,
                   BothyContainer *container,
                   int data,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  BothyCgroupLimits limits;
  Bound *bound;

  bothy_limits_effective (&container->spec->limits,
                          bothy_ceilings_for (bothy_registry_get_ceilings (self), container->owner), &limits);
  task = begin_bound (self, container, &limits, callback, user_data);
  if (!bothy_quota_is_enforced (data)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  bound = g_task_get_task_data (task);
  bound->quota.flags |= HELPER_QUOTA_ASSIGN;
  bound->quota.project = choose_project (self, container->range_base);
  call_helper (self, data, &bound->quota, on_bound, task);
}

gboolean
bothy_disk_assign_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
bothy_disk_join (BothyRegistry *self,
                 BothyContainer *container,
                 int data,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
  g_autoptr (GTask) task = begin_bound (self, container, &container->limits, callback, user_data);
  Bound *bound = g_task_get_task_data (task);

  bound->quota.flags |= HELPER_QUOTA_ASSIGN;
  if (container->disk.project && bothy_quota_is_enforced (data))
    call_helper (self, data, &bound->quota, on_bound, task);
  else
    g_task_return_boolean (task, TRUE);
}

void
bothy_disk_bound (BothyRegistry *self,
                  BothyContainer *container,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  g_autoptr (GTask) task = begin_bound (self, container, &container->limits, callback, user_data);
  const Bound *bound = g_task_get_task_data (task);
  int fd = bothy_containers_get_directory (bothy_registry_get_containers (self));

  if (!container->disk.project || !bothy_quota_is_enforced (fd) ||
      (container->disk.bytes == bound->quota.max_bytes && container->disk.inodes == bound->quota.max_inodes))
    g_task_return_boolean (task, TRUE);
  else
    call_helper (self, fd, &bound->quota, on_bound, task);
}

gboolean
bothy_disk_bound_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_bound_unasked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyContainer) container = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_disk_bound_finish (BOTHY_REGISTRY (source), result, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

void
bothy_disk_bound_unasked (BothyRegistry *self, BothyContainer *container)
{
  bothy_disk_bound (self, container, on_bound_unasked, g_object_ref (container));
}

static void
on_released (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_helper_client_quota_finish (BOTHY_HELPER_CLIENT (source), result, NULL, NULL, &error))
    g_warning ("Trash: %s", error->message);
  g_task_return_boolean (task, TRUE);
}

static void
on_release_over (GObject *source, GAsyncResult *result, gpointer project)
{
  bothy_trash_release_project (bothy_registry_get_trash (BOTHY_REGISTRY (source)),
                               GPOINTER_TO_UINT (project));
}

void
bothy_disk_release (BothyRegistry *self, guint32 project, guint64 bytes, guint64 inodes)
{
  const struct helper_quota quota = {
    .flags = HELPER_QUOTA_BOUND,
    .project = project,
    .max_bytes = bytes ? MIN (bytes, BOTHY_LIMITS_MAX_BOUND - REMOVAL_ROOM) + REMOVAL_ROOM : 0,
    .max_inodes = inodes
  };
  int fd = bothy_containers_get_directory (bothy_registry_get_containers (self));
  g_autoptr (GTask) task = g_task_new (self, NULL, on_release_over, GUINT_TO_POINTER (project));

  bothy_trash_hold_project (bothy_registry_get_trash (self), project);
  /* Until that is answered nothing new has the project: this could come after what bounds it, and lift that. */
  if (project && bothy_quota_is_enforced (fd))
    call_helper (self, fd, &quota, on_released, task);
  else
    g_task_return_boolean (task, TRUE);
}

/* ---- of a volume ---- */

#define MAX_TRIES 64

typedef struct {
  BothyVolume *volume;
  int data;
  guint n_tries;
} Assigning;

static void
on_volume_bound (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_helper_client_quota_finish (BOTHY_HELPER_CLIENT (source), result, NULL, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void look_at_project (GTask *task);

static void
on_project_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Assigning *assigning = g_task_get_task_data (task);
  BothyVolume *volume = assigning->volume;
  const struct helper_quota quota = { .flags = HELPER_QUOTA_BOUND | HELPER_QUOTA_ASSIGN,
                                      .project = volume->project,
                                      .max_bytes = volume->bytes,
                                      .max_inodes = volume->inodes };
  guint64 bytes = 0, inodes = 0;
  GError *error = NULL;

  if (!bothy_helper_client_quota_finish (BOTHY_HELPER_CLIENT (source), result, &bytes, &inodes, &error)) {
    if (!is_without_quotas (error)) {
      g_task_return_error (task, error);
      return;
    }
    g_warning ("Volume %s: %s", volume->id, error->message);
    g_error_free (error);
    volume->project = 0;
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (bytes == 0 && inodes == 0) {
    call_helper (self, assigning->data, &quota, on_volume_bound, task);
    return;
  }
  volume->project = bothy_volumes_choose_project (bothy_registry_get_volumes (self));
  if (volume->project && ++assigning->n_tries < MAX_TRIES)
    look_at_project (task);
  else
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
        "Files of many deleted volumes are open still, and what a new one takes can not be "
        "told from them; try again");
}

/* Whether files have it already. */
static void
look_at_project (GTask *task)
{
  const Assigning *assigning = g_task_get_task_data (task);
  const struct helper_quota quota = { .project = assigning->volume->project };

  call_helper (g_task_get_source_object (task), assigning->data, &quota, on_project_read, task);
}

void
bothy_disk_assign_volume (
    BothyRegistry *self, BothyVolume *volume, int data, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Assigning *assigning = g_new0 (Assigning, 1);

  assigning->volume = volume;
  assigning->data = data;
  g_task_set_task_data (task, assigning, g_free);
  if (volume->project)
    look_at_project (task);
  else
    g_task_return_boolean (task, TRUE);
}

/* ---- what it takes ---- */

typedef struct {
  guint64 bytes, inodes;
} Usage;

/* What may be taken; a container's may change while it is asked. */
typedef struct {
  BothyContainer *container; /* NULL: of a volume, with the bounds below */
  guint64 bytes, inodes;
} Reading;

static void
reading_free (Reading *reading)
{
  g_clear_object (&reading->container);
  g_free (reading);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Usage usage;
  GError *error = NULL;

  if (bothy_helper_client_quota_finish (BOTHY_HELPER_CLIENT (source), result, &usage.bytes, &usage.inodes,
                                        &error))
    g_task_return_pointer (task, g_memdup2 (&usage, sizeof usage), g_free);
  else if (is_without_quotas (error)) {
    g_error_free (error);
    g_task_return_pointer (task, NULL, NULL);
  } else
    g_task_return_error (task, error);
}

/* READING is taken over. */
static void
read_project (
    BothyRegistry *self, guint32 project, Reading *reading, GAsyncReadyCallback callback, gpointer user_data)
{
  const struct helper_quota quota = { .project = project };
  int fd = bothy_containers_get_directory (bothy_registry_get_containers (self));
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_task_data (task, reading, (GDestroyNotify)reading_free);
  if (project && bothy_quota_is_enforced (fd))
    call_helper (self, fd, &quota, on_read, task);
  else
    g_task_return_pointer (task, NULL, NULL);
}

/* As statfs(2) tells it of the container's own directory, without the helper. NULL: it does not. */
static Usage *
look_at_usage (BothyRegistry *self, const BothyContainer *container)
{
  int containers = bothy_containers_get_directory (bothy_registry_get_containers (self));
  g_autofree char *path = g_strconcat (container->id, "/data", NULL);
  autofd data = openat (containers, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autofree Usage *usage = g_new0 (Usage, 1);

  if (data >= 0 && container->disk.project &&
      bothy_quota_get_usage (data, containers, container->disk.bytes, container->disk.inodes, &usage->bytes,
                             &usage->inodes))
    return g_steal_pointer (&usage);
  return NULL;
}

void
bothy_disk_read (BothyRegistry *self,
                 BothyContainer *container,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
  Reading *reading = g_new0 (Reading, 1);
  Usage *usage = look_at_usage (self, container);

  if (usage) {
    g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

    reading->container = g_object_ref (container);
    g_task_set_task_data (task, reading, (GDestroyNotify)reading_free);
    g_task_return_pointer (task, usage, g_free);
    return;
  }

  reading->container = g_object_ref (container);
  read_project (self, container->disk.project, reading, callback, user_data);
}

void
bothy_disk_read_volume (BothyRegistry *self,
                        const BothyVolume *volume,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  Reading *reading = g_new0 (Reading, 1);

  reading->bytes = volume->bytes;
  reading->inodes = volume->inodes;
  read_project (self, volume->project, reading, callback, user_data);
}

static void
add (GVariantDict *stats, const char *key, guint64 value)
{
  g_variant_dict_insert (stats, key, "t", value);
}

gboolean
bothy_disk_read_finish (BothyRegistry *self, GAsyncResult *result, GVariantDict *stats, GError **error)
{
  const Reading *reading = g_task_get_task_data (G_TASK (result));
  guint64 max_bytes = reading->container ? reading->container->disk.bytes : reading->bytes;
  guint64 max_inodes = reading->container ? reading->container->disk.inodes : reading->inodes;
  GError *local_error = NULL;
  g_autofree Usage *usage = g_task_propagate_pointer (G_TASK (result), &local_error);

  if (local_error) {
    g_propagate_error (error, local_error);
    return FALSE;
  }
  if (!usage)
    return TRUE;
  add (stats, "disk", usage->bytes);
  add (stats, "inodes", usage->inodes);
  if (max_bytes)
    add (stats, "disk-max", max_bytes);
  if (max_inodes)
    add (stats, "inodes-max", max_inodes);
  return TRUE;
}
