/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervisor.h"

#include "core/error.h"
#include "platform/packet.h"

#include <errno.h>
#include <string.h>

struct _BothySupervisor {
  GObject parent;
  GSocket *socket;
  GSource *source;
  GHashTable *calls; /* serial → GTask */
  guint32 serial;
};

G_DEFINE_FINAL_TYPE (BothySupervisor, bothy_supervisor, G_TYPE_OBJECT)

enum { HELLO, EXITED, EXEC_EXITED, CLOSED, N_SIGNALS };
static guint signals[N_SIGNALS];

typedef struct {
  struct supervisor_message reply;
  GUnixFDList *fds;
} CallResult;

static void
call_result_free (CallResult *result)
{
  g_clear_object (&result->fds);
  g_free (result);
}

static void
set_exec_error (GError **error, int number)
{
  if (number == ENOENT || number == ENOTDIR)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM, "There is no such program in the container");
  else if (number == EACCES || number == ENOEXEC || number == EISDIR)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_EXECUTABLE, "The program can not be executed: %s",
                 g_strerror (number));
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "The program could not be run: %s",
                 g_strerror (number));
}

static const char *
step_text (guint32 step)
{
  switch ((enum supervisor_step) step) {
  case SUPERVISOR_STEP_REQUEST:
    return "it is not in the state for that";
  case SUPERVISOR_STEP_NAMESPACE:
    return "a namespace could not be made";
  case SUPERVISOR_STEP_LAYER:
    return "a layer could not be placed";
  case SUPERVISOR_STEP_OVERLAY:
    return "the overlay could not be mounted (overlayfs in user namespaces needs Linux 5.11)";
  case SUPERVISOR_STEP_MOUNT:
    return "a file system could not be mounted";
  case SUPERVISOR_STEP_ROOT:
    return "the image is not a usable root: one of dev, proc, sys, run, tmp is no directory";
  case SUPERVISOR_STEP_CGROUP:
    return "the control group could not be entered";
  case SUPERVISOR_STEP_CONSOLE:
    return "the console could not be made";
  case SUPERVISOR_STEP_SECCOMP:
    return "the system call filter could not be loaded";
  case SUPERVISOR_STEP_DIRECTORY:
    return "the working directory can not be entered";
  case SUPERVISOR_STEP_FORK:
    return "no process could be made";
  case SUPERVISOR_STEP_TTY:
    return "no terminal could be made";
  case SUPERVISOR_STEP_USER:
  case SUPERVISOR_STEP_EXEC:
  case SUPERVISOR_STEP_NONE:
  default:
    return "it failed";
  }
}

static GError *
reply_error (const struct supervisor_message *reply)
{
  GError *error = NULL;

  if (reply->step == SUPERVISOR_STEP_EXEC)
    set_exec_error (&error, reply->error);
  else if (reply->step == SUPERVISOR_STEP_USER)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER, "There is no such user in the container");
  else if (reply->error == ENOSPC)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_NO_SPACE, "%s: no space left", step_text (reply->step));
  else
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "%s: %s", step_text (reply->step),
                 g_strerror (reply->error));
  return error;
}

static void
handle_reply (BothySupervisor *self, const struct supervisor_message *message, GUnixFDList *fds)
{
  g_autoptr (GTask) task = g_hash_table_lookup (self->calls, GUINT_TO_POINTER (message->serial));
  CallResult *result;

  if (!task)
    return;
  g_object_ref (task);
  g_hash_table_remove (self->calls, GUINT_TO_POINTER (message->serial));
  if (message->error) {
    g_task_return_error (task, reply_error (message));
    return;
  }
  result = g_new0 (CallResult, 1);
  result->reply = *message;
  result->fds = g_object_ref (fds);
  g_task_return_pointer (task, result, (GDestroyNotify) call_result_free);
}

static void
handle_packet (BothySupervisor *self, BothyPacket *packet)
{
  const struct supervisor_message *message = (const struct supervisor_message *) packet->data;

  if (packet->size < sizeof *message || message->version != SUPERVISOR_PROTOCOL_VERSION ||
      packet->size != sizeof *message + message->text_size ||
      (message->text_size > 0 && packet->data[packet->size - 1] != '\0'))
    return;
  switch ((enum supervisor_message_type) message->type) {
  case SUPERVISOR_REPLY:
    handle_reply (self, message, packet->fds);
    break;
  case SUPERVISOR_HELLO:
    g_signal_emit (self, signals[HELLO], 0, message);
    break;
  case SUPERVISOR_EXITED:
    g_signal_emit (self, signals[EXITED], 0, message);
    break;
  case SUPERVISOR_EXEC_EXITED:
    g_signal_emit (self, signals[EXEC_EXITED], 0, message);
    break;
  case SUPERVISOR_PREPARE:
  case SUPERVISOR_START:
  case SUPERVISOR_EXEC:
  case SUPERVISOR_SIGNAL:
  case SUPERVISOR_KILL_ALL:
  case SUPERVISOR_FREEZE:
  case SUPERVISOR_THAW:
  case SUPERVISOR_CONSOLE:
  default:
    break;
  }
}

void
bothy_supervisor_close (BothySupervisor *self)
{
  g_autoptr (GHashTable) calls = g_steal_pointer (&self->calls);
  GHashTableIter iter;
  gpointer task;

  self->calls = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  if (self->source)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_object (&self->socket);
  g_hash_table_iter_init (&iter, calls);
  while (g_hash_table_iter_next (&iter, NULL, &task))
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "The container ended");
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BothySupervisor) self = g_object_ref (user_data);

  while (self->socket == socket) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyPacket) packet = bothy_packet_receive (socket, SUPERVISOR_MAX_PACKET, &error);

    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      return G_SOURCE_CONTINUE;
    if (!packet) {
      bothy_supervisor_close (self);
      g_signal_emit (self, signals[CLOSED], 0);
      return G_SOURCE_REMOVE;
    }
    handle_packet (self, packet);
  }
  return G_SOURCE_REMOVE;
}

void
bothy_supervisor_add_text (GByteArray *text, const char *string)
{
  g_byte_array_append (text, (const guint8 *) string, (guint) strlen (string) + 1);
}

void
bothy_supervisor_add_texts (GByteArray *text, const char *const *strings, guint32 *ret_n)
{
  for (*ret_n = 0; strings && strings[*ret_n]; (*ret_n)++)
    bothy_supervisor_add_text (text, strings[*ret_n]);
}

void
bothy_supervisor_call (BothySupervisor *self, struct supervisor_message message, GByteArray *text,
                       GUnixFDList *fds, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;

  message.version = SUPERVISOR_PROTOCOL_VERSION;
  message.serial = ++self->serial;
  message.text_size = text ? text->len : 0;
  if (!self->socket)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "The container does not run");
  else if (sizeof message + message.text_size > SUPERVISOR_MAX_PACKET)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                             "Arguments and environment are longer than %u bytes",
                             SUPERVISOR_MAX_PACKET - (guint) sizeof message);
  else if (!bothy_packet_send (self->socket, &message, sizeof message, text ? text->data : NULL,
                               message.text_size, fds, &error)) {
    bothy_error_adopt (&error, "The container's supervisor does not listen");
    g_task_return_error (task, error);
  } else
    g_hash_table_insert (self->calls, GUINT_TO_POINTER (message.serial), g_steal_pointer (&task));
}

gboolean
bothy_supervisor_call_finish (BothySupervisor *self, GAsyncResult *result, struct supervisor_message *ret_reply,
                              GUnixFDList **ret_fds, GError **error)
{
  CallResult *answer = g_task_propagate_pointer (G_TASK (result), error);

  if (!answer)
    return FALSE;
  if (ret_reply)
    *ret_reply = answer->reply;
  if (ret_fds)
    *ret_fds = g_steal_pointer (&answer->fds);
  call_result_free (answer);
  return TRUE;
}

static void
bothy_supervisor_finalize (GObject *object)
{
  BothySupervisor *self = BOTHY_SUPERVISOR (object);

  bothy_supervisor_close (self);
  g_hash_table_unref (self->calls);
  G_OBJECT_CLASS (bothy_supervisor_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, guint n_params)
{
  return n_params ? g_signal_new (name, BOTHY_TYPE_SUPERVISOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                  1, G_TYPE_POINTER)
                  : g_signal_new (name, BOTHY_TYPE_SUPERVISOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                  0);
}

static void
bothy_supervisor_class_init (BothySupervisorClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_supervisor_finalize;
  signals[HELLO] = add_signal ("hello", 1);
  signals[EXITED] = add_signal ("exited", 1);
  signals[EXEC_EXITED] = add_signal ("exec-exited", 1);
  signals[CLOSED] = add_signal ("closed", 0);
}

static void
bothy_supervisor_init (BothySupervisor *self)
{
  self->calls = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
}

BothySupervisor *
bothy_supervisor_new (GSocket *socket)
{
  BothySupervisor *self = g_object_new (BOTHY_TYPE_SUPERVISOR, NULL);

  self->socket = g_object_ref (socket);
  self->source = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, NULL);
  return self;
}
