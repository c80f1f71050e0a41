/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images and archives of a container's files. One process writes an archive of what all layers show together: into the file
 * of who exports it, or into a pipe, from which an image is imported. So bothyd looks at no file.
 */
#include "core/registry/commit.h"

#include "base/error.h"
#include "core/images/expiry.h"
#include "core/images/export.h"
#include "core/images/import-tree.h"
#include "core/images/oci-config.h"
#include "core/registry/files.h"
#include "core/registry/layers.h"
#include "core/registry/snapshots.h"

#define EXPORT_MAX_SECONDS (24 * 3600) /* whoever reads may be slow */

typedef struct {
  BothyContainer *container;
  BothyImage *base;  /* what it stands on; in use as long as this is */
  BothyUpper *upper; /* the topmost layer of its own, with a hold; NULL: it is not known yet */
  char *alias;
  GUnixFDList *archive;     /* of an export: where it goes; NULL: an image is made */
  BothyExportTarget target; /* of an export, without its fd */
  GCancellable *cancellable;
} Commit;

static void
commit_free (Commit *commit)
{
  g_object_unref (commit->cancellable);
  g_clear_object (&commit->base);
  g_clear_object (&commit->archive);
  g_object_unref (commit->container);
  g_free (commit->alias);
  g_free (commit);
}

/* It is over: with IMAGE, with an archive that is written, or with ERROR. IMAGE and ERROR are taken over. */
static void
finish_commit (GTask *task, BothyImage *image, GError *error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);

  if (commit->base)
    bothy_image_store_use (bothy_registry_get_images (self), commit->base, -1);
  if (commit->upper)
    commit->upper->holds--;
  commit->upper = NULL;
  bothy_files_sweep (self);
  if (error)
    g_task_return_error (task, error);
  else if (commit->archive)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_pointer (task, image, g_object_unref);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyImage *image = bothy_image_store_import_tree_finish (BOTHY_IMAGE_STORE (source), result, &error);

  finish_commit (task, image, error);
}

static void
on_packed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) packed = bothy_unpack_finish (result, &error);

  finish_commit (task, NULL, error);
}

/* What is said of the files beside them. (transfer full); NULL with an error. */
static char *
describe (const Commit *commit, GError **error)
{
  const BothyContainerSpec *spec = commit->container->spec;
  const BothyOciProcess process = { .command = (const char *const *)spec->command,
                                    .environment = (const char *const *)spec->environment,
                                    .user = spec->user,
                                    .directory = spec->working_directory,
                                    .stop_signal = spec->stop_signal };

  if ((commit->target.format & UNPACK_AS_OCI) != 0)
    return bothy_oci_config_describe (commit->base, &process, error);
  return bothy_image_describe (commit->base);
}

/* LAYERS: mounts, the topmost first. */
static gboolean
pack (GTask *task, GUnixFDList *layers, GError **error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);
  struct unpack_request request = { .mode = UNPACK_PACK,
                                    .flags = commit->target.format,
                                    .compression = commit->target.compression,
                                    .max_seconds = EXPORT_MAX_SECONDS };
  g_autofree char *metadata = describe (commit, error);
  int n;
  const int *fds = g_unix_fd_list_peek_fds (layers, &n);

  for (int i = 0; metadata && i < n; i++) {
    if (g_unix_fd_list_append (commit->archive, fds[i], error) < 0)
      return FALSE;
  }
  if (!metadata)
    return FALSE;
  g_strlcpy (request.metadata, metadata, sizeof request.metadata);
  bothy_unpack (bothy_registry_get_helper (self), &request, -1, commit->archive, commit->target.progress,
                commit->target.progress_data, commit->cancellable, on_packed, g_object_ref (task));
  return TRUE;
}

/* ---- the layers ---- */

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  const Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;
  /* The topmost first. */
  g_autoptr (GUnixFDList) layers = bothy_layers_mount_finish (result, &error);
  const BothyTreeSource tree = {
    .layers = layers, .like = commit->base, .defaults = commit->base->defaults, .alias = commit->alias
  };

  if (layers && commit->archive && pack (task, layers, &error))
    return;
  if (layers && !commit->archive)
    bothy_image_store_import_tree (bothy_registry_get_images (self), commit->container->owner, &tree, NULL,
                                   NULL, commit->cancellable, on_imported, g_object_ref (task));
  else
    finish_commit (task, NULL, error);
}

static void
list_layers (BothyRegistry *self, const Commit *commit, struct helper_request *request)
{
  BothyUppers *uppers = bothy_registry_get_uppers (self);

  for (const BothyUpper *upper = commit->upper; upper; upper = bothy_uppers_find (uppers, upper->below))
    bothy_layers_add_upper (request, upper);
  bothy_layers_add_image (request, commit->base);
}

static void
mount_layers (GTask *task)
{
  struct helper_request request = { .op = HELPER_MOUNT };
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);
  BothyImageStore *images = bothy_registry_get_images (self);
  BothyImage *base = bothy_image_store_lookup (images, commit->container->spec->image);
  GError *error = NULL;

  if (!base)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE, "The image that it stands on is gone: %.12s",
                         commit->container->spec->image);
  else
    bothy_files_check_depth (self, commit->container, commit->upper->id, &error);
  if (error) {
    finish_commit (task, NULL, error);
    return;
  }
  commit->base = g_object_ref (base);
  bothy_image_store_use (images, base, 1);
  list_layers (self, commit, &request);
  bothy_layers_mount (bothy_registry_get_helper (self), &request, on_mounted, g_object_ref (task));
}

static void
on_set_aside (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;

  commit->upper = bothy_registry_set_aside_finish (BOTHY_REGISTRY (source), result, &error);
  if (commit->upper)
    mount_layers (task);
  else
    finish_commit (task, NULL, error);
}

/* Begin with what CONTAINER has, or had at SNAPSHOT. */
static void
begin (GTask *task, const char *snapshot, GCancellable *cancellable)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;

  commit->cancellable = g_object_ref (cancellable);
  if (!snapshot) {
    bothy_registry_set_aside (self, commit->container, on_set_aside, g_object_ref (task));
    return;
  }
  commit->upper = bothy_snapshot_take_upper (self, commit->container, snapshot, &error);
  if (commit->upper)
    mount_layers (task);
  else
    g_task_return_error (task, error);
}

void
bothy_registry_commit (BothyRegistry *self,
                       BothyContainer *container,
                       const char *snapshot,
                       const char *alias,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Commit *commit = g_new0 (Commit, 1);

  commit->container = g_object_ref (container);
  commit->alias = g_strdup (alias);
  g_task_set_task_data (task, commit, (GDestroyNotify)commit_free);
  begin (task, snapshot, cancellable);
}

BothyImage *
bothy_registry_commit_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- an archive ---- */

void
bothy_registry_export (BothyRegistry *self,
                       BothyContainer *container,
                       const char *snapshot,
                       const BothyExportTarget *target,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (GUnixFDList) archive = NULL;
  Commit *commit;
  GError *error = NULL;

  archive = bothy_unpack_sources (target->archive_fd, -1, &error);
  if (!archive) {
    g_task_return_error (task, error);
    return;
  }
  commit = g_new0 (Commit, 1);
  commit->container = g_object_ref (container);
  commit->archive = g_steal_pointer (&archive);
  commit->target = *target;
  commit->target.archive_fd = -1;
  g_task_set_task_data (task, commit, (GDestroyNotify)commit_free);
  begin (task, snapshot, cancellable);
}

gboolean
bothy_registry_export_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
