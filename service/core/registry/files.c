/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/files.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "core/images/compose.h"
#include "core/registry/disk.h"
#include "workers/unpack.h"

#include <errno.h>
#include <unistd.h>

/* ---- making one ---- */

/* What is copied while a container stands still: a file system that has to copy all bytes is at it some seconds then. */
#define COPY_MAX_BYTES   (G_GUINT64_CONSTANT (1) << 30)
#define COPY_MAX_FILES   200000
#define COPY_MAX_SECONDS 15

typedef struct {
  BothyUppers *uppers;
  BothyNewUpper *new;
  guint32 owner;
  int source; /* what is copied into it, or -1 */
  BothyFilesCopied copied;
  gpointer copied_data;
} Make;

static void
make_free (Make *make)
{
  if (make->new)
    bothy_uppers_end (make->uppers, make->new);
  bothy_clear_fd (&make->source);
  g_object_unref (make->uppers);
  g_free (make);
}

static void
on_placed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Make *make = g_task_get_task_data (task);
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    g_task_return_pointer (task, bothy_uppers_add (make->uppers, make->new), NULL);
  else
    g_task_return_error (task, error);
}

static void
place (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Make *make = task_data;
  GError *error = NULL;

  /* What was copied is to be there as long as its record. */
  if (make->source >= 0 && syncfs (make->new->data) < 0)
    bothy_error_set_errno (&error, errno, "Copying a container's files");
  if (!error && bothy_uppers_place (make->uppers, make->new, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
place_in_thread (GTask *task)
{
  g_autoptr (GTask) thread =
      g_task_new (g_task_get_source_object (task), NULL, on_placed, g_object_ref (task));

  g_task_set_task_data (thread, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (thread, place);
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Make *make = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) unpacked = bothy_unpack_finish (result, &error);

  BOTHY_FAULT_POINT ("live.copied");
  if (unpacked) {
    make->copied (make->copied_data);
    place_in_thread (task);
    return;
  }
  if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED))
    g_prefix_error (&error, "It runs, and has too much to be copied while it stands still; stop it first: ");
  g_task_return_error (task, error);
}

static void
copy_files (GTask *task)
{
  const struct unpack_request request = { .mode = UNPACK_DUPLICATE,
                                          .max_bytes = COPY_MAX_BYTES,
                                          .max_inodes = COPY_MAX_FILES,
                                          .max_seconds = COPY_MAX_SECONDS };
  BothyRegistry *self = g_task_get_source_object (task);
  const Make *make = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) sources = bothy_unpack_sources (make->source, -1, &error);

  if (sources)
    bothy_unpack (bothy_registry_get_helper (self), make->owner, &request, make->new->data, sources, NULL,
                  NULL, NULL, on_copied, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
on_owned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Make *make = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (!fds)
    g_task_return_error (task, error);
  else if (make->source >= 0)
    copy_files (task);
  else
    place_in_thread (task);
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
  BOTHY_FAULT_POINT ("snapshot.bounded");
  if (fds)
    bothy_helper_client_call (bothy_registry_get_helper (self), &own, fds, on_owned, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static GTask *
make_task (BothyRegistry *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Make *make = g_new0 (Make, 1);

  make->source = -1;
  make->uppers = g_object_ref (bothy_registry_get_uppers (self));
  g_task_set_task_data (task, make, (GDestroyNotify)make_free);
  return task;
}

static void
begin_make (GTask *task, BothyContainer *container, const char *below)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Make *make = g_task_get_task_data (task);
  GError *error = NULL;

  make->owner = container->owner;
  make->new = bothy_uppers_begin (make->uppers, below, container->owner, container->disk.project, &error);
  if (make->new)
    bothy_disk_join (self, container, make->new->data, on_bounded, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_files_make (BothyRegistry *self,
                  BothyContainer *container,
                  const char *below,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  g_autoptr (GTask) task = make_task (self, callback, user_data);

  begin_make (task, container, below);
}

void
bothy_files_make_copy (BothyRegistry *self,
                       BothyContainer *container,
                       BothyFilesCopied copied,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = make_task (self, callback, user_data);
  BothyUppers *uppers = bothy_registry_get_uppers (self);
  const BothyUpper *top = bothy_uppers_find (uppers, container->files.top);
  int containers_fd = bothy_containers_get_directory (bothy_registry_get_containers (self));
  Make *make = g_task_get_task_data (task);
  GError *error = NULL;

  make->copied = copied;
  make->copied_data = user_data;
  if (top)
    make->source = bothy_uppers_open (uppers, top, containers_fd, &error);
  else
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "What container %s wrote is gone",
                         container->spec->name);
  if (error)
    g_task_return_error (task, error);
  else
    begin_make (task, container, top->below);
}

BothyUpper *
bothy_files_make_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
bothy_files_check_depth (BothyRegistry *self, const BothyContainer *container, const char *id, GError **error)
{
  const BothyImage *image =
      bothy_image_store_lookup (bothy_registry_get_images (self), container->spec->image);
  guint own = bothy_uppers_count_from (bothy_registry_get_uppers (self), id);
  guint n = own + (image ? g_strv_length (image->layers) : 1);

  if (n <= BOTHY_MAX_LAYERS)
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
      "Container %s stands on %u layers of files already, of its image and of snapshots and copies, also "
      "deleted ones, and %d is all that a container can stand on; restore an older snapshot",
      container->spec->name, n - 1, BOTHY_MAX_LAYERS);
  return FALSE;
}

/* ---- what is needed ---- */

/* A set of the ids of all layers that something stands on; of EXCEPT (or NULL) nothing needs to stay. (transfer container) */
static GHashTable *
list_wanted (BothyRegistry *self, const BothyContainer *except)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  BothyUppers *uppers = bothy_registry_get_uppers (self);
  GHashTable *wanted = g_hash_table_new (g_str_hash, g_str_equal);

  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *container = l->data;

    if (container == except)
      continue;
    bothy_uppers_add_wanted (uppers, wanted, container->files.top);
    for (guint i = 0; i < container->snapshots->len; i++)
      bothy_uppers_add_wanted (uppers, wanted,
                               ((const BothySnapshot *)container->snapshots->pdata[i])->upper);
  }
  bothy_uppers_add_held (uppers, wanted);
  return wanted;
}

void
bothy_files_sweep (BothyRegistry *self)
{
  g_autoptr (GHashTable) wanted = NULL;

  /* A record that could not be read may need any of them. */
  if (bothy_registry_is_degraded (self))
    return;
  wanted = list_wanted (self, NULL);
  bothy_uppers_sweep (bothy_registry_get_uppers (self), wanted);
}

gboolean
bothy_files_discard (BothyRegistry *self, BothyContainer *container, GError **error)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  g_autoptr (GHashTable) wanted = list_wanted (self, container);
  int containers_fd = bothy_containers_get_directory (containers);
  guint32 project = container->disk.project;
  gboolean moved;

  /* What could not be read may stand on it. */
  if (bothy_registry_is_degraded (self))
    g_hash_table_add (wanted, container->id);
  if (!bothy_uppers_orphan (bothy_registry_get_uppers (self), container->id, wanted, containers_fd,
                            bothy_containers_get_bound (container, BOTHY_LIMIT_DISK),
                            bothy_containers_get_bound (container, BOTHY_LIMIT_INODES), &moved, error))
    return FALSE;
  if (!moved && !bothy_containers_trash (containers, container, container->id, error))
    return FALSE;
  bothy_disk_release (self, project, container->disk.bytes, container->disk.inodes);
  bothy_containers_remove (containers, container);
  bothy_files_sweep (self);
  return TRUE;
}
