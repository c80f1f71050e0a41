/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/supervisor.h"

#include "base/error.h"
#include "platform/packet-client.h"
#include "platform/untrusted-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct _BothySupervisor {
  GObject parent;
  BothyPacketClient *peer; /* NULL: it is gone */
};

G_DEFINE_FINAL_TYPE (BothySupervisor, bothy_supervisor, G_TYPE_OBJECT)

enum { HELLO, EXITED, EXEC_EXITED, CLOSED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
set_exec_error (GError **error, int number)
{
  if (number == ENOENT || number == ENOTDIR)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM,
                 "There is no such program in the container");
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
  switch ((enum supervisor_step)step) {
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
    return "the image is not a usable root: one of dev, proc, sys is no directory, or with systemd run";
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
  case SUPERVISOR_STEP_NETWORK:
    return "the network interface could not be configured";
  case SUPERVISOR_STEP_FILES:
    return "a file in /etc could not be written";
  case SUPERVISOR_STEP_ACCOUNT:
    return "the account could not be made (no link in place of /etc, /home, passwd, group or shadow is "
           "followed)";
  case SUPERVISOR_STEP_SYSCTL:
    return "the kernel does not let this sysctl of the container be set so";
  case SUPERVISOR_STEP_FOLDER:
    return "a directory could not be mounted";
  case SUPERVISOR_STEP_FILL:
    return "what the container has there could not be copied into the volume";
  case SUPERVISOR_STEP_DEVICE:
    return "a device could not be put into /dev";
  case SUPERVISOR_STEP_USER:
  case SUPERVISOR_STEP_EXEC:
  case SUPERVISOR_STEP_NONE:
  default:
    return "it failed";
  }
}

static const char *
user_error_text (int number)
{
  switch (number) {
  case ENOENT:
    return "There is no such user in the container's /etc/passwd";
  case ESRCH:
    return "There is no such group in the container's /etc/group";
  case EINVAL:
    return "A container has users and groups from 0 to 65535 only, in files of at most 4 MiB";
  default:
    return g_strerror (number);
  }
}

/* The path inside is not named here: who asked for it knows which. */
static void
set_folder_error (GError **error, int number)
{
  switch (number) {
  case EEXIST:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED, "something of yours is mounted there already");
    break;
  case ENOENT:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_MOUNT, "nothing of yours is mounted there");
    break;
  case ENOTDIR:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED, "that is no directory in the container");
    break;
  case ELOOP:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED, "that is a link to nowhere in the container");
    break;
  case EPERM:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
                 "links inside lead to the root, /proc, /sys or /dev, where nothing can be mounted");
    break;
  default:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED, "it could not be mounted in the container: %s",
                 g_strerror (number));
  }
}

static void
set_device_error (GError **error, int number)
{
  if (number == EEXIST)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED, "it is plugged in already");
  else if (number == EISDIR || number == ELOOP || number == ENOTDIR)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED,
                 "in /dev of the container a link or a directory is in its place; remove that");
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED,
                 "it could not be put into /dev of the container: %s", g_strerror (number));
}

static GError *
reply_error (const struct supervisor_message *reply)
{
  GError *error = NULL;

  if (reply->step == SUPERVISOR_STEP_EXEC)
    set_exec_error (&error, reply->error);
  else if (reply->step == SUPERVISOR_STEP_FOLDER)
    set_folder_error (&error, reply->error);
  else if (reply->step == SUPERVISOR_STEP_DEVICE)
    set_device_error (&error, reply->error);
  else if (reply->step == SUPERVISOR_STEP_USER)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER, "%s", user_error_text (reply->error));
  else if (reply->step == SUPERVISOR_STEP_REQUEST && reply->error == EISDIR)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "A directory can not be standard input, output or error");
  else if (reply->error == ENOSPC || reply->error == EDQUOT)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_NO_SPACE, "%s: no space left", step_text (reply->step));
  else
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "%s: %s", step_text (reply->step),
                 g_strerror (reply->error));
  return error;
}

static void
on_packet (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  g_autoptr (BothySupervisor) self = g_object_ref (user_data);
  const struct supervisor_message *message = (const struct supervisor_message *)packet->data;
  gboolean has_fds = g_unix_fd_list_get_length (packet->fds) > 0;

  if (packet->size < sizeof *message || message->version != SUPERVISOR_PROTOCOL_VERSION ||
      packet->size != sizeof *message + message->text_size ||
      (message->text_size > 0 && packet->data[packet->size - 1] != '\0') ||
      (has_fds && message->type != SUPERVISOR_REPLY)) {
    /* Files come only where they were asked for. */
    if (has_fds)
      bothy_packet_client_hang_up (peer);
    return;
  }
  switch ((enum supervisor_message_type)message->type) {
  case SUPERVISOR_REPLY:
    if (!bothy_packet_client_resolve (peer, message->serial, packet) && has_fds)
      bothy_packet_client_hang_up (peer);
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
  case SUPERVISOR_NET_NAMESPACE:
  case SUPERVISOR_NETWORK:
  case SUPERVISOR_HOSTS:
  case SUPERVISOR_FOLDER:
  case SUPERVISOR_NO_FOLDER:
  case SUPERVISOR_DEVICE:
  case SUPERVISOR_NO_DEVICE:
  case SUPERVISOR_ROOT:
  default:
    break;
  }
}

void
bothy_supervisor_close (BothySupervisor *self)
{
  g_autoptr (BothyPacketClient) peer = g_steal_pointer (&self->peer);

  if (peer)
    bothy_packet_client_close (peer);
}

static void
on_closed (BothyPacketClient *peer, gpointer user_data)
{
  g_autoptr (BothySupervisor) self = g_object_ref (user_data);

  g_clear_pointer (&self->peer, bothy_packet_client_unref);
  g_signal_emit (self, signals[CLOSED], 0);
}

void
bothy_supervisor_add_text (GByteArray *text, const char *string)
{
  g_byte_array_append (text, (const guint8 *)string, (guint)strlen (string) + 1);
}

void
bothy_supervisor_add_texts (GByteArray *text, const char *const *strings, guint32 *ret_n)
{
  for (*ret_n = 0; strings && strings[*ret_n]; (*ret_n)++)
    bothy_supervisor_add_text (text, strings[*ret_n]);
}

static gboolean
send (BothySupervisor *self,
      struct supervisor_message *message,
      GByteArray *text,
      GUnixFDList *fds,
      GTask *task,
      GError **error)
{
  if (!self->peer) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "The container does not run");
    return FALSE;
  }
  message->version = SUPERVISOR_PROTOCOL_VERSION;
  message->serial = bothy_packet_client_next_serial (self->peer);
  message->text_size = text ? text->len : 0;
  if (sizeof *message + message->text_size <= SUPERVISOR_MAX_PACKET)
    return bothy_packet_client_send (self->peer, message->serial, message, sizeof *message,
                                     text ? text->data : NULL, message->text_size, fds, task, error);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Arguments and environment are longer than %u bytes",
               SUPERVISOR_MAX_PACKET - (guint)sizeof *message);
  return FALSE;
}

void
bothy_supervisor_call (BothySupervisor *self,
                       struct supervisor_message message,
                       GByteArray *text,
                       GUnixFDList *fds,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;

  if (send (self, &message, text, fds, task, &error))
    return;
  g_task_return_error (task, error);
  g_object_unref (task);
}

/* The answer, if it is none that says no; RET_REPLY (or NULL) gets it in each case. */
static BothyPacket *
take_reply (GAsyncResult *result, struct supervisor_message *ret_reply, GError **error)
{
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), error);
  const struct supervisor_message *reply = packet ? (const struct supervisor_message *)packet->data : NULL;

  if (reply && ret_reply)
    *ret_reply = *reply;
  if (!reply || reply->error == 0)
    return g_steal_pointer (&packet);
  g_propagate_error (error, reply_error (reply));
  return NULL;
}

gboolean
bothy_supervisor_call_finish (BothySupervisor *self,
                              GAsyncResult *result,
                              struct supervisor_message *ret_reply,
                              GError **error)
{
  g_autoptr (BothyPacket) packet = take_reply (result, ret_reply, error);

  return packet != NULL;
}

/* Without asking the file's owner, who may not answer. */
static gboolean
is_of_kind (int fd, BothySupervisorFd kind)
{
  int flags = fcntl (fd, F_GETFL);

  if (kind == BOTHY_SUPERVISOR_TERMINAL)
    return bothy_untrusted_fd_is_terminal (fd);
  if (kind == BOTHY_SUPERVISOR_ROOT)
    return flags >= 0 && (flags & O_PATH) != 0;
  return bothy_untrusted_fd_is_net_namespace (fd);
}

int
bothy_supervisor_call_finish_fd (BothySupervisor *self,
                                 GAsyncResult *result,
                                 BothySupervisorFd kind,
                                 struct supervisor_message *ret_reply,
                                 GError **error)
{
  static const char *const kinds[] = { [BOTHY_SUPERVISOR_TERMINAL] = "terminal",
                                       [BOTHY_SUPERVISOR_NAMESPACE] = "namespace",
                                       [BOTHY_SUPERVISOR_ROOT] = "root" };
  g_autoptr (BothyPacket) packet = take_reply (result, ret_reply, error);
  int n = packet ? g_unix_fd_list_get_length (packet->fds) : 0;
  int fd;

  if (!packet)
    return -1;
  /* A supervisor is as good as its container: one that has been taken over sends what it likes. */
  if (n == 1 && is_of_kind (g_unix_fd_list_peek_fds (packet->fds, NULL)[0], kind)) {
    fd = g_unix_fd_list_get (packet->fds, 0, error);
    bothy_error_adopt (error, "What the container's supervisor sent");
    return fd;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
               n == 1 ? "The container's supervisor sent something else in place of a %s"
                      : "The container's supervisor sent not just one %s",
               kinds[kind]);
  return -1;
}

static void
bothy_supervisor_finalize (GObject *object)
{
  bothy_supervisor_close (BOTHY_SUPERVISOR (object));
  G_OBJECT_CLASS (bothy_supervisor_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, guint n_params)
{
  return n_params ? g_signal_new (name, BOTHY_TYPE_SUPERVISOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_POINTER)
                  : g_signal_new (name, BOTHY_TYPE_SUPERVISOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 0);
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
}

BothySupervisor *
bothy_supervisor_new (GSocket *socket, guint32 owner)
{
  BothySupervisor *self = g_object_new (BOTHY_TYPE_SUPERVISOR, NULL);

  self->peer =
      bothy_packet_client_new (socket, "The container", SUPERVISOR_MAX_ANSWER, on_packet, on_closed, self);
  bothy_packet_client_distrust (self->peer, owner);
  return self;
}
