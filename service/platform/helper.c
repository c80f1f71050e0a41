/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helper.h"

#include "config.h"
#include "core/error.h"
#include "platform/fd.h"
#include "platform/packet.h"

#include <errno.h>
#include <gio/gunixfdlist.h>

#define SOCKET_PATH RUNTIME_DIR "/helper.sock"

struct _BothyHelper {
  GObject parent;
  GSocket *socket;
  GSource *source;
  GHashTable *calls; /* serial → GTask */
  guint32 serial;
  gboolean child;
};

G_DEFINE_FINAL_TYPE (BothyHelper, bothy_helper, G_TYPE_OBJECT)

typedef struct {
  int pid;
} CallResult;

static const char *
step_text (guint32 step)
{
  switch ((enum helper_step) step) {
  case HELPER_STEP_REQUEST:
    return "the request was refused";
  case HELPER_STEP_FORK:
    return "no process could be made";
  case HELPER_STEP_CAPABILITIES:
    return "capabilities could not be reduced";
  case HELPER_STEP_USERNS:
    return "no user namespace could be made (see user.max_user_namespaces)";
  case HELPER_STEP_MAP:
    return "the user namespace could not be mapped";
  case HELPER_STEP_OPEN:
    return "a layer of the file system is missing";
  case HELPER_STEP_CLONE:
    return "a layer could not be mounted";
  case HELPER_STEP_IDMAP:
    return "an idmapped mount could not be made";
  case HELPER_STEP_OWN:
    return "a directory could not be handed over";
  case HELPER_STEP_DEADLINE:
    return "it took too long";
  case HELPER_STEP_NONE:
  default:
    return "it failed";
  }
}

static void
set_reply_error (GError **error, const struct helper_reply *reply)
{
  if (reply->step == HELPER_STEP_IDMAP && (reply->error == EINVAL || reply->error == EOPNOTSUPP))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_IDMAP_UNSUPPORTED,
                 "The file system of %s can not do idmapped mounts on this kernel; put %s on ext4, xfs, btrfs, "
                 "or, from Linux 6.3 on, tmpfs",
                 STATE_DIR, STATE_DIR);
  else if (reply->error == ENOSPC && reply->step != HELPER_STEP_USERNS)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SPACE, "No space left on the disk");
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "bothy-helper: %s: %s", step_text (reply->step),
                 g_strerror (reply->error));
}

static void
disconnect (BothyHelper *self, const char *why)
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
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-helper: %s", why);
}

static void
handle_reply (BothyHelper *self, BothyPacket *packet)
{
  const struct helper_reply *reply = (const struct helper_reply *) packet->data;
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  if (packet->size != sizeof *reply || reply->version != HELPER_PROTOCOL_VERSION)
    return;
  task = g_hash_table_lookup (self->calls, GUINT_TO_POINTER (reply->serial));
  if (!task)
    return;
  g_object_ref (task);
  g_hash_table_remove (self->calls, GUINT_TO_POINTER (reply->serial));
  if (reply->error) {
    set_reply_error (&error, reply);
    g_task_return_error (task, error);
    return;
  }
  ((CallResult *) g_task_get_task_data (task))->pid = reply->pid;
  g_task_return_pointer (task, g_object_ref (packet->fds), g_object_unref);
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BothyHelper) self = g_object_ref (user_data);

  while (self->socket == socket) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyPacket) packet = bothy_packet_receive (socket, sizeof (struct helper_reply) + 1, &error);

    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      return G_SOURCE_CONTINUE;
    if (!packet) {
      disconnect (self, "it went away");
      return G_SOURCE_REMOVE;
    }
    handle_reply (self, packet);
  }
  return G_SOURCE_REMOVE;
}

static void
attach (BothyHelper *self)
{
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, NULL);
}

static gboolean
ensure_connected (BothyHelper *self, GError **error)
{
  if (self->socket)
    return TRUE;
  if (self->child) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-helper ended; restart the service");
    return FALSE;
  }
  self->socket = bothy_packet_connect (SOCKET_PATH, error);
  if (!self->socket) {
    bothy_error_adopt (error, "bothy-helper can not be reached at " SOCKET_PATH);
    return FALSE;
  }
  attach (self);
  return TRUE;
}

/* Whether the message went out; a helper that left because it was idle is asked for anew, once. */
static gboolean
send (BothyHelper *self, const struct helper_request *request, GUnixFDList *fds, GError **error)
{
  g_autoptr (GError) first = NULL;

  if (self->socket && bothy_packet_send (self->socket, request, sizeof *request, NULL, 0, fds, &first))
    return TRUE;
  if (first)
    disconnect (self, first->message);
  return ensure_connected (self, error) &&
         bothy_packet_send (self->socket, request, sizeof *request, NULL, 0, fds, error);
}

void
bothy_helper_call (BothyHelper *self, const struct helper_request *request, GUnixFDList *fds,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  struct helper_request stamped = *request;
  GError *error = NULL;

  g_task_set_task_data (task, g_new0 (CallResult, 1), g_free);
  stamped.version = HELPER_PROTOCOL_VERSION;
  stamped.serial = ++self->serial;
  if (!send (self, &stamped, fds, &error)) {
    bothy_error_adopt (&error, "bothy-helper");
    g_task_return_error (task, error);
    return;
  }
  g_hash_table_insert (self->calls, GUINT_TO_POINTER (stamped.serial), g_steal_pointer (&task));
}

GUnixFDList *
bothy_helper_call_finish (BothyHelper *self, GAsyncResult *result, int *ret_pid, GError **error)
{
  GTask *task = G_TASK (result);

  if (ret_pid)
    *ret_pid = ((CallResult *) g_task_get_task_data (task))->pid;
  return g_task_propagate_pointer (task, error);
}

GUnixFDList *
bothy_fd_list (const int *fds, guint n, GError **error)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();

  for (guint i = 0; i < n; i++) {
    if (g_unix_fd_list_append (list, fds[i], error) < 0) {
      bothy_error_adopt (error, "Passing a file descriptor on");
      return NULL;
    }
  }
  return g_steal_pointer (&list);
}

static void
bothy_helper_finalize (GObject *object)
{
  BothyHelper *self = BOTHY_HELPER (object);

  disconnect (self, "the service ends");
  g_hash_table_unref (self->calls);
  G_OBJECT_CLASS (bothy_helper_parent_class)->finalize (object);
}

static void
bothy_helper_class_init (BothyHelperClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_helper_finalize;
}

static void
bothy_helper_init (BothyHelper *self)
{
  self->calls = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
}

BothyHelper *
bothy_helper_new (void)
{
  return g_object_new (BOTHY_TYPE_HELPER, NULL);
}

BothyHelper *
bothy_helper_new_child (GError **error)
{
  g_autoptr (BothyHelper) self = bothy_helper_new ();
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) process = NULL;
  int theirs;

  if (!bothy_packet_socketpair (&self->socket, &theirs, error))
    return NULL;
  g_subprocess_launcher_take_fd (launcher, theirs, 3);
  process = g_subprocess_launcher_spawn (launcher, error, LIBEXEC_DIR "/bothy-helper", "--connection", "3", NULL);
  if (!process)
    return NULL;
  self->child = TRUE;
  attach (self);
  return g_steal_pointer (&self);
}
