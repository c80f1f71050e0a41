/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starting a container. Much of it runs side by side:
 *
 *   userns ──┬─→ netns ──→ nic ──────────────────────┐
 *            ├─→ spawn ─┬─→ group given away, limits ──┼─→ addresses ─→ START (the first process)
 *   group  ──┘          │                              │
 *   idmap ────→ mount ──┴─→ PREPARE (the root) ────────┘
 *
 * advance() sends what has become possible; every answer comes back to it.
 */
#include "core/runner-private.h"

#include "config.h"
#include "core/error.h"
#include "core/fault.h"
#include "core/join.h"
#include "core/ranges.h"
#include "platform/fd.h"
#include "platform/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define START_SECONDS 120 /* more than all steps together are given elsewhere */

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  GTask *task;
  GUnixFDList *stdio;
  int listen_fd;
  int their_fd; /* the supervisor's end of its first connection */
  BothySupervisor *supervisor;
  GUnixFDList *layers;
  guint n_lower; /* layers of the image; one more is the container's own */
  GUnixFDList *userns;
  GUnixFDList *netns;
  GTask *join;
  BothyCgroup *group;
  GError *error;
  guint timer;
  guint pending;
  gboolean spawn_sent, spawned, prepare_sent, networked, settled, start_sent;
} Start;

static void
start_free (Start *start)
{
  if (start->timer)
    g_source_remove (start->timer);
  bothy_clear_fd (&start->listen_fd);
  bothy_clear_fd (&start->their_fd);
  g_clear_object (&start->stdio);
  g_clear_object (&start->supervisor);
  g_clear_object (&start->layers);
  g_clear_object (&start->userns);
  g_clear_object (&start->netns);
  g_clear_object (&start->join);
  g_clear_pointer (&start->group, bothy_cgroup_free);
  g_clear_error (&start->error);
  g_object_unref (start->container);
  g_object_unref (start->runner);
  g_object_unref (start->task);
  g_free (start);
}

static void
fail (Start *start, GError *error)
{
  if (!start->error)
    start->error = error;
  else
    g_error_free (error);
}

/* Nothing is under way any more: undo what was done. */
static void
give_up (Start *start)
{
  BothyContainer *container = start->container;
  g_autofree char *path = bothy_runner_socket_path (container);

  if (start->supervisor)
    bothy_supervisor_close (start->supervisor);
  if (start->group) {
    bothy_cgroups_kill (start->runner->cgroups, start->group->path);
    bothy_cgroups_remove (start->runner->cgroups, start->group->path);
    container->group = (g_free (container->group), g_strdup (""));
  }
  bothy_runner_leave_network (start->runner, container);
  unlink (path);
  bothy_error_adopt (&start->error, "Starting");
  g_prefix_error (&start->error, "Container %s: ", container->spec->name);
  g_free (container->last_error);
  container->last_error = g_strdup (start->error->message);
  bothy_runner_save (start->runner, container);
  bothy_container_set_state (container, BOTHY_CONTAINER_FAILED);
  g_task_return_error (start->task, g_steal_pointer (&start->error));
  start_free (start);
}

static void
succeed (Start *start, const struct supervisor_message *reply)
{
  BothyContainer *container = start->container;

  container->shutdown_signal = container->spec->stop_signal ? container->spec->stop_signal : reply->value;
  container->started_at = g_get_real_time ();
  container->last_error = (g_free (container->last_error), g_strdup (""));
  bothy_runner_set_leader (container, reply->pid);
  bothy_runner_follow (start->runner, container, start->supervisor);
  bothy_container_set_state (container, BOTHY_CONTAINER_RUNNING);
  g_task_return_boolean (start->task, TRUE);
  /* After the caller has been answered: it only says since when it runs. */
  bothy_runner_save (start->runner, container);
  start_free (start);
}

static void advance (Start *start);

static void
on_start_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  struct supervisor_message reply;
  GError *error = NULL;

  start->pending--;
  if (!bothy_supervisor_call_finish (start->supervisor, result, &reply, NULL, &error))
    fail (start, error);
  else if (!start->error) {
    BOTHY_FAULT_POINT ("start.running");
    succeed (start, &reply);
    return;
  }
  advance (start);
}

static void
on_prepare_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  if (!bothy_supervisor_call_finish (start->supervisor, result, NULL, NULL, &error))
    fail (start, error);
  advance (start);
}

static void
on_grouped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->group = bothy_cgroups_start_finish (BOTHY_CGROUPS (source), result, &error);
  if (!start->group)
    fail (start, error);
  BOTHY_FAULT_POINT ("start.grouped");
  advance (start);
}

static void
request_group (Start *start)
{
  const BothyCgroupSpec spec = bothy_runner_group_spec (start->runner, start->container);

  start->pending++;
  bothy_cgroups_start (start->runner->cgroups, &spec, on_grouped, start);
}

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->settled = bothy_cgroups_settle_finish (BOTHY_CGROUPS (source), result, &error);
  if (!start->settled)
    fail (start, error);
  BOTHY_FAULT_POINT ("start.settled");
  advance (start);
}

static void
settle_group (Start *start)
{
  const BothyCgroupSpec spec = bothy_runner_group_spec (start->runner, start->container);

  start->pending++;
  bothy_cgroups_settle (start->runner->cgroups, start->group, &spec, on_settled, start);
}

static void
on_spawned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  start->pending--;
  bothy_clear_fd (&start->their_fd);
  fds = bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &error);
  if (!fds)
    fail (start, error);
  else if (!start->error) {
    start->spawned = TRUE;
    BOTHY_FAULT_POINT ("start.spawned");
    settle_group (start);
  }
  advance (start);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->layers = bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &error);
  if (!start->layers)
    fail (start, error);
  else if ((guint)g_unix_fd_list_get_length (start->layers) != start->n_lower + 1)
    fail (start,
          g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-helper: a layer is missing in its reply"));
  advance (start);
}

static void
call_helper (Start *start,
             const struct helper_request *request,
             GUnixFDList *fds,
             GAsyncReadyCallback callback)
{
  start->pending++;
  bothy_helper_call (start->runner->helper, request, fds, callback, start);
}

static void
on_joined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;

  start->pending--;
  bothy_join_finish (result);
  start->networked = TRUE;
  BOTHY_FAULT_POINT ("start.networked");
  advance (start);
}

static gboolean
wants_network (Start *start)
{
  return bothy_container_wants_network (start->container);
}

/* Making a nic takes as long as making the root. */
static void
join_network (Start *start)
{
  start->networked = !wants_network (start);
  if (start->networked)
    return;
  start->pending++;
  start->join =
      bothy_join_ahead (start->runner->network, start->runner->admission, start->container, start->supervisor,
                        g_unix_fd_list_get (start->netns, 0, NULL), on_joined, start);
}

static void
on_network_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->netns = bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &error);
  if (!start->netns)
    fail (start, error);
  else if (!start->error)
    join_network (start);
  advance (start);
}

/* The image's, the topmost first, and the container's own. */
static gboolean
list_layers (Start *start, struct helper_request *request, GError **error)
{
  const BothyContainer *container = start->container;
  const BothyImage *image = bothy_images_lookup (start->runner->images, container->spec->image);
  guint n = image ? g_strv_length (image->layers) : 0;

  if (n == 0 || n >= HELPER_MAX_LAYERS) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE, "The image that it stands on is gone: %.12s",
                 container->spec->image);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    request->layers[i].kind = HELPER_LAYER_IMAGE;
    g_strlcpy (request->layers[i].id, image->layers[n - 1 - i], sizeof request->layers[i].id);
  }
  request->layers[n].kind = HELPER_LAYER_CONTAINER;
  g_strlcpy (request->layers[n].id, container->id, sizeof request->layers[n].id);
  start->n_lower = n;
  request->n_layers = n + 1;
  return TRUE;
}

/* The supervisor first: that is the longer way. */
static void
on_user_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  const struct helper_request request = { .op = HELPER_NETNS };
  Start *start = user_data;
  GError *error = NULL;

  start->userns = bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &error);
  if (!start->userns)
    fail (start, error);
  advance (start);
  if (!start->error)
    call_helper (start, &request, start->userns, on_network_namespace);
  start->pending--;
  advance (start);
}

/* Append the fd that is number INDEX of FROM to LIST. */
static void
pass_on (GUnixFDList *list, GUnixFDList *from, int index, GError **error)
{
  autofd fd = *error ? -1 : g_unix_fd_list_get (from, index, error);

  if (fd >= 0)
    g_unix_fd_list_append (list, fd, error);
}

/* While others work: who comes after us has to find the group before a container is in it. */
static void
write_down_group (Start *start)
{
  BothyContainer *container = start->container;

  container->group = (g_free (container->group), g_strdup (start->group->path));
  bothy_runner_save (start->runner, container);
}

/* fds: the user namespace, the group, the connection. */
static void
spawn (Start *start)
{
  const struct helper_request request = { .op = HELPER_SPAWN,
                                          .program = HELPER_PROGRAM_SUPERVISOR,
                                          .into_group = 1 };
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GError *error = NULL;

  start->spawn_sent = TRUE;
  pass_on (fds, start->userns, 0, &error);
  pass_on (fds, start->group->fds, 0, &error);
  if (!error)
    g_unix_fd_list_append (fds, start->their_fd, &error);
  if (error) {
    fail (start, error);
    return;
  }
  call_helper (start, &request, fds, on_spawned);
  write_down_group (start);
}

static void
on_idmap_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_MOUNT };
  Start *start = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  start->pending--;
  fds = bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &error);
  if (!fds || !list_layers (start, &request, &error))
    fail (start, error);
  else if (!start->error)
    call_helper (start, &request, fds, on_mounted);
  advance (start);
}

static int
open_log (Start *start)
{
  autofd dir = openat (start->runner->state_dirfd, start->container->id,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return openat (dir, "console.log", O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void
send_prepare (Start *start)
{
  struct supervisor_message message = { .type = SUPERVISOR_PREPARE,
                                        .n_lower = start->n_lower,
                                        .flags = SUPERVISOR_FLAG_NETNS };
  const BothyContainerSpec *spec = start->container->spec;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  autofd log = open_log (start);
  GError *error = NULL;
  int filter = spec->nesting ? start->runner->nesting_filter_fd : start->runner->filter_fd;

  start->prepare_sent = TRUE;
  if (spec->nesting)
    message.flags |= SUPERVISOR_FLAG_NESTING;
  bothy_supervisor_add_text (text, spec->hostname);
  if (*spec->account) {
    bothy_supervisor_add_text (text, spec->account);
    message.n_argv = 1;
    message.value = (gint32)start->container->owner;
  }
  if (log < 0)
    bothy_error_set_errno (&error, errno, "Opening the console's log");
  else if (g_unix_fd_list_append (start->layers, start->listen_fd, &error) >= 0 &&
           g_unix_fd_list_append (start->layers, filter, &error) >= 0)
    g_unix_fd_list_append (start->layers, log, &error);
  if (!error)
    pass_on (start->layers, start->netns, 0, &error);
  if (error) {
    fail (start, error);
    return;
  }
  start->pending++;
  bothy_supervisor_call (start->supervisor, message, text, start->layers, on_prepare_reply, start);
}

static void
send_start (Start *start)
{
  struct supervisor_message message = { .type = SUPERVISOR_START };
  const BothyContainerSpec *spec = start->container->spec;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  const char *mount = bothy_cgroups_mount ();

  start->start_sent = TRUE;
  if (start->stdio)
    message.flags |= SUPERVISOR_FLAG_STDIO;
  bothy_supervisor_add_text (text, start->group->path);
  bothy_supervisor_add_text (text, mount ? mount : "");
  bothy_supervisor_add_text (text, spec->user);
  bothy_supervisor_add_text (text, spec->working_directory);
  bothy_supervisor_add_texts (text, (const char *const *)spec->command, &message.n_argv);
  bothy_supervisor_add_texts (text, (const char *const *)spec->environment, &message.n_env);
  start->pending++;
  bothy_supervisor_call (start->supervisor, message, text, start->stdio, on_start_reply, start);
}

/* Right behind PREPARE: the supervisor answers in order. */
static void
prepare (Start *start)
{
  send_prepare (start);
  if (!start->error && start->join)
    bothy_join_proceed (start->join);
}

/* What waits for the supervisor ends at once, and comes back here; the last one to leave is our caller. */
static void
break_off (Start *start)
{
  start->pending++;
  if (start->supervisor)
    bothy_supervisor_close (start->supervisor);
  if (start->join)
    bothy_join_proceed (start->join);
  start->pending--;
}

static void
advance (Start *start)
{
  if (!start->error && start->userns && start->group && !start->spawn_sent)
    spawn (start);
  if (!start->error && start->spawned && start->layers && start->netns && !start->prepare_sent)
    prepare (start);
  if (!start->error && start->prepare_sent && start->networked && start->settled && !start->start_sent)
    send_start (start);
  if (start->error)
    break_off (start);
  if (start->error && start->pending == 0)
    give_up (start);
}

/* A supervisor that stands still. */
static gboolean
on_deadline (gpointer user_data)
{
  Start *start = user_data;

  start->timer = 0;
  fail (start,
        g_error_new (BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "it took longer than %d seconds", START_SECONDS));
  advance (start);
  return G_SOURCE_REMOVE;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  unlink (path);
  if (fd < 0 || bind (fd, (struct sockaddr *)&address, sizeof address) < 0 || listen (fd, 4) < 0)
    return -1;
  return g_steal_fd (&fd);
}

static gboolean
make_sockets (Start *start, GError **error)
{
  g_autofree char *path = bothy_runner_socket_path (start->container);
  g_autoptr (GSocket) ours = NULL;

  start->listen_fd = listen_at (path);
  if (start->listen_fd < 0) {
    bothy_error_set_errno (error, errno, path);
    return FALSE;
  }
  if (!bothy_packet_socketpair (&ours, &start->their_fd, error))
    return FALSE;
  start->supervisor = bothy_supervisor_new (ours);
  return TRUE;
}

static void
request_namespaces (Start *start)
{
  guint32 base = start->container->range_base;
  struct helper_request request = {
    .op = HELPER_USERNS, .owner = base, .n_extents = 1, .extents = { { 0, base, BOTHY_RANGE_SIZE } }
  };

  call_helper (start, &request, NULL, on_user_namespace);
  request.extents[0].inside = BOTHY_NEUTRAL_BASE;
  call_helper (start, &request, NULL, on_idmap_namespace);
}

void
bothy_runner_start (BothyRunner *self,
                    BothyContainer *container,
                    GUnixFDList *stdio,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  Start *start = g_new0 (Start, 1);
  GError *error = NULL;

  start->runner = g_object_ref (self);
  start->container = g_object_ref (container);
  start->task = g_task_new (self, NULL, callback, user_data);
  start->stdio = stdio ? g_object_ref (stdio) : NULL;
  start->listen_fd = start->their_fd = -1;
  container->exited = container->stopping = container->reboot = FALSE;
  bothy_container_set_state (container, BOTHY_CONTAINER_STARTING);
  if (!make_sockets (start, &error)) {
    fail (start, error);
    give_up (start);
    return;
  }
  start->timer = g_timeout_add_seconds (START_SECONDS, on_deadline, start);
  BOTHY_FAULT_POINT ("start.listening");
  if (wants_network (start))
    bothy_network_prepare (self->network);
  request_namespaces (start);
  request_group (start);
}

gboolean
bothy_runner_start_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
