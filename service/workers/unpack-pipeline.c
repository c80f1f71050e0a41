/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/unpack-pipeline.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>

#define PIPE_SIZE (1 << 20)

typedef struct {
  BothyUnpackPipeline *result;
  GCancellable *cancellable; /* of all processes */
  GError *error;
  guint32 user;
  guint64 max_seconds;
  int prefix;    /* the caller's; -1: none */
  guint pending; /* what has not ended yet */
} Job;

void
bothy_unpack_pipeline_free (BothyUnpackPipeline *self)
{
  g_clear_pointer (&self->unpacked, bothy_unpacked_free);
  g_free (self->fingerprint);
  g_free (self->diff_id);
  g_free (self->whole);
  g_free (self);
}

static void
job_free (Job *job)
{
  g_clear_pointer (&job->result, bothy_unpack_pipeline_free);
  g_clear_object (&job->cancellable);
  g_clear_error (&job->error);
  g_free (job);
}

/* That the next one takes no more, or was ended with this one, is not the reason but comes of it. */
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
    g_task_return_pointer (task, g_steal_pointer (&job->result), (GDestroyNotify)bothy_unpack_pipeline_free);
}

/* Of one that hashes: into RET before the end is noted, which may hand all of it over. */
static void
take_digest (GTask *task, GAsyncResult *result, char **ret, char **ret_whole)
{
  GError *error = NULL;
  g_autoptr (BothyUnpacked) hashed = bothy_unpack_finish (result, &error);

  if (hashed)
    *ret = g_steal_pointer (&hashed->sha256);
  if (hashed && ret_whole)
    *ret_whole = g_steal_pointer (&hashed->sha256_whole);
  note_end (task, error);
}

static void
on_hashed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);

  take_digest (task, result, &job->result->fingerprint, job->prefix >= 0 ? &job->result->whole : NULL);
}

static void
on_tar_hashed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);

  take_digest (task, result, &job->result->diff_id, NULL);
}

static void
on_decompressed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autofree char *nothing = NULL;

  take_digest (task, result, &nothing, NULL);
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

  job->result = g_new0 (BothyUnpackPipeline, 1);
  job->cancellable = g_cancellable_new ();
  g_task_set_task_data (task, job, (GDestroyNotify)job_free);
  g_task_set_check_cancellable (task, FALSE);
  if (cancellable)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), job->cancellable, 0);
  if (g_cancellable_is_cancelled (cancellable))
    g_cancellable_cancel (job->cancellable);
  return task;
}

gboolean
bothy_unpack_pipeline_pipe (int *ret_reader, int *ret_writer, GError **error)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0) {
    bothy_error_set_errno (error, errno, "Making a pipe");
    return FALSE;
  }
  *ret_reader = ends[0];
  *ret_writer = ends[1];
  /* Fewer turns; where it may not be, it goes without. */
  fcntl (*ret_writer, F_SETPIPE_SZ, PIPE_SIZE);
  return TRUE;
}

/* Starts a process that writes into a pipe as MODE says, and returns what the next one reads; -1: it failed.
 * PREFIX_FD is hashed before the source, and goes nowhere; -1: there is none. */
static int
feed (GTask *task,
      BothyHelperClient *helper,
      enum unpack_mode mode,
      int source_fd,
      int prefix_fd,
      GAsyncReadyCallback callback)
{
  Job *job = g_task_get_task_data (task);
  const struct unpack_request request = { .mode = mode,
                                          .flags = prefix_fd >= 0 ? UNPACK_HAS_PREFIX : 0,
                                          .max_seconds = job->max_seconds };
  g_autoptr (GUnixFDList) sources = bothy_unpack_sources (source_fd, prefix_fd, &job->error);
  autofd reader = -1;
  autofd writer = -1;

  if (!sources || !bothy_unpack_pipeline_pipe (&reader, &writer, &job->error))
    return -1;
  job->pending++;
  bothy_unpack (helper, job->user, &request, writer, sources, NULL, NULL, job->cancellable, callback,
                g_object_ref (task));
  return g_steal_fd (&reader);
}

/* What a layer is called by is hashed again after it was decompressed, on its way to where files are made of
 * it. */
static int
feed_layer (GTask *task, BothyHelperClient *helper, int source_fd)
{
  autofd plain = source_fd >= 0 ? feed (task, helper, UNPACK_DECOMPRESS, source_fd, -1, on_decompressed) : -1;

  return plain >= 0 ? feed (task, helper, UNPACK_HASH, plain, -1, on_tar_hashed) : -1;
}

static gboolean
append_all (GUnixFDList *list, GUnixFDList *more, GError **error)
{
  int n;
  const int *fds = g_unix_fd_list_peek_fds (more, &n);

  for (int i = 0; i < n; i++) {
    if (g_unix_fd_list_append (list, fds[i], error) < 0) {
      bothy_error_adopt (error, "bothy-unpack");
      return FALSE;
    }
  }
  return TRUE;
}

void
bothy_unpack_pipeline (BothyHelperClient *helper,
                       guint32 user,
                       const struct unpack_request *request,
                       int tree_fd,
                       int source_fd,
                       int prefix_fd,
                       GUnixFDList *below,
                       BothyUnpackProgress progress,
                       gpointer progress_data,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = task_new (cancellable, callback, user_data);
  Job *job = g_task_get_task_data (task);
  autofd hashed = -1;
  autofd tar = -1;
  g_autoptr (GUnixFDList) sources = NULL;

  job->user = user;
  job->prefix = prefix_fd;
  job->max_seconds = request->max_seconds;
  job->pending = 1; /* this one */
  hashed = feed (task, helper, UNPACK_HASH, source_fd, prefix_fd, on_hashed);
  if (request->mode == UNPACK_LAYER)
    tar = feed_layer (task, helper, hashed);
  else
    tar = g_steal_fd (&hashed);
  if (tar >= 0)
    sources = bothy_unpack_sources (tar, -1, &job->error);
  if (sources && below && !append_all (sources, below, &job->error))
    g_clear_object (&sources);
  if (sources) {
    job->pending++;
    bothy_unpack (helper, user, request, tree_fd, sources, progress, progress_data, job->cancellable,
                  on_unpacked, g_object_ref (task));
  }
  note_end (task, NULL);
}

BothyUnpackPipeline *
bothy_unpack_pipeline_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
