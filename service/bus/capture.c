/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ExecAndWait of org.bothy.Bothy1.Container: for callers who can not send file descriptors. */
#include "bus/handlers.h"

#include "base/error.h"
#include "base/fd.h"
#include "bus/exec.h"
#include "bus/options.h"
#include "core/registry/run.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

#define N_STREAMS      2            /* standard output and error */
#define MAX_CAPTURE    (512 * 1024) /* of one of them */
#define NORMAL_CAPTURE (64 * 1024)

typedef struct {
  BothyProcessSpec *spec;
  guint32 max;
} CaptureRequest;

static void
capture_request_free (CaptureRequest *request)
{
  g_clear_pointer (&request->spec, bothy_process_spec_free);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CaptureRequest, capture_request_free)

static gpointer
parse_exec_and_wait (BothyArguments *arguments, GError **error)
{
  g_autoptr (CaptureRequest) request = g_new0 (CaptureRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_auto (GStrv) argv = NULL;
  BothyOption table[BOTHY_PROCESS_N_OPTIONS + 2] = { { "capture", "u", &request->max } };

  request->max = NORMAL_CAPTURE;
  request->spec = bothy_process_spec_new ();
  bothy_process_spec_fill_options (request->spec, &argv, table + 1);
  bothy_arguments_get (arguments, "(^as@a{sv})", &request->spec->argv, &options);
  if (!bothy_options_parse (options, table, error) ||
      !bothy_process_spec_settle (request->spec, &argv, error))
    return NULL;
  if (request->max <= MAX_CAPTURE)
    return g_steal_pointer (&request);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"capture\": at most %d bytes",
               MAX_CAPTURE);
  return NULL;
}

const BothyRequestType bothy_container_exec_and_wait_request = { parse_exec_and_wait,
                                                                 (GDestroyNotify)capture_request_free };

typedef struct _Capture Capture;

/* What the program writes into one of its streams. */
typedef struct {
  Capture *capture;
  int fd;
  guint source;
  GByteArray *bytes;
} Stream;

struct _Capture {
  BothyCall *call;
  BothyProcess *process;
  guint32 max;
  Stream streams[N_STREAMS];
};

static void
close_stream (Stream *stream)
{
  g_clear_handle_id (&stream->source, g_source_remove);
  bothy_clear_fd (&stream->fd);
}

static void
capture_free (Capture *capture)
{
  for (guint i = 0; i < N_STREAMS; i++) {
    close_stream (&capture->streams[i]);
    g_byte_array_unref (capture->streams[i].bytes);
  }
  g_clear_object (&capture->process);
  bothy_call_unref (capture->call);
  g_free (capture);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Capture, capture_free)

typedef enum { READ_MORE, READ_LATER, READ_END } ReadResult;

/* Who writes more than is wanted is at its end, and hears so, as from head(1). */
static ReadResult
read_some (Stream *stream)
{
  guint8 buffer[4096];
  gssize n = stream->fd >= 0 ? read (stream->fd, buffer, sizeof buffer) : 0;
  guint room = stream->capture->max - stream->bytes->len;

  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? READ_LATER : READ_END;
  g_byte_array_append (stream->bytes, buffer, MIN ((guint)n, room));
  return n > 0 && (guint)n <= room ? READ_MORE : READ_END;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  Stream *stream = data;

  if (read_some (stream) != READ_END)
    return G_SOURCE_CONTINUE;
  stream->source = 0;
  bothy_clear_fd (&stream->fd);
  return G_SOURCE_REMOVE;
}

static GVariant *
take_bytes (Stream *stream)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, stream->bytes->data, stream->bytes->len, 1);
}

/* What it left running may hold its streams for long: what is in them by now is all of its own. */
static void
on_exited (BothyProcess *process, gpointer data)
{
  g_autoptr (Capture) capture = data;

  g_signal_handlers_disconnect_by_func (process, on_exited, capture);
  for (guint i = 0; i < N_STREAMS; i++)
    while (read_some (&capture->streams[i]) == READ_MORE)
      ;
  bothy_call_return (capture->call,
                     g_variant_new ("(ii@ay@ay)", process->code, process->signal,
                                    take_bytes (&capture->streams[0]), take_bytes (&capture->streams[1])));
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Capture *capture = user_data;
  GError *error = NULL;

  capture->process = bothy_registry_run_finish (BOTHY_REGISTRY (source), result, &error);
  if (!capture->process) {
    bothy_call_return_error (capture->call, error);
    capture_free (capture);
  } else if (capture->process->ended)
    on_exited (capture->process, capture);
  else
    g_signal_connect (capture->process, "exited", G_CALLBACK (on_exited), capture);
}

/* The streams of a program: nothing to read, and pipes for the rest, whose other ends are CAPTURE's. */
static GUnixFDList *
open_streams (Capture *capture, GError **error)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  autofd null = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  if (null < 0) {
    bothy_error_set_errno (error, errno, "Opening /dev/null");
    return NULL;
  }
  g_unix_fd_list_append (list, null, error);
  for (guint i = 0; i < N_STREAMS && !(error && *error); i++) {
    Stream *stream = &capture->streams[i];
    int ends[2];

    if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
      break;
    stream->fd = ends[0];
    g_unix_set_fd_nonblocking (stream->fd, TRUE, NULL);
    g_unix_fd_list_append (list, ends[1], error);
    close (ends[1]);
    stream->source = g_unix_fd_add (stream->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, stream);
  }
  if (g_unix_fd_list_get_length (list) == 1 + N_STREAMS)
    return g_steal_pointer (&list);
  bothy_error_adopt (error, "Opening pipes");
  return NULL;
}

void
bothy_container_handle_exec_and_wait (BothyCall *call)
{
  CaptureRequest *request = call->request;
  g_autoptr (Capture) capture = g_new0 (Capture, 1);
  GError *error = NULL;

  capture->call = bothy_call_ref (call);
  capture->max = request->max;
  for (guint i = 0; i < N_STREAMS; i++)
    capture->streams[i] = (Stream){ .capture = capture, .fd = -1, .bytes = g_byte_array_new () };
  request->spec->stdio = open_streams (capture, &error);
  if (request->spec->stdio)
    bothy_registry_run (call->registry, BOTHY_CONTAINER (call->node->target), call->user,
                        g_steal_pointer (&request->spec), on_run, g_steal_pointer (&capture));
  else
    bothy_call_return_error (call, error);
}
