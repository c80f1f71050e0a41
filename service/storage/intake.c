/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "intake.h"

#include "core/error.h"
#include "platform/fd.h"

#include <errno.h>
#include <fcntl.h>

#define PIPE_SIZE (1 << 20)

typedef struct {
  BothyIntake *result;
  GCancellable *cancellable; /* of both processes */
  GError *error;
  guint pending;
} Job;

void
bothy_intake_free (BothyIntake *self)
{
  g_clear_pointer (&self->unpacked, bothy_unpacked_free);
  g_free (self->fingerprint);
  g_free (self);
}

static void
job_free (Job *job)
{
  g_clear_pointer (&job->result, bothy_intake_free);
  g_clear_object (&job->cancellable);
  g_clear_error (&job->error);
  g_free (job);
}

/* That the other one takes no more, or was ended with this one, is not the reason but comes of it. */
static gboolean
is_consequence (const GError *error)
{
  return g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_BUSY) ||
         g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED);
}

static void
note_end (GTask *task, GError *error)
{
  Job *job = g_task_get_task_data (task);

  if (error && (!job->error || is_consequence (job->error))) {
    g_clear_error (&job->error);
    job->error = error;
  } else
    g_clear_error (&error);
  if (job->error && !is_consequence (job->error))
    g_cancellable_cancel (job->cancellable);
  if (--job->pending > 0)
    return;
  if (job->error)
    g_task_return_error (task, g_steal_pointer (&job->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&job->result), (GDestroyNotify)bothy_intake_free);
}

static void
on_hashed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) hashed = bothy_unpack_finish (result, &error);

  if (hashed)
    job->result->fingerprint = g_steal_pointer (&hashed->sha256);
  note_end (task, error);
}

static void
on_unpacked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);
  GError *error = NULL;

  job->result->unpacked = bothy_unpack_finish (result, &error);
  note_end (task, error);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static GTask *
task_new (GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Job *job = g_new0 (Job, 1);

  job->result = g_new0 (BothyIntake, 1);
  job->cancellable = g_cancellable_new ();
  g_task_set_task_data (task, job, (GDestroyNotify)job_free);
  g_task_set_check_cancellable (task, FALSE);
  if (cancellable)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), job->cancellable, 0);
  if (g_cancellable_is_cancelled (cancellable))
    g_cancellable_cancel (job->cancellable);
  return task;
}

void
bothy_intake (BothyHelper *helper,
              const struct unpack_request *request,
              int tree_fd,
              int source_fd,
              BothyUnpackProgress progress,
              gpointer progress_data,
              GCancellable *cancellable,
              GAsyncReadyCallback callback,
              gpointer user_data)
{
  const struct unpack_request hash = { .mode = UNPACK_HASH, .max_seconds = request->max_seconds };
  g_autoptr (GTask) task = task_new (cancellable, callback, user_data);
  Job *job = g_task_get_task_data (task);
  GError *error = NULL;
  autofd reader = -1;
  autofd writer = -1;
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0) {
    bothy_error_set_errno (&error, errno, "Making a pipe");
    g_task_return_error (task, error);
    return;
  }
  reader = ends[0];
  writer = ends[1];
  /* Fewer turns; where it may not be, it goes without. */
  fcntl (writer, F_SETPIPE_SZ, PIPE_SIZE);
  job->pending = 2;
  bothy_unpack (helper, request, tree_fd, reader, progress, progress_data, job->cancellable, on_unpacked,
                g_object_ref (task));
  bothy_unpack (helper, &hash, writer, source_fd, NULL, NULL, job->cancellable, on_hashed,
                g_object_ref (task));
}

BothyIntake *
bothy_intake_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
