/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/fetch.h"

#include "config.h"
#include "base/error.h"
#include "platform/helper-client.h"
#include "workers/worker.h"

#include <string.h>

#define SOCKET_PATH RUNTIME_DIR "/fetch.sock"
#define MAX_PACKET  (sizeof (struct fetch_message) + FETCH_MAX_TEXT)

typedef struct {
  BothyWorker worker;
  char *remote;
  GPtrArray *records;
  BothyManifest *manifest;
  BothyFetchProgress progress;
  gpointer progress_data;
  gboolean stale;
  gboolean is_unreachable;
  gboolean is_cached;
  guint64 age;
  char *reason; /* of the age */
} Job;

static void
job_free (Job *job)
{
  bothy_worker_clear (&job->worker);
  g_ptr_array_unref (job->records);
  g_clear_pointer (&job->manifest, bothy_manifest_free);
  g_free (job->remote);
  g_free (job->reason);
  g_free (job);
}

static void
finish_fetch (GTask *task, GError *error)
{
  Job *job = g_task_get_task_data (task);

  bothy_worker_end (task, g_ptr_array_ref (job->records), (GDestroyNotify)g_ptr_array_unref, error);
}

static BothyErrorCode
code_of (guint32 error)
{
  switch ((enum fetch_error)error) {
  case FETCH_NOT_FOUND:
  case FETCH_UNSUPPORTED:
    return BOTHY_ERROR_NO_SUCH_IMAGE;
  case FETCH_UNREACHABLE:
  case FETCH_MISSING:
  case FETCH_REFUSED:
  case FETCH_DENIED:
  case FETCH_LOGIN:
    return BOTHY_ERROR_REMOTE_FAILED;
  case FETCH_NOT_VERIFIED:
    return BOTHY_ERROR_NOT_VERIFIED;
  case FETCH_CLOSED:
    return BOTHY_ERROR_BUSY;
  case FETCH_OK:
  case FETCH_FAILED:
  default:
    return BOTHY_ERROR_FAILED;
  }
}

static GError *
result_error (Job *job, const struct fetch_message *message, const char *text)
{
  g_autofree char *shown = bothy_worker_readable (text, message->text_size);

  job->stale = message->error == FETCH_MISSING;
  job->is_unreachable = message->error == FETCH_UNREACHABLE;
  job->is_cached = message->total == 1;
  job->age = message->bytes;
  if (message->error)
    return g_error_new (BOTHY_ERROR, code_of (message->error), "%s", shown);
  job->reason = g_steal_pointer (&shown);
  return NULL;
}

static gboolean
take_record (Job *job, const struct fetch_message *message, const char *text)
{
  BothyFetchAnswer *record = bothy_fetch_answer_parse (text, message->text_size, message->total, job->remote);

  /* One image of many that is called strangely is not there; no more of them than can be. */
  if (record)
    g_ptr_array_add (job->records, record);
  return job->records->len <= FETCH_MAX_RECORDS;
}

/* FALSE: no honest bothy-fetch says this here. */
static gboolean
take_part (Job *job, const struct fetch_message *message, const char *text)
{
  if (message->type == FETCH_RECORD)
    return take_record (job, message, text);
  if (message->type == FETCH_MANIFEST && !job->manifest) {
    job->manifest = bothy_manifest_parse (text, message->text_size, message->total);
    return job->manifest != NULL;
  }
  if (!job->manifest)
    return FALSE;
  if (message->type == FETCH_LAYER)
    return bothy_manifest_take_layer (job->manifest, text, message->text_size, message->total, job->remote);
  return message->type == FETCH_SETTING &&
         bothy_manifest_take_setting (job->manifest, message->error, text, message->text_size);
}

static void
handle_packet (GTask *task, BothyPacket *packet)
{
  const struct fetch_message *message = (const struct fetch_message *)packet->data;
  const char *text = (const char *)packet->data + sizeof *message;
  Job *job = g_task_get_task_data (task);
  gboolean ok = packet->size >= sizeof *message && message->version == FETCH_PROTOCOL_VERSION &&
                packet->size == sizeof *message + message->text_size;

  if (ok && message->type == FETCH_PROGRESS) {
    if (job->progress)
      job->progress (message->bytes, message->total, job->progress_data);
  } else if (ok && message->type == FETCH_RESULT)
    finish_fetch (task, result_error (job, message, text));
  else if (!ok || !take_part (job, message, text))
    finish_fetch (task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-fetch: unexpected message"));
}

/* Those that are there, and which. */
static GUnixFDList *
fds_of (const BothyFetch *fetch, guint32 *ret_which, GError **error)
{
  int fds[FETCH_N_FDS];
  guint n = 0;

  *ret_which = 0;
  for (guint i = 0; i < FETCH_N_FDS; i++) {
    if (fetch->fds[i] < 0)
      continue;
    fds[n++] = fetch->fds[i];
    *ret_which |= 1u << i;
  }
  return bothy_fd_list (fds, n, error);
}

static gboolean
send (Job *job, const BothyFetch *fetch, GError **error)
{
  struct fetch_request request = { .version = FETCH_PROTOCOL_VERSION,
                                   .op = fetch->op,
                                   .catalogue = fetch->catalogue,
                                   .policy = fetch->policy,
                                   .timeout = fetch->timeout,
                                   .is_new = fetch->is_new ? 1 : 0,
                                   .size = fetch->size };
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GUnixFDList) fds = NULL;

  for (guint i = 0; i < FETCH_N_WORDS; i++) {
    g_string_append (text, fetch->words[i] ? fetch->words[i] : "");
    g_string_append_c (text, '\0');
  }
  request.text_size = (guint32)text->len;
  fds = fds_of (fetch, &request.fds, error);
  if (!fds)
    return FALSE;
  job->worker.socket = bothy_packet_connect (SOCKET_PATH, error);
  return job->worker.socket &&
         bothy_packet_send (job->worker.socket, &request, sizeof request, text->str, text->len, fds, error);
}

void
bothy_fetch (const BothyFetch *fetch,
             BothyFetchProgress progress,
             gpointer progress_data,
             GCancellable *cancellable,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Job *job = g_new0 (Job, 1);
  GError *error = NULL;

  g_task_set_check_cancellable (task, FALSE);
  job->worker = (BothyWorker){ .program = "bothy-fetch", .max_packet = MAX_PACKET, .handle = handle_packet };
  job->records = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_fetch_answer_free);
  job->remote = g_strdup (fetch->words[FETCH_WORD_REMOTE]);
  job->progress = progress;
  job->progress_data = progress_data;
  g_task_set_task_data (task, job, (GDestroyNotify)job_free);
  if (!send (job, fetch, &error)) {
    bothy_error_adopt (&error, "bothy-fetch can not be reached at " SOCKET_PATH);
    finish_fetch (task, error);
    return;
  }
  bothy_worker_listen (task);
  bothy_worker_watch (task);
}

GPtrArray *
bothy_fetch_finish (GAsyncResult *result, gboolean *ret_stale, GError **error)
{
  Job *job = g_task_get_task_data (G_TASK (result));

  if (ret_stale)
    *ret_stale = job->stale;
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
bothy_fetch_is_cached (GAsyncResult *result)
{
  return ((Job *)g_task_get_task_data (G_TASK (result)))->is_cached;
}

gboolean
bothy_fetch_is_unreachable (GAsyncResult *result)
{
  return ((Job *)g_task_get_task_data (G_TASK (result)))->is_unreachable;
}

guint64
bothy_fetch_get_age (GAsyncResult *result, const char **ret_reason)
{
  Job *job = g_task_get_task_data (G_TASK (result));

  *ret_reason = job->reason;
  return job->age;
}

BothyManifest *
bothy_fetch_finish_manifest (GAsyncResult *result, GError **error)
{
  Job *job = g_task_get_task_data (G_TASK (result));
  g_autoptr (GPtrArray) records = g_task_propagate_pointer (G_TASK (result), error);

  if (records && job->manifest && bothy_manifest_is_whole (job->manifest))
    return g_steal_pointer (&job->manifest);
  if (records)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-fetch: unexpected message");
  return NULL;
}
