/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/import-tree.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/images/export.h"
#include "core/images/import.h"
#include "platform/untrusted-fd.h"
#include "workers/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PACK_MAX_SECONDS (12 * 3600)

typedef struct {
  guint32 user;
  GCancellable *cancellable; /* ends both */
  GCancellable *outer;       /* the caller's */
  gulong handler;
  guint pending;
  BothyImage *image;
  GError *error; /* the first thing that went wrong */
} TreeImport;

static void
tree_import_free (TreeImport *import)
{
  if (import->handler)
    g_signal_handler_disconnect (import->outer, import->handler);
  g_clear_object (&import->outer);
  g_object_unref (import->cancellable);
  g_clear_object (&import->image);
  g_clear_error (&import->error);
  g_free (import);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

/* ERROR (taken over) is why there will be no image, unless something went wrong before. */
static void
fail_import (TreeImport *import, GError *error)
{
  if (!import->error)
    import->error = error;
  else
    g_error_free (error);
  g_cancellable_cancel (import->cancellable);
}

/* Unless something is still under way. */
static void
finish_import (GTask *task)
{
  TreeImport *import = g_task_get_task_data (task);

  if (import->pending > 0)
    return;
  if (import->error)
    g_task_return_error (task, g_steal_pointer (&import->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&import->image), g_object_unref);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  TreeImport *import = g_task_get_task_data (task);
  GError *error = NULL;

  import->pending--;
  import->image = bothy_image_store_import_finish (BOTHY_IMAGE_STORE (source), result, &error);
  if (error)
    fail_import (import, error);
  finish_import (task);
}

/*
 * What was packed by half must not become an image. The importing end sees the end of the pipe when the last writer has closed it, and
 * the job of packing, which has it open too, is there until this returns.
 */
static void
on_packed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  TreeImport *import = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) packed = bothy_unpack_finish (result, &error);

  import->pending--;
  if (error)
    fail_import (import, error);
  finish_import (task);
}

static gboolean
pack (GTask *task,
      const BothyTreeSource *source,
      int out,
      BothyUnpackProgress progress,
      gpointer progress_data,
      GError **error)
{
  struct unpack_request request = { .mode = UNPACK_PACK,
                                    .flags = source->is_exact ? UNPACK_IS_EXACT : 0,
                                    .max_seconds = PACK_MAX_SECONDS };
  BothyLayerStore *layers = bothy_image_store_get_layers (g_task_get_source_object (task));
  TreeImport *import = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) sources = bothy_unpack_sources (out, -1, error);
  g_autofree char *metadata = bothy_image_describe (source->like);
  int n;
  const int *fds = g_unix_fd_list_peek_fds (source->layers, &n);

  for (int i = 0; sources && i < n; i++) {
    if (bothy_untrusted_fds_append (sources, fds[i], error) < 0)
      return FALSE;
  }
  if (!sources)
    return FALSE;
  g_strlcpy (request.metadata, metadata, sizeof request.metadata);
  import->pending++;
  bothy_unpack (bothy_layer_store_get_helper (layers), import->user, &request, -1, sources, progress,
                progress_data, import->cancellable, on_packed, g_object_ref (task));
  return TRUE;
}

void
bothy_image_store_import_tree (BothyImageStore *self,
                               guint32 user,
                               const BothyTreeSource *source,
                               BothyUnpackProgress progress,
                               gpointer progress_data,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  TreeImport *import = g_new0 (TreeImport, 1);
  BothyImportSource archive = {
    .metadata_fd = -1, .alias = source->alias, .origin = source->origin, .defaults = source->defaults
  };
  GError *error = NULL;
  int ends[2] = { -1, -1 };
  autofd in = -1, out = -1;

  import->cancellable = g_cancellable_new ();
  import->outer = g_object_ref (cancellable);
  import->user = user;
  import->handler =
      g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), import->cancellable, 0);
  if (g_cancellable_is_cancelled (cancellable))
    g_cancellable_cancel (import->cancellable);
  g_task_set_task_data (task, import, (GDestroyNotify)tree_import_free);
  if (pipe2 (ends, O_CLOEXEC) < 0)
    bothy_error_set_errno (&error, errno, "Making an image");
  in = ends[0];
  out = ends[1];
  if (!error && pack (task, source, out, progress, progress_data, &error)) {
    archive.archive_fd = in;
    import->pending++;
    bothy_image_store_import (self, user, &archive, NULL, NULL, import->cancellable, on_imported,
                              g_object_ref (task));
    return;
  }
  fail_import (import, error);
  finish_import (task);
}

BothyImage *
bothy_image_store_import_tree_finish (BothyImageStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
