/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images and archives of a container's files. For an image, one process writes an archive of what all layers show together into a pipe, and the ones that import images read it there. So
 * bothyd looks at no file, and what is made is an image like any other.
 */
#include "core/registry/commit.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/images/expiry.h"
#include "core/images/export.h"
#include "core/images/import.h"
#include "core/container/oci-config.h"
#include "core/registry/files.h"
#include "core/registry/snapshots.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PACK_MAX_SECONDS   3600
#define EXPORT_MAX_SECONDS (24 * 3600) /* whoever reads may be slow */

typedef struct {
  BothyContainer *container;
  BothyImage *base;  /* what it stands on; in use as long as this is */
  BothyUpper *upper; /* the topmost layer of its own, with a hold; NULL: it is not known yet */
  char *alias;
  GUnixFDList *archive;      /* of an export: where it goes; NULL: an image is made */
  BothyExportTarget target;  /* of an export, without its fd */
  GCancellable *cancellable; /* ends both */
  GCancellable *outer;       /* the caller's */
  gulong handler;
  guint pending;
  BothyImage *image;
  GError *error; /* the first thing that went wrong */
} Commit;

static void
commit_free (Commit *commit)
{
  if (commit->handler)
    g_signal_handler_disconnect (commit->outer, commit->handler);
  g_clear_object (&commit->outer);
  g_object_unref (commit->cancellable);
  g_clear_object (&commit->base);
  g_clear_object (&commit->archive);
  g_clear_object (&commit->image);
  g_clear_error (&commit->error);
  g_object_unref (commit->container);
  g_free (commit->alias);
  g_free (commit);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

/* ERROR (taken over) is why there will be no image, unless something went wrong before. */
static void
fail_commit (Commit *commit, GError *error)
{
  if (!commit->error)
    commit->error = error;
  else
    g_error_free (error);
  g_cancellable_cancel (commit->cancellable);
}

/* Nothing is under way any more. */
static void
finish_commit (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);

  if (commit->pending > 0)
    return;
  if (commit->base)
    bothy_image_store_use (bothy_registry_get_images (self), commit->base, -1);
  if (commit->upper)
    commit->upper->holds--;
  commit->upper = NULL;
  bothy_files_sweep (self);
  if (commit->error)
    g_task_return_error (task, g_steal_pointer (&commit->error));
  else if (commit->archive)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_pointer (task, g_steal_pointer (&commit->image), g_object_unref);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;

  commit->pending--;
  commit->image = bothy_image_store_import_finish (BOTHY_IMAGE_STORE (source), result, &error);
  if (error)
    fail_commit (commit, error);
  finish_commit (task);
}

/*
 * What was packed by half must not become an image. The importing end sees the end of the pipe when the last writer has closed it, and
 * the job of packing, which has it open too, is there until this returns.
 */
static void
on_packed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) packed = bothy_unpack_finish (result, &error);

  commit->pending--;
  if (error)
    fail_commit (commit, error);
  finish_commit (task);
}

/* What is said of the files beside them. (transfer full); NULL with an error. */
static char *
describe (const Commit *commit, GError **error)
{
  if (commit->archive && (commit->target.format & UNPACK_AS_OCI) != 0)
    return bothy_oci_config_describe (commit->container, commit->base, error);
  return bothy_image_describe (commit->base);
}

/* LAYERS: mounts, the topmost first; they come to OUT, where the archive goes. */
static gboolean
pack (GTask *task, GUnixFDList *layers, GUnixFDList *out, GError **error)
{
  struct unpack_request request = { .mode = UNPACK_PACK };
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);
  g_autofree char *metadata = describe (commit, error);
  int n;
  const int *fds = g_unix_fd_list_peek_fds (layers, &n);

  for (int i = 0; metadata && i < n; i++) {
    if (g_unix_fd_list_append (out, fds[i], error) < 0)
      return FALSE;
  }
  if (!metadata)
    return FALSE;
  request.flags = commit->target.format;
  request.compression = commit->target.compression;
  request.max_seconds = commit->archive ? EXPORT_MAX_SECONDS : PACK_MAX_SECONDS;
  g_strlcpy (request.metadata, metadata, sizeof request.metadata);
  commit->pending++;
  bothy_unpack (bothy_registry_get_helper (self), &request, -1, out, commit->target.progress,
                commit->target.progress_data, commit->cancellable, on_packed, g_object_ref (task));
  return TRUE;
}

static void
pack_and_import (GTask *task, GUnixFDList *layers)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;
  int ends[2];
  autofd in = -1, out = -1;
  g_autoptr (GUnixFDList) sources = NULL;

  if (pipe2 (ends, O_CLOEXEC) < 0) {
    bothy_error_set_errno (&error, errno, "Making an image");
    fail_commit (commit, error);
    return;
  }
  in = ends[0];
  out = ends[1];
  sources = bothy_unpack_sources (out, -1, &error);
  if (sources && pack (task, layers, sources, &error)) {
    const BothyImportSource source = {
      .archive_fd = in, .metadata_fd = -1, .alias = commit->alias, .defaults = commit->base->defaults
    };

    commit->pending++;
    bothy_image_store_import (bothy_registry_get_images (self), commit->container->owner, &source, NULL, NULL,
                              commit->cancellable, on_imported, g_object_ref (task));
  } else
    fail_commit (commit, error);
}

/* ---- the layers ---- */

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) layers =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  commit->pending--;
  if (layers && !commit->archive)
    pack_and_import (task, layers);
  else if (layers)
    pack (task, layers, commit->archive, &error);
  if (error)
    fail_commit (commit, error);
  finish_commit (task);
}

static void
add_layer (struct helper_request *request, enum helper_layer_kind kind, const char *id)
{
  struct helper_layer *layer = &request->layers[request->n_layers++];

  layer->kind = kind;
  g_strlcpy (layer->id, id, sizeof layer->id);
}

static void
list_layers (BothyRegistry *self, const Commit *commit, struct helper_request *request)
{
  BothyUppers *uppers = bothy_registry_get_uppers (self);
  char **of_image = commit->base->layers;

  for (const BothyUpper *upper = commit->upper; upper; upper = bothy_uppers_find (uppers, upper->below))
    add_layer (request, upper->is_first ? HELPER_LAYER_CONTAINER_BELOW : HELPER_LAYER_UPPER_BELOW, upper->id);
  for (guint i = g_strv_length (of_image); i-- > 0;)
    add_layer (request, HELPER_LAYER_IMAGE, of_image[i]);
}

static void
on_map (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_MOUNT };
  g_autoptr (GTask) task = user_data;
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) userns =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (userns) {
    list_layers (g_task_get_source_object (task), commit, &request);
    bothy_helper_client_call (BOTHY_HELPER_CLIENT (source), &request, userns, on_mounted,
                              g_object_ref (task));
    return;
  }
  commit->pending--;
  fail_commit (commit, error);
  finish_commit (task);
}

/* What packs has the ids that are on disk: the mounts change none, and are read-only. */
static void
mount_layers (GTask *task)
{
  const struct helper_request request = { .op = HELPER_USERNS,
                                          .owner = BOTHY_NEUTRAL_BASE,
                                          .n_extents = 1,
                                          .extents = { { BOTHY_NEUTRAL_BASE, BOTHY_NEUTRAL_BASE,
                                                         BOTHY_RANGE_SIZE } } };
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
    fail_commit (commit, error);
    finish_commit (task);
    return;
  }
  commit->base = g_object_ref (base);
  bothy_image_store_use (images, base, 1);
  commit->pending++;
  bothy_helper_client_call (bothy_registry_get_helper (self), &request, NULL, on_map, g_object_ref (task));
}

static void
on_set_aside (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;

  commit->upper = bothy_registry_set_aside_finish (BOTHY_REGISTRY (source), result, &error);
  if (commit->upper) {
    mount_layers (task);
    return;
  }
  fail_commit (commit, error);
  finish_commit (task);
}

/* Begin with what CONTAINER has, or had at SNAPSHOT. */
static void
begin (GTask *task, const char *snapshot, GCancellable *cancellable)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Commit *commit = g_task_get_task_data (task);
  GError *error = NULL;

  commit->cancellable = g_cancellable_new ();
  commit->outer = g_object_ref (cancellable);
  commit->handler =
      g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), commit->cancellable, 0);
  if (g_cancellable_is_cancelled (cancellable))
    g_cancellable_cancel (commit->cancellable);
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
