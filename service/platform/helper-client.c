/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/helper-client.h"

#include "config.h"
#include "base/error.h"
#include "base/fd.h"
#include "platform/packet-client.h"

#include <errno.h>
#include <gio/gunixfdlist.h>

/* bothy-helper runs as four units of systemd. One takes steps. One starts containers: what is started inherits its unit's
   sandbox, and the sandbox of the steps is too tight for it. One starts what parses, so that however much of that there is,
   containers are started all the same. One mounts users' directories and makes nodes of devices, which can be done in
   the mount namespace only that they are in; and whose file system keeps it waiting keeps nobody's containers waiting. */
enum service {
  SERVICE_STEPS,
  SERVICE_CONTAINERS,
  SERVICE_PARSERS,
  SERVICE_MOUNTS,
  N_SERVICES,
};

static const char *const socket_paths[N_SERVICES] = { RUNTIME_DIR "/helper.sock", RUNTIME_DIR "/spawn.sock",
                                                      RUNTIME_DIR "/parse.sock", RUNTIME_DIR "/mount.sock" };

struct _BothyHelperClient {
  GObject parent;
  BothyPacketClient *peers[N_SERVICES];
  gboolean child; /* there is just one, for all */
  BothyHelperGroupFor group_for;
  gpointer group_data;
};

G_DEFINE_FINAL_TYPE (BothyHelperClient, bothy_helper_client, G_TYPE_OBJECT)

static const char *
step_text (guint32 step)
{
  switch ((enum helper_step)step) {
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
  case HELPER_STEP_PARTIAL:
    return "the user namespace is mapped in part";
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
  case HELPER_STEP_JOIN:
    return "the user namespace could not be joined";
  case HELPER_STEP_NIC:
    return "the nic could not be configured in its network namespace";
  case HELPER_STEP_GROUP:
    return "no process could be made in the control group";
  case HELPER_STEP_NETNS:
    return "no network namespace could be made (see user.max_net_namespaces)";
  case HELPER_STEP_QUOTA:
    return "what it may take of the disk could not be set";
  case HELPER_STEP_FOLDER_LOCK:
    return "what a mount does not allow could not be made to stay";
  case HELPER_STEP_TREE:
    return "the container's files could not be mounted";
  case HELPER_STEP_TREE_PLACE:
    return "there is no place where the container's files could be mounted";
  case HELPER_STEP_DEVICE:
  case HELPER_STEP_DEVICE_ACCESS:
  case HELPER_STEP_DEVICE_NODE:
  case HELPER_STEP_FOLDER:
  case HELPER_STEP_FOLDER_CLONE:
  case HELPER_STEP_FOLDER_IDMAP:
  case HELPER_STEP_FOLDERS_BUSY:
  case HELPER_STEP_TREE_WRITTEN:
  case HELPER_STEP_ADOPTABLE:
  case HELPER_STEP_TREE_MOUNTS:
  case HELPER_STEP_LABEL:
  case HELPER_STEP_HELD:
  case HELPER_STEP_NONE:
  default:
    return "it failed";
  }
}

/* What is up to the caller, who brought a namespace of his own. */
static gboolean
set_join_error (GError **error, const struct helper_reply *reply)
{
  if (reply->step == HELPER_STEP_MAP && reply->error == EPERM)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_ALREADY_MAPPED,
                 "The user namespace has its maps already; they can be written only once");
  else if (reply->step == HELPER_STEP_PARTIAL)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_PARTIAL_MAP,
        "The user namespace has a map for its uids and none for its gids; nobody can complete it: make "
        "another one");
  else if (reply->step == HELPER_STEP_JOIN)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                 "This is no user namespace that you made in the host's, and no process of yours in one");
  else
    return FALSE;
  return TRUE;
}

static const char *
open_error_text (int number)
{
  switch (number) {
  case ENOENT:
    return "there is no such directory any more";
  case ENOTDIR:
    return "it is no directory";
  case ETIMEDOUT:
    return "its file system does not answer";
  case EACCES:
  case EPERM:
    return "the container's owner may not open it";
  default:
    return g_strerror (number);
  }
}

/* What is up to a user's own directory, which the caller names. */
static gboolean
set_folder_error (GError **error, const struct helper_reply *reply)
{
  g_autofree char *type = g_strndup (reply->filesystem, sizeof reply->filesystem);

  if (reply->step == HELPER_STEP_FOLDER)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED, "%s", open_error_text (reply->error));
  else if (reply->step == HELPER_STEP_FOLDERS_BUSY)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
                 "other directories of yours are being opened, and their file system does not answer; end or "
                 "unmount it");
  else if (reply->step == HELPER_STEP_FOLDER_CLONE)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
                 "what is mounted there is not to be mounted elsewhere: %s", g_strerror (reply->error));
  else if (reply->step == HELPER_STEP_FOLDER_IDMAP && reply->error == EEXIST)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
        "it is seen through a mount that shows its files as other users' already (idmapped); mount the "
        "directory behind that");
  else if (reply->step == HELPER_STEP_FOLDER_IDMAP &&
           (reply->error == EINVAL || reply->error == EOPNOTSUPP || reply->error == EPERM))
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
        "its file system, %s, can not show your files as a container's on this kernel (idmapped mounts); "
        "take a directory on ext4, xfs, btrfs or, from Linux 6.3 on, tmpfs, or copy the files in",
        *type ? type : "which is unknown");
  else
    return FALSE;
  return TRUE;
}

/* What is up to the label of a container that was adopted where it is. */
static void
set_label_error (GError **error, int number)
{
  if (number == ENOENT)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "it is not there, or is not put aside for this container: somebody may have given it back, "
                 "or adopted "
                 "it already");
  else if (number == EEXIST)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "there is another one in its place now; move that away first");
  else if (number == EBUSY)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "a file system is mounted there");
  else if (number == EPERM)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "others than root can write into the directory that it is in, so that its files would not "
                 "stay what they "
                 "are; adopt a copy");
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "it can not be put aside for Bothy: %s",
                 g_strerror (number));
}

/* What directories are called is any bytes. */
static char *
read_place (const struct helper_reply *reply, guint i)
{
  g_autofree char *bytes = g_strndup (reply->places[i], sizeof reply->places[i]);

  return g_utf8_make_valid (bytes, -1);
}

static void
set_two_places_error (GError **error, const struct helper_reply *reply)
{
  g_autofree char *first = read_place (reply, 0);
  g_autofree char *second = read_place (reply, 1);

  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
      "both storage pools %s and %s have a container of that name; name the directory of the one that is "
      "meant (dir:PATH), as root",
      first, second);
}

/* What is up to a container that another tool made. */
static gboolean
set_adoptable_error (GError **error, const struct helper_reply *reply)
{
  if (reply->step == HELPER_STEP_TREE_MOUNTS) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
                 "something is mounted in it, which would be missing in the copy; unmount it, or adopt a "
                 "directory that has it all");
    return TRUE;
  }
  if (reply->step == HELPER_STEP_HELD) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "it runs: its monitor listens, or its lock is held; stop it first (lxc-stop, machinectl "
                 "poweroff, incus stop or lxc stop)");
    return TRUE;
  }
  if (reply->step == HELPER_STEP_LABEL) {
    set_label_error (error, reply->error);
    return TRUE;
  }
  if (reply->step != HELPER_STEP_ADOPTABLE)
    return FALSE;
  if (reply->error == ENOENT)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER, "there is none, or it has no tree there");
  else if (reply->error == ENOTUNIQ)
    set_two_places_error (error, reply);
  else if (reply->error == ELOOP || reply->error == EXDEV)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "a symbolic link leads to its tree, and none is followed; name the directory itself "
                 "(dir:PATH), as root");
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "it can not be opened: %s",
                 g_strerror (reply->error));
  return TRUE;
}

/* What is up to a device, which the caller names. */
static gboolean
set_device_error (GError **error, const struct helper_reply *reply)
{
  if (reply->step == HELPER_STEP_DEVICE_ACCESS)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "the container's owner may not open it himself; an administrator can agree to it: add it "
                 "while it is there");
  else if (reply->step == HELPER_STEP_DEVICE && reply->error == EPERM)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "such a device is for no container: it leads to memory, disks or consoles of the machine");
  else if (reply->step == HELPER_STEP_DEVICE && reply->error == ESTALE)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED, "another device has its place now");
  else if (reply->step == HELPER_STEP_DEVICE && (reply->error == ENOENT || reply->error == ENOTDIR))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED, "it is not there any more");
  else if (reply->step == HELPER_STEP_DEVICE || reply->step == HELPER_STEP_DEVICE_NODE)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEVICE_FAILED, "a node of it could not be made: %s",
                 g_strerror (reply->error));
  else
    return FALSE;
  return TRUE;
}

static void
set_reply_error (GError **error, const struct helper_reply *reply)
{
  if (set_join_error (error, reply) || set_folder_error (error, reply) ||
      set_adoptable_error (error, reply) || set_device_error (error, reply))
    return;
  if (reply->step == HELPER_STEP_IDMAP && (reply->error == EINVAL || reply->error == EOPNOTSUPP))
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_IDMAP_UNSUPPORTED,
        "The file system of %s can not do idmapped mounts on this kernel; put %s on ext4, xfs, btrfs, "
        "or, from Linux 6.3 on, tmpfs",
        STATE_DIR, STATE_DIR);
  else if (reply->step == HELPER_STEP_TREE_WRITTEN)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
        "a program still has a file open to write it, or one that was deleted, where \"bothy files\" "
        "showed it; close it");
  else if (reply->error == ENOSPC && reply->step != HELPER_STEP_USERNS && reply->step != HELPER_STEP_NETNS)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SPACE, "No space left on the disk");
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "bothy-helper: %s: %s",
                 step_text (reply->step), g_strerror (reply->error));
}

static void
on_packet (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  const struct helper_reply *reply = (const struct helper_reply *)packet->data;

  if (packet->size == sizeof *reply && reply->version == HELPER_PROTOCOL_VERSION)
    bothy_packet_client_resolve (peer, reply->serial, packet);
}

static void
on_closed (BothyPacketClient *peer, gpointer user_data)
{
  BothyHelperClient *self = user_data;

  /* Who heard first that it is gone may have connected anew already. */
  for (guint i = 0; i < N_SERVICES; i++)
    if (self->peers[i] == peer)
      g_clear_pointer (&self->peers[i], bothy_packet_client_unref);
}

static enum service
service_for (BothyHelperClient *self, const struct helper_request *request)
{
  guint32 op = request->op;

  if (self->child)
    return SERVICE_STEPS;
  if (op == HELPER_FOLDER || op == HELPER_FOLDER_MOUNT || op == HELPER_TREE_MOUNT || op == HELPER_ADOPTABLE ||
      op == HELPER_TREE_LAYER || op == HELPER_LABEL || op == HELPER_VOLUME || op == HELPER_DEVICE_ACCESS ||
      op == HELPER_DEVICE_NODE || op == HELPER_DEVICE_REVOKE || op == HELPER_TREE ||
      op == HELPER_TREE_CLONE || op == HELPER_TREE_CLOSE || op == HELPER_TREE_DETACH)
    return SERVICE_MOUNTS;
  if (op == HELPER_SPAWN && request->program != HELPER_PROGRAM_SUPERVISOR)
    return SERVICE_PARSERS;
  return op == HELPER_SPAWN || op == HELPER_HOLD ? SERVICE_CONTAINERS : SERVICE_STEPS;
}

static void
attach (BothyHelperClient *self, enum service service, GSocket *socket)
{
  self->peers[service] = bothy_packet_client_new (socket, "bothy-helper", sizeof (struct helper_reply) + 1,
                                                  on_packet, on_closed, self);
}

static gboolean
ensure_connected (BothyHelperClient *self, enum service service, GError **error)
{
  g_autoptr (GSocket) socket = NULL;

  if (self->peers[service])
    return TRUE;
  if (self->child) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-helper ended; restart the service");
    return FALSE;
  }
  socket = bothy_packet_connect (socket_paths[service], error);
  if (!socket) {
    g_autofree char *where = g_strdup_printf ("bothy-helper can not be reached at %s", socket_paths[service]);

    bothy_error_adopt (error, where);
    return FALSE;
  }
  attach (self, service, socket);
  return TRUE;
}

static gboolean
send (BothyHelperClient *self,
      const struct helper_request *request,
      GUnixFDList *fds,
      GTask *task,
      GError **error)
{
  struct helper_request stamped = *request;
  enum service service = service_for (self, request);

  if (!ensure_connected (self, service, error))
    return FALSE;
  stamped.version = HELPER_PROTOCOL_VERSION;
  stamped.serial = bothy_packet_client_next_serial (self->peers[service]);
  return bothy_packet_client_send (self->peers[service], stamped.serial, &stamped, sizeof stamped, NULL, 0,
                                   fds, task, error);
}

void
bothy_helper_client_call (BothyHelperClient *self,
                          const struct helper_request *request,
                          GUnixFDList *fds,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  BothyPacketClient **peer = &self->peers[service_for (self, request)];
  GError *error = NULL;

  if (send (self, request, fds, task, &error))
    return;
  /* It may have left because it was idle, just now: asked for anew, once. One that is there keeps the connection, and
     what others wait for. */
  if (!*peer || bothy_packet_client_is_gone (*peer)) {
    g_clear_error (&error);
    g_clear_pointer (peer, bothy_packet_client_unref);
    if (send (self, request, fds, task, &error))
      return;
  }
  g_task_return_error (task, error);
  g_object_unref (task);
}

void
bothy_helper_client_set_group_for (BothyHelperClient *self, BothyHelperGroupFor group_for, gpointer data)
{
  self->group_for = group_for;
  self->group_data = data;
}

void
bothy_helper_client_find_group (BothyHelperClient *self,
                                guint32 user,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  if (self->group_for && user != 0) {
    self->group_for (self->group_data, user, callback, user_data);
    return;
  }
  task = g_task_new (NULL, NULL, callback, user_data);
  g_task_return_int (task, -1);
}

gboolean
bothy_helper_client_find_group_finish (GAsyncResult *result, int *ret_fd, GError **error)
{
  GError *failure = NULL;

  *ret_fd = (int)g_task_propagate_int (G_TASK (result), &failure);
  if (!failure)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}

GUnixFDList *
bothy_helper_client_call_finish (BothyHelperClient *self,
                                 GAsyncResult *result,
                                 int *ret_number,
                                 GError **error)
{
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), error);
  const struct helper_reply *reply;

  if (!packet)
    return NULL;
  reply = (const struct helper_reply *)packet->data;
  if (reply->error) {
    set_reply_error (error, reply);
    return NULL;
  }
  if (ret_number)
    *ret_number = reply->number;
  return g_object_ref (packet->fds);
}

gboolean
bothy_helper_client_quota_finish (
    BothyHelperClient *self, GAsyncResult *result, guint64 *ret_bytes, guint64 *ret_inodes, GError **error)
{
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), error);
  const struct helper_reply *reply;

  if (!packet)
    return FALSE;
  reply = (const struct helper_reply *)packet->data;
  if (reply->step == HELPER_STEP_QUOTA && reply->error == ESRCH)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "The file system of " STATE_DIR " keeps no project quotas any more; see \"bothy doctor\"");
  else if (reply->error)
    set_reply_error (error, reply);
  if (reply->error)
    return FALSE;
  if (ret_bytes)
    *ret_bytes = reply->bytes;
  if (ret_inodes)
    *ret_inodes = reply->inodes;
  return TRUE;
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
bothy_helper_client_finalize (GObject *object)
{
  BothyHelperClient *self = BOTHY_HELPER_CLIENT (object);

  for (guint i = 0; i < N_SERVICES; i++)
    g_clear_pointer (&self->peers[i], bothy_packet_client_unref);
  G_OBJECT_CLASS (bothy_helper_client_parent_class)->finalize (object);
}

static void
bothy_helper_client_class_init (BothyHelperClientClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_helper_client_finalize;
}

static void
bothy_helper_client_init (BothyHelperClient *self)
{
}

BothyHelperClient *
bothy_helper_client_new (void)
{
  return g_object_new (BOTHY_TYPE_HELPER_CLIENT, NULL);
}

BothyHelperClient *
bothy_helper_client_new_child (GError **error)
{
  g_autoptr (BothyHelperClient) self = bothy_helper_client_new ();
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GSocket) ours = NULL;
  int theirs;

  if (!bothy_packet_socketpair (&ours, &theirs, error))
    return NULL;
  g_subprocess_launcher_take_fd (launcher, theirs, 3);
  process =
      g_subprocess_launcher_spawn (launcher, error, LIBEXEC_DIR "/bothy-helper", "--connection", "3", NULL);
  if (!process)
    return NULL;
  self->child = TRUE;
  attach (self, SERVICE_STEPS, ours);
  return g_steal_pointer (&self);
}
