/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/unpack.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/fd.h"
#include "platform/untrusted-fd.h"
#include "workers/worker.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_PACKET         (sizeof (struct unpack_message) + UNPACK_MAX_TEXT)
#define REMOVE_MAX_SECONDS 86400
#define KILL_SECONDS       2     /* that a program has to end by itself */
#define REMOVE_FILES       50000 /* in one turn: some seconds */

typedef struct {
  BothyWorker worker;
  BothyHelperClient *helper;
  struct unpack_request request;
  int their_fd;
  guint32 user;
  int group_fd; /* -1: that of USER's such programs, once it is found */
  GUnixFDList *userns;
  int tree_fd;
  int pidfd;            /* of the program, -1: there is none yet */
  GUnixFDList *sources; /* or NULL */
  BothyUnpackProgress progress;
  gpointer progress_data;
} Job;

void
bothy_unpacked_free (BothyUnpacked *self)
{
  g_free (self->sha256);
  g_free (self->sha256_whole);
  g_free (self->os_release);
  g_free (self->architecture);
  g_free (self->metadata);
  g_free (self->text);
  g_clear_object (&self->fds);
  g_free (self);
}

static gboolean
kill_program (gpointer data)
{
  autofd pidfd = GPOINTER_TO_INT (data);

  syscall (SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
  return G_SOURCE_REMOVE;
}

/* It ends by itself when its socket is closed, and clears up; but not while a file system does not answer it. */
static void
let_go_of_program (Job *job)
{
  if (job->pidfd >= 0)
    g_timeout_add_seconds (KILL_SECONDS, kill_program, GINT_TO_POINTER (g_steal_fd (&job->pidfd)));
}

static void
job_free (Job *job)
{
  bothy_worker_clear (&job->worker);
  let_go_of_program (job);
  bothy_clear_fd (&job->group_fd);
  bothy_clear_fd (&job->their_fd);
  bothy_clear_fd (&job->tree_fd);
  g_clear_object (&job->sources);
  g_clear_object (&job->userns);
  g_object_unref (job->helper);
  g_free (job);
}

static void
finish_unpack (GTask *task, BothyUnpacked *unpacked, GError *error)
{
  bothy_worker_end (task, unpacked, (GDestroyNotify)bothy_unpacked_free, error);
}

static BothyErrorCode
code_of (guint32 error)
{
  switch ((enum unpack_error)error) {
  case UNPACK_BAD_ARCHIVE:
    return BOTHY_ERROR_BAD_ARCHIVE;
  case UNPACK_LIMIT_EXCEEDED:
    return BOTHY_ERROR_LIMITS_EXCEEDED;
  case UNPACK_NO_SPACE:
    return BOTHY_ERROR_NO_SPACE;
  case UNPACK_CLOSED:
    return BOTHY_ERROR_BUSY;
  case UNPACK_OK:
  case UNPACK_IO:
  case UNPACK_NOT_STATIC:
  default:
    return BOTHY_ERROR_FAILED;
  }
}

/* The string in TEXT, of SIZE bytes, that follows the one that SKIPPED ends; "" if there is none. */
static const char *
next_string (const char *text, gsize size, gsize *skipped, gsize *ret_size)
{
  *skipped = MIN (size, *skipped + strnlen (text + *skipped, size - *skipped) + 1);
  *ret_size = strnlen (text + *skipped, size - *skipped);
  return text + *skipped;
}

static char *
hexadecimal (const guint8 digest[32])
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < 32; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}

static BothyUnpacked *
parse_result (const struct unpack_message *message, const char *text)
{
  BothyUnpacked *unpacked = g_new0 (BothyUnpacked, 1);
  gsize length = strnlen (text, message->text_size), at = 0, size;
  const char *next;

  unpacked->sha256 = hexadecimal (message->sha256);
  unpacked->sha256_whole = hexadecimal (message->sha256_whole);
  unpacked->flags = message->flags;
  unpacked->os_release = g_utf8_make_valid (text, (gssize)length);
  next = next_string (text, message->text_size, &at, &size);
  unpacked->architecture = size > 0 ? bothy_worker_readable (next, size) : g_strdup ("unknown");
  next = next_string (text, message->text_size, &at, &size);
  unpacked->metadata = g_utf8_make_valid (next, (gssize)size);
  unpacked->bytes = message->bytes_out;
  unpacked->inodes = message->inodes;
  return unpacked;
}

static BothyUnpacked *
parse_bundle (const struct unpack_message *message, const char *text, GUnixFDList *fds)
{
  BothyUnpacked *unpacked = g_new0 (BothyUnpacked, 1);

  unpacked->text = g_memdup2 (text, message->text_size);
  unpacked->text_size = message->text_size;
  unpacked->n_layers = message->n_layers;
  unpacked->fds = g_object_ref (fds);
  return unpacked;
}

/* The last that it says: it ends then by itself. */
static void
take_result (GTask *task, BothyPacket *packet, const struct unpack_message *message, const char *text)
{
  Job *job = g_task_get_task_data (task);

  bothy_clear_fd (&job->pidfd);
  if (message->error) {
    g_autofree char *shown = bothy_worker_readable (text, message->text_size);

    finish_unpack (task, NULL, g_error_new (BOTHY_ERROR, code_of (message->error), "%s", shown));
  } else if (job->request.mode == UNPACK_BUNDLE)
    finish_unpack (task, parse_bundle (message, text, packet->fds), NULL);
  else
    finish_unpack (task, parse_result (message, text), NULL);
}

static void
handle_packet (GTask *task, BothyPacket *packet)
{
  const struct unpack_message *message = (const struct unpack_message *)packet->data;
  const char *text = (const char *)packet->data + sizeof *message;
  Job *job = g_task_get_task_data (task);

  if (packet->size < sizeof *message || message->version != UNPACK_PROTOCOL_VERSION ||
      packet->size != sizeof *message + message->text_size ||
      (message->type == UNPACK_PROGRESS && g_unix_fd_list_get_length (packet->fds) > 0))
    finish_unpack (task, NULL,
                   g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-unpack: unexpected message"));
  else if (message->type != UNPACK_PROGRESS)
    take_result (task, packet, message, text);
  else if (job->progress)
    job->progress (message->bytes_in, message->bytes_out, job->progress_data);
}

static void
on_spawned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  /* The last fd of a container's tree unmounts it, which may take as long as its disk is slow. */
  bothy_clear_fd (&job->their_fd);
  bothy_clear_fd (&job->tree_fd);
  bothy_clear_fd (&job->group_fd);
  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (fds)
    job->pidfd = g_unix_fd_list_get (fds, 0, NULL);
  if (!job->worker.socket)
    g_clear_error (&error);
  /* The sources go to bothy-unpack itself. */
  else if (!fds || !bothy_packet_send (job->worker.socket, &job->request, sizeof job->request, NULL, 0,
                                       job->sources, &error)) {
    bothy_error_adopt (&error, "bothy-unpack");
    finish_unpack (task, NULL, error);
  } else
    bothy_worker_listen (task);
}

static enum helper_program
program_of (const struct unpack_request *request)
{
  if (request->mode == UNPACK_BUNDLE)
    return HELPER_PROGRAM_BUNDLE;
  if (request->mode == UNPACK_PACK || request->mode == UNPACK_COPY_FROM || request->mode == UNPACK_DIFF)
    return HELPER_PROGRAM_PACK;
  return HELPER_PROGRAM_UNPACK;
}

static void
spawn (GTask *task)
{
  struct helper_request request = { .op = HELPER_SPAWN };
  Job *job = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  GError *error = NULL;
  int fds[] = { g_unix_fd_list_peek_fds (job->userns, NULL)[0], job->group_fd, job->their_fd, job->tree_fd };

  request.program = program_of (&job->request);
  request.into_group = job->group_fd >= 0;
  for (gsize i = 0; i < G_N_ELEMENTS (fds) && !error; i++) {
    if (fds[i] >= 0)
      g_unix_fd_list_append (list, fds[i], &error);
  }
  g_clear_object (&job->userns);
  if (error) {
    bothy_error_adopt (&error, "bothy-unpack");
    finish_unpack (task, NULL, error);
  } else
    bothy_helper_client_call (job->helper, &request, list, on_spawned, g_object_ref (task));
}

static void
on_group (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);
  GError *error = NULL;

  bothy_helper_client_find_group_finish (result, &job->group_fd, &error);
  if (!job->worker.socket)
    g_clear_error (&error);
  else if (error) {
    bothy_error_adopt (&error, "bothy-unpack");
    finish_unpack (task, NULL, error);
  } else
    spawn (task);
}

static void
on_user_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Job *job = g_task_get_task_data (task);
  GError *error = NULL;

  job->userns = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!job->worker.socket)
    g_clear_error (&error);
  else if (error) {
    bothy_error_adopt (&error, "bothy-unpack");
    finish_unpack (task, NULL, error);
  } else if (job->group_fd >= 0)
    spawn (task);
  else
    bothy_helper_client_find_group (job->helper, job->user, on_group, g_object_ref (task));
}

static void
run (BothyHelperClient *helper,
     guint32 user,
     guint32 base,
     int group_fd,
     const struct unpack_request *request,
     int tree_fd,
     GUnixFDList *sources,
     BothyUnpackProgress progress,
     gpointer progress_data,
     GCancellable *cancellable,
     GAsyncReadyCallback callback,
     gpointer user_data)
{
  struct helper_request userns = {
    .op = HELPER_USERNS, .owner = base, .n_extents = 1, .extents = { { 0, base, BOTHY_RANGE_SIZE } }
  };
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Job *job = g_new0 (Job, 1);
  GError *error = NULL;

  g_task_set_check_cancellable (task, FALSE);
  job->worker = (BothyWorker){ .program = "bothy-unpack",
                               .max_packet = MAX_PACKET,
                               .user = user,
                               .takes_fds = request->mode == UNPACK_BUNDLE,
                               .handle = handle_packet };
  job->helper = g_object_ref (helper);
  job->request = *request;
  job->request.version = UNPACK_PROTOCOL_VERSION;
  job->their_fd = job->pidfd = -1;
  job->user = user;
  job->group_fd = group_fd < 0 ? -1 : bothy_fd_dup (group_fd, &error);
  job->tree_fd = tree_fd < 0 || error ? -1 : bothy_fd_dup (tree_fd, &error);
  job->sources = sources ? g_object_ref (sources) : NULL;
  job->progress = progress;
  job->progress_data = progress_data;
  g_task_set_task_data (task, job, (GDestroyNotify)job_free);
  if (error) {
    finish_unpack (task, NULL, error);
    return;
  }
  if (!bothy_packet_socketpair (&job->worker.socket, &job->their_fd, &error)) {
    bothy_error_adopt (&error, "bothy-unpack");
    finish_unpack (task, NULL, error);
    return;
  }
  bothy_helper_client_call (helper, &userns, NULL, on_user_namespace, g_object_ref (task));
  bothy_worker_watch (task);
}

void
bothy_unpack_as (BothyHelperClient *helper,
                 guint32 user,
                 guint32 base,
                 int group_fd,
                 const struct unpack_request *request,
                 int tree_fd,
                 GUnixFDList *sources,
                 BothyUnpackProgress progress,
                 gpointer progress_data,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
  run (helper, user, base, group_fd, request, tree_fd, sources, progress, progress_data, cancellable,
       callback, user_data);
}

void
bothy_unpack (BothyHelperClient *helper,
              guint32 user,
              const struct unpack_request *request,
              int tree_fd,
              GUnixFDList *sources,
              BothyUnpackProgress progress,
              gpointer progress_data,
              GCancellable *cancellable,
              GAsyncReadyCallback callback,
              gpointer user_data)
{
  run (helper, user, BOTHY_NEUTRAL_BASE, -1, request, tree_fd, sources, progress, progress_data, cancellable,
       callback, user_data);
}

BothyUnpacked *
bothy_unpack_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) unpacked = bothy_unpack_finish (result, &error);

  if (unpacked)
    g_task_return_boolean (task, !(unpacked->flags & UNPACK_HAS_MORE));
  else
    g_task_return_error (task, error);
}

void
bothy_unpack_remove (gpointer helper, int tree_fd, GAsyncReadyCallback callback, gpointer user_data)
{
  const struct unpack_request request = { .mode = UNPACK_REMOVE,
                                          .max_inodes = REMOVE_FILES,
                                          .max_seconds = REMOVE_MAX_SECONDS };
  GTask *task = g_task_new (NULL, NULL, callback, user_data);

  bothy_unpack (helper, 0, &request, tree_fd, NULL, NULL, NULL, NULL, on_removed, task);
}

GUnixFDList *
bothy_unpack_sources (int source_fd, int after_fd, GError **error)
{
  g_autoptr (GUnixFDList) list = bothy_untrusted_fds_new ();

  if (bothy_untrusted_fds_append (list, source_fd, error) >= 0 &&
      (after_fd < 0 || bothy_untrusted_fds_append (list, after_fd, error) >= 0))
    return g_steal_pointer (&list);
  bothy_error_adopt (error, "bothy-unpack");
  return NULL;
}
