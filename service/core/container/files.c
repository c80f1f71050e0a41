/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/files.h"

#include "base/error.h"
#include "base/fd.h"
#include "platform/cgroup-manager.h"

#include <fcntl.h>

#define MAX_SECONDS (24 * 3600) /* whoever reads or writes the archive may be slow */

typedef struct {
  BothyHelperClient *helper;
  guint32 base; /* of the container's ids */
  struct unpack_request request;
  GUnixFDList *archive;
  gulong cancelled; /* while its supervisor is asked, which may not answer */
  BothyUnpackProgress progress;
  gpointer progress_data;
} Copy;

static void
copy_free (gpointer data)
{
  Copy *copy = data;

  g_clear_object (&copy->archive);
  g_object_unref (copy->helper);
  g_free (copy);
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const BothyContainer *container = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) done = bothy_unpack_finish (result, &error);

  if (error && !container->supervisor && !g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED)) {
    g_clear_error (&error);
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s ended while files were copied",
                 container->spec->name);
  }
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
stop_watching (GTask *task)
{
  Copy *copy = g_task_get_task_data (task);

  if (copy->cancelled)
    g_signal_handler_disconnect (g_task_get_cancellable (task), copy->cancelled);
  copy->cancelled = 0;
}

/* Not from within the handler: disconnecting there would wait for itself. */
static gboolean
on_cancelled_idle (gpointer user_data)
{
  Copy *copy = g_task_get_task_data (user_data);

  if (copy->cancelled)
    g_task_return_new_error (user_data, BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled");
  stop_watching (user_data);
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancelled_idle, g_object_ref (user_data), g_object_unref);
}

static void
watch (GTask *task)
{
  Copy *copy = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (!cancellable)
    return;
  copy->cancelled = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), task);
  if (g_cancellable_is_cancelled (cancellable))
    on_cancelled (cancellable, task);
}

static void
on_root (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const BothyContainer *container = g_task_get_source_object (task);
  Copy *copy = g_task_get_task_data (task);
  GError *error = NULL;
  autofd root = bothy_supervisor_call_finish_fd (BOTHY_SUPERVISOR (source), result, BOTHY_SUPERVISOR_ROOT,
                                                 NULL, &error);
  autofd group = -1;

  stop_watching (task);
  /* What it takes is the container's to take, and it ends with the container. */
  if (root >= 0 && *container->group)
    group = bothy_cgroup_manager_open_copies (container->group, &error);
  if (g_task_had_error (task))
    g_clear_error (&error);
  else if (error)
    g_task_return_error (task, error);
  else
    bothy_unpack_as (copy->helper, container->owner, copy->base, group, &copy->request, root, copy->archive,
                     copy->progress, copy->progress_data, g_task_get_cancellable (task), on_copied,
                     g_object_ref (task));
}

static gboolean
check_state (const BothyContainer *container, GError **error)
{
  if (container->supervisor &&
      (container->state == BOTHY_CONTAINER_RUNNING || container->state == BOTHY_CONTAINER_FROZEN))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
               "Container %s does not run; start it, for its files are there only then",
               container->spec->name);
  return FALSE;
}

void
bothy_container_copy (BothyContainer *container,
                      BothyHelperClient *helper,
                      BothyCopyWay way,
                      const char *path,
                      int archive_fd,
                      BothyUnpackProgress progress,
                      gpointer progress_data,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  const struct supervisor_message message = { .type = SUPERVISOR_ROOT };
  g_autoptr (GTask) task = g_task_new (container, cancellable, callback, user_data);
  Copy *copy = g_new0 (Copy, 1);
  GError *error = NULL;

  copy->helper = g_object_ref (helper);
  copy->base = container->range_base;
  copy->request.mode = way == BOTHY_COPY_FROM ? UNPACK_COPY_FROM : UNPACK_COPY_TO;
  copy->request.max_seconds = MAX_SECONDS;
  /* What it may write is bounded as all else that the container writes. */
  copy->request.max_bytes = copy->request.max_inodes = G_MAXUINT64;
  g_strlcpy (copy->request.path, path, sizeof copy->request.path);
  copy->progress = progress;
  copy->progress_data = progress_data;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, copy, copy_free);
  if (check_state (container, &error))
    copy->archive = bothy_unpack_sources (archive_fd, -1, &error);
  if (copy->archive) {
    watch (task);
    bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_root, g_object_ref (task));
  } else
    g_task_return_error (task, error);
}

gboolean
bothy_container_copy_finish (BothyContainer *container, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
