/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starting a container. Much of it runs side by side:
 *
 *   userns, ─┬─→ nic ─────────────────────────────────┐
 *   netns    ├─→ spawn ─┬─→ group given away, limits ──┼─→ addresses ─→ START (the first process)
 *   group  ──┘          │                              │
 *   idmap ────→ mount ──┴─→ PREPARE (the root) ────────┤
 *   the owner's directories, mounted ──┼─→ attached ───┤
 *                  devices of the machine's ─→ plugged in ─┘
 *
 * Each step has a function that asks for it and one that takes the answer. Every answer comes back to
 * advance_start(), which asks for what has become possible. What goes wrong is kept in "error": then nothing
 * new
 * is asked for, and when the last answer is there ("pending" is 0), undo_start() takes back what was done.
 */
#include "core/container/runner-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "core/container/container-record.h"
#include "core/container/defaults.h"
#include "core/container/layers.h"
#include "core/container/mounting.h"
#include "core/container/network.h"
#include "core/container/supervisor-sockets.h"
#include "core/ids/accounts.h"
#include "core/ids/conflicts.h"
#include "core/ids/ranges.h"
#include "core/images/import-place.h"
#include "platform/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define START_SECONDS 120 /* more than all steps together are given elsewhere */

enum { USER_NAMESPACE, NETWORK_NAMESPACE, N_NAMESPACES }; /* the fds in the reply to HELPER_NETNS */

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  GTask *task;
  GUnixFDList *stdio;
  int listen_fd;
  int their_fd; /* the supervisor's end of its first connection */
  BothySupervisor *supervisor;
  GUnixFDList *layers;
  GUnixFDList *placeless; /* these, while the lowest is being mounted, which is not in the store */
  BothyContainerStack stack;
  GUnixFDList *namespaces; /* the user namespace and the network namespace */
  GTask *join;
  BothyCgroup *group;
  GError *error; /* the first thing that went wrong */
  guint timer;
  guint pending;     /* answers that have not come yet */
  GPtrArray *mounts; /* of the owner's directories */
  GCancellable *attaching;
  gboolean has_turn; /* until then nothing is done for it */
  gboolean spawn_sent, spawned, prepare_sent, recorded, networked, settled, attach_sent, attached, plug_sent,
      plugged, cleared, start_sent;
} Start;

static void advance_start (Start *start);

static void
start_free (Start *start)
{
  g_autoptr (BothyRunner) runner = start->runner;
  guint32 owner = start->container->owner;
  gboolean had_turn = start->has_turn;

  if (start->timer)
    g_source_remove (start->timer);
  bothy_clear_fd (&start->listen_fd);
  bothy_clear_fd (&start->their_fd);
  g_clear_object (&start->stdio);
  g_clear_object (&start->supervisor);
  g_clear_object (&start->layers);
  g_clear_object (&start->placeless);
  g_clear_object (&start->namespaces);
  g_clear_object (&start->join);
  g_clear_pointer (&start->mounts, g_ptr_array_unref);
  g_clear_object (&start->attaching);
  g_clear_pointer (&start->group, bothy_cgroup_free);
  g_clear_error (&start->error);
  g_object_unref (start->container);
  g_object_unref (start->task);
  g_free (start);
  if (had_turn)
    bothy_per_user_release (runner->starts, owner);
}

static void
fail_start (Start *start, GError *error)
{
  if (!start->error)
    start->error = error;
  else
    g_error_free (error);
}

/* Append the fd that is number INDEX of FROM to LIST, unless there is an ERROR already. */
static void
append_fd (GUnixFDList *list, GUnixFDList *from, int index, GError **error)
{
  autofd fd = *error ? -1 : g_unix_fd_list_get (from, index, error);

  if (fd >= 0)
    g_unix_fd_list_append (list, fd, error);
}

static void
call_helper (Start *start,
             const struct helper_request *request,
             GUnixFDList *fds,
             GAsyncReadyCallback callback)
{
  start->pending++;
  bothy_helper_client_call (start->runner->helper, request, fds, callback, start);
}

/* ---- namespaces and the network ---- */

static void
on_joined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;

  start->pending--;
  bothy_container_network_finish (result);
  start->networked = TRUE;
  BOTHY_FAULT_POINT ("start.networked");
  advance_start (start);
}

/* Making a nic takes as long as making the root. */
static void
join_network (Start *start)
{
  GError *error = NULL;
  int netns_fd;

  start->networked = !bothy_container_wants_network (start->container);
  if (start->networked)
    return;
  netns_fd = g_unix_fd_list_get (start->namespaces, NETWORK_NAMESPACE, &error);
  if (netns_fd < 0) {
    fail_start (start, error);
    return;
  }
  start->pending++;
  start->join =
      bothy_container_network_ahead (start->runner->network, start->runner->admission, start->container,
                                     start->supervisor, netns_fd, on_joined, start);
}

/* The nic first: that is the longer way. */
static void
on_namespaces (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->namespaces = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!start->namespaces)
    fail_start (start, error);
  else if (g_unix_fd_list_get_length (start->namespaces) != N_NAMESPACES)
    fail_start (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                                    "bothy-helper: a namespace is missing in its reply"));
  else if (!start->error)
    join_network (start);
  advance_start (start);
}

/* ---- the layers of the root ---- */

/* What it stands on, or NULL if that is gone. */
static BothyImage *
image_of (Start *start)
{
  return bothy_image_store_lookup (start->runner->images, start->container->spec->image);
}

/* FDS has all layers but the lowest, and PLACED that one: together, they are in the order in which overlayfs wants them, with what is
   written into last. (transfer full) */
static GUnixFDList *
insert_placed (GUnixFDList *fds, GUnixFDList *placed, GError **error)
{
  g_autoptr (GUnixFDList) all = g_unix_fd_list_new ();
  int n = g_unix_fd_list_get_length (fds);
  GError *failure = NULL;

  for (int i = 0; i < n; i++) {
    if (i == n - 1)
      append_fd (all, placed, 0, &failure);
    append_fd (all, fds, i, &failure);
  }
  if (!failure)
    return g_steal_pointer (&all);
  g_propagate_error (error, failure);
  return NULL;
}

static void
on_placed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) placed = bothy_place_mount_finish (result, &error);
  g_autoptr (GUnixFDList) others = g_steal_pointer (&start->placeless);

  start->pending--;
  if (placed)
    start->layers = insert_placed (others, placed, &error);
  if (!start->layers)
    fail_start (start, error);
  advance_start (start);
}

/* The image's only layer. */
static void
mount_place (Start *start)
{
  const BothyImage *image = image_of (start);
  const BothyPlace *place = image ? bothy_image_store_get_place (start->runner->images, image) : NULL;

  if (!place) {
    fail_start (start,
                g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
                             "The image that it stands on is gone: %.12s", start->container->spec->image));
    return;
  }
  start->placeless = g_steal_pointer (&start->layers);
  start->pending++;
  bothy_place_mount (start->runner->helper, place, image->layers[0], start->container->range_base, on_placed,
                     start);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->layers = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (start->layers && start->stack.is_placed && !start->error)
    mount_place (start);
  else if (!start->layers)
    fail_start (start, error);
  else if (!start->stack.is_placed &&
           (guint)g_unix_fd_list_get_length (start->layers) != start->stack.n_lower + 1)
    fail_start (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                                    "bothy-helper: a layer is missing in its reply"));
  advance_start (start);
}

static void
on_idmap_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_MOUNT };
  Start *start = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  start->pending--;
  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds || !bothy_container_list_layers (start->container, start->runner->uppers, start->runner->images,
                                            &request, &start->stack, &error))
    fail_start (start, error);
  else if (!start->error)
    call_helper (start, &request, fds, on_mounted);
  advance_start (start);
}

static void
request_namespaces (Start *start)
{
  guint32 base = start->container->range_base;
  struct helper_request request = {
    .op = HELPER_NETNS, .owner = base, .n_extents = 1, .extents = { { 0, base, BOTHY_RANGE_SIZE } }
  };

  call_helper (start, &request, NULL, on_namespaces);
  request.op = HELPER_USERNS;
  request.extents[0].inside = BOTHY_NEUTRAL_BASE;
  call_helper (start, &request, NULL, on_idmap_namespace);
}

/* ---- the owner's directories ---- */

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->attached = bothy_mounting_finish (result, &error);
  if (!start->attached)
    fail_start (start, error);
  advance_start (start);
}

static void
attach_mounts (Start *start)
{
  start->attach_sent = TRUE;
  start->pending++;
  start->attaching = g_cancellable_new ();
  bothy_mounting_attach_all (start->supervisor, start->runner->volumes, start->container, start->mounts,
                             start->attaching, on_attached, start);
}

static void
on_mounts_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->mounts = bothy_mounting_make_finish (result, &error);
  if (!start->mounts)
    fail_start (start, error);
  advance_start (start);
}

static void
request_mounts (Start *start)
{
  start->attached = start->container->spec->mounts->len == 0;
  if (start->attached)
    return;
  start->pending++;
  bothy_mounting_make (start->runner->helper, start->container, on_mounts_made, start);
}

/* ---- accounts ---- */

static void
look_for_accounts (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  gint64 first = GPOINTER_TO_UINT (task_data);
  BothyIdSpan span = { first, first + BOTHY_RANGE_SIZE - 1, FALSE };
  g_autoptr (GError) error = NULL;
  gboolean found = bothy_accounts_are_among (span, &error);

  /* It had none when it was given out: a directory server that is away for a while stops nobody's containers. */
  if (error)
    g_warning ("Whether somebody has an account among the ids from %" G_GINT64_FORMAT ": %s", first,
               error->message);
  g_task_return_boolean (task, !found || error);
}

static void
on_accounts (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  guint32 first = start->container->range_base;

  start->pending--;
  start->cleared = g_task_propagate_boolean (G_TASK (result), NULL);
  if (!start->cleared)
    fail_start (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                                    "an account of this machine has one of the ids from %u to %u; an "
                                    "administrator has to give it another",
                                    first, first + BOTHY_RANGE_SIZE - 1));
  advance_start (start);
}

/* Somebody may have got one since the range was given out: what runs inside would be him. */
static void
request_accounts (Start *start)
{
  g_autoptr (GTask) task = g_task_new (start->container, NULL, on_accounts, start);

  start->pending++;
  g_task_set_task_data (task, GUINT_TO_POINTER (start->container->range_base), NULL);
  g_task_run_in_thread (task, look_for_accounts);
}

/* ---- devices ---- */

static void
on_plugged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;

  start->pending--;
  bothy_plugs_finish (BOTHY_PLUGS (source), result);
  start->plugged = TRUE;
  advance_start (start);
}

/* What is not there, or can not be plugged in, is no reason not to start. */
static void
plug_devices (Start *start)
{
  start->plug_sent = TRUE;
  start->pending++;
  bothy_plugs_begin (start->runner->plugs, start->container, start->supervisor, TRUE, on_plugged, start);
}

/* ---- the control group and the supervisor in it ---- */

static void
on_grouped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->group = bothy_cgroup_manager_start_finish (BOTHY_CGROUP_MANAGER (source), result, &error);
  if (!start->group)
    fail_start (start, error);
  BOTHY_FAULT_POINT ("start.grouped");
  advance_start (start);
}

static void
request_group (Start *start)
{
  const BothyCgroupSpec spec = bothy_runner_group_spec (start->runner, start->container);

  start->pending++;
  bothy_cgroup_manager_start (start->runner->cgroups, &spec, on_grouped, start);
}

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->settled = bothy_cgroup_manager_settle_finish (BOTHY_CGROUP_MANAGER (source), result, &error);
  if (!start->settled)
    fail_start (start, error);
  BOTHY_FAULT_POINT ("start.settled");
  advance_start (start);
}

static void
settle_group (Start *start)
{
  const BothyCgroupSpec spec = bothy_runner_group_spec (start->runner, start->container);

  start->pending++;
  bothy_cgroup_manager_settle (start->runner->cgroups, start->group, &spec, on_settled, start);
}

static void
on_spawned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  start->pending--;
  bothy_clear_fd (&start->their_fd);
  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds)
    fail_start (start, error);
  else if (!start->error) {
    start->spawned = TRUE;
    BOTHY_FAULT_POINT ("start.spawned");
    settle_group (start);
  }
  advance_start (start);
}

/* fds: the user namespace, the group, the connection. */
static void
spawn_supervisor (Start *start)
{
  const struct helper_request request = { .op = HELPER_SPAWN,
                                          .program = HELPER_PROGRAM_SUPERVISOR,
                                          .into_group = 1 };
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GError *error = NULL;

  start->spawn_sent = TRUE;
  append_fd (fds, start->namespaces, USER_NAMESPACE, &error);
  append_fd (fds, start->group->fds, 0, &error);
  if (!error)
    g_unix_fd_list_append (fds, start->their_fd, &error);
  if (error) {
    fail_start (start, error);
    return;
  }
  call_helper (start, &request, fds, on_spawned);
  bothy_container_set_group (start->container, start->group->path);
}

/* ---- what the supervisor is told ---- */

static void
on_prepare_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  if (!bothy_supervisor_call_finish (start->supervisor, result, NULL, &error))
    fail_start (start, error);
  advance_start (start);
}

static int
open_log (Start *start)
{
  autofd dir = openat (start->runner->containers_fd, start->container->id,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return openat (dir, "console.log", O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void
send_prepare (Start *start)
{
  struct supervisor_message message = { .type = SUPERVISOR_PREPARE,
                                        .n_lower = start->stack.n_lower,
                                        .id = start->stack.n_own,
                                        .flags = SUPERVISOR_FLAG_NETNS };
  const BothyContainerSpec *spec = start->container->spec;
  g_autofree char *shm_size =
      spec->shm_size ? g_strdup_printf ("%" G_GUINT64_FORMAT, spec->shm_size) : g_strdup ("");
  g_autoptr (GByteArray) text = g_byte_array_new ();
  autofd log = open_log (start);
  GError *error = NULL;
  int filter = spec->nesting ? start->runner->nesting_filter_fd : start->runner->filter_fd;

  start->prepare_sent = TRUE;
  if (spec->nesting)
    message.flags |= SUPERVISOR_FLAG_NESTING;
  if (spec->ephemeral)
    message.flags |= SUPERVISOR_FLAG_VOLATILE;
  if (start->container->files.personal)
    message.flags |= SUPERVISOR_FLAG_PERSONAL;
  bothy_supervisor_add_text (text, spec->hostname);
  bothy_supervisor_add_text (text, shm_size);
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
    append_fd (start->layers, start->namespaces, NETWORK_NAMESPACE, &error);
  if (error) {
    fail_start (start, error);
    return;
  }
  start->pending++;
  bothy_supervisor_call (start->supervisor, message, text, start->layers, on_prepare_reply, start);
}

static void
on_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  start->recorded = bothy_container_record_settle_finish (BOTHY_CONTAINER (source), result, &error);
  if (!start->recorded)
    fail_start (start, error);
  advance_start (start);
}

/*
 * That something is written into its top has to be on record before its first process does so, also after a power cut: whoever took that
 * for empty would let it go. Of one that stands on nothing but the image nobody does.
 */
static void
record_start (Start *start)
{
  BothyContainer *container = start->container;
  const BothyUpper *top = bothy_uppers_find (start->runner->uppers, container->files.top);
  gboolean was_fresh = container->files.fresh;
  GError *error = NULL;

  bothy_container_set_written (container);
  start->recorded = !was_fresh || !top || !*top->below;
  if (start->recorded) {
    bothy_runner_save (start->runner, container);
    return;
  }
  if (!bothy_container_record_save (container, start->runner->containers_fd, &error)) {
    fail_start (start, error);
    return;
  }
  start->pending++;
  bothy_container_record_settle (container, start->runner->containers_fd, on_recorded, start);
}

/*
 * The supervisor works through its requests in order, so the one for the nic is sent right after PREPARE.
 * Both take it longer than writing the record takes us, so that is done last. The record must name the
 * control group before a container runs in it: otherwise the next bothyd would not find it.
 */
static void
prepare_root (Start *start)
{
  send_prepare (start);
  if (!start->error && start->join)
    bothy_container_network_proceed (start->join);
  if (!start->error)
    record_start (start);
}

/* ---- how it ends ---- */

/* What a sentence about it is of. */
static void
tell_details (Start *start)
{
  const BothyContainerSpec *spec = start->container->spec;

  bothy_error_set_detail (start->error, "container", spec->name);
  if (*spec->command && (g_error_matches (start->error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM) ||
                         g_error_matches (start->error, BOTHY_ERROR, BOTHY_ERROR_NOT_EXECUTABLE)))
    bothy_error_set_detail (start->error, "program", *spec->command);
  if (*spec->user && g_error_matches (start->error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER))
    bothy_error_set_detail (start->error, "user", spec->user);
}

/* Nothing is under way any more: undo what was done. */
static void
undo_start (Start *start)
{
  BothyContainer *container = start->container;
  BothyRunner *self = start->runner;

  if (start->supervisor)
    bothy_supervisor_close (start->supervisor);
  if (start->group) {
    bothy_cgroup_manager_kill (self->cgroups, start->group->path);
    bothy_cgroup_manager_remove (self->cgroups, start->group->path);
    bothy_container_set_group (container, "");
  }
  bothy_network_repair_end (self->repair, container);
  bothy_plugs_end (self->plugs, container);
  bothy_supervisor_socket_remove (self->sockets_fd, container->id);
  bothy_error_adopt (&start->error, "Starting");
  g_prefix_error (&start->error, "Container %s: ", container->spec->name);
  tell_details (start);
  bothy_container_set_start_failed (container, start->error);
  bothy_runner_save (self, container);
  g_task_return_error (start->task, g_steal_pointer (&start->error));
  start_free (start);
}

static void
finish_start (Start *start, const struct supervisor_message *reply)
{
  BothyContainer *container = start->container;
  BothyRunner *self = start->runner;

  bothy_container_set_started_now (container);
  bothy_runner_follow (self, container, start->supervisor,
                       (int)bothy_container_check_pid (container, reply->pid), reply->value);
  g_task_return_boolean (start->task, TRUE);
  bothy_network_repair_resume (self->repair, container);
  /* After the caller has been answered: it only says since when it runs. */
  bothy_runner_save (self, container);
  /* Who starts one may start another. Not before: making a group takes the processors from this start. */
  bothy_runner_describe_group (self, container);
  bothy_runner_prepare_group (self, container->owner);
  start_free (start);
}

/* Says which of the sysctls it is about. */
static void
name_sysctl (const Start *start, const struct supervisor_message *reply, GError *error)
{
  char **sysctls = start->container->spec->sysctls;

  if (reply->step == SUPERVISOR_STEP_SYSCTL && reply->value >= 0 && sysctls &&
      (guint)reply->value < g_strv_length (sysctls)) {
    bothy_error_set_detail (error, "sysctl", sysctls[reply->value]);
    g_prefix_error (&error, "%s: ", sysctls[reply->value]);
  }
}

static void
on_start_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  struct supervisor_message reply = { .error = 0 };
  GError *error = NULL;

  start->pending--;
  if (!bothy_supervisor_call_finish (start->supervisor, result, &reply, &error)) {
    bothy_defaults_explain_user (&error, start->container->spec->user, image_of (start),
                                 start->container->owner);
    name_sysctl (start, &reply, error);
    fail_start (start, error);
  } else if (!start->error) {
    BOTHY_FAULT_POINT ("start.running");
    finish_start (start, &reply);
    return;
  }
  advance_start (start);
}

static void
send_start (Start *start)
{
  struct supervisor_message message = { .type = SUPERVISOR_START };
  const BothyContainerSpec *spec = start->container->spec;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  const char *mount = bothy_cgroup_manager_mount ();
  const BothyImage *image = image_of (start);
  guint32 n_volumes = 0;

  start->start_sent = TRUE;
  if (start->stdio)
    message.flags |= SUPERVISOR_FLAG_STDIO;
  bothy_supervisor_add_text (text, start->group->path);
  bothy_supervisor_add_text (text, mount ? mount : "");
  bothy_supervisor_add_text (text, spec->user);
  bothy_supervisor_add_text (text, spec->working_directory);
  if (image && image->defaults)
    bothy_supervisor_add_texts (text, (const char *const *)image->defaults->volumes->pdata, &n_volumes);
  message.value = (gint32)n_volumes;
  bothy_supervisor_add_texts (text, (const char *const *)spec->sysctls, &message.n_lower);
  bothy_supervisor_add_texts (text, (const char *const *)spec->command, &message.n_argv);
  bothy_supervisor_add_texts (text, (const char *const *)spec->environment, &message.n_env);
  start->pending++;
  bothy_supervisor_call (start->supervisor, message, text, start->stdio, on_start_reply, start);
}

/* ---- from step to step ---- */

/* What waits for the supervisor ends at once, and comes back here; the last one to leave is our caller. */
static void
stop_waiting (Start *start)
{
  start->pending++;
  if (start->supervisor)
    bothy_supervisor_close (start->supervisor);
  if (start->join)
    bothy_container_network_proceed (start->join);
  if (start->attaching)
    g_cancellable_cancel (start->attaching);
  start->pending--;
}

static void
advance_start (Start *start)
{
  if (!start->error && start->namespaces && start->group && !start->spawn_sent)
    spawn_supervisor (start);
  if (!start->error && start->spawned && start->layers && !start->prepare_sent)
    prepare_root (start);
  if (!start->error && start->prepare_sent && start->mounts && !start->attach_sent)
    attach_mounts (start);
  if (!start->error && start->prepare_sent && !start->plug_sent)
    plug_devices (start);
  if (!start->error && start->recorded && start->networked && start->settled && start->attached &&
      start->plugged && start->cleared && !start->start_sent) {
    bothy_container_emit_beginning (start->container, start->supervisor);
    send_start (start);
  }
  if (start->error)
    stop_waiting (start);
  if (start->error && start->pending == 0)
    undo_start (start);
}

/* It waits for its turn no more. */
static void
leave_queue (Start *start)
{
  bothy_per_user_stop_waiting (start->runner->starts, start);
  g_hash_table_remove (start->runner->queued, start->container);
}

/* A supervisor that stands still, or starts of the same user's that do. */
static gboolean
on_deadline (gpointer user_data)
{
  Start *start = user_data;

  start->timer = 0;
  fail_start (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "it took longer than %d seconds",
                                  START_SECONDS));
  if (!start->has_turn)
    leave_queue (start);
  advance_start (start);
  return G_SOURCE_REMOVE;
}

static gboolean
make_sockets (Start *start, GError **error)
{
  g_autoptr (GSocket) ours = NULL;

  start->listen_fd = bothy_supervisor_socket_listen (start->runner->sockets_fd, start->container->id);
  if (start->listen_fd < 0) {
    bothy_error_set_errno (error, errno, RUNTIME_DIR "/supervisors");
    return FALSE;
  }
  if (!bothy_packet_socketpair (&ours, &start->their_fd, error))
    return FALSE;
  start->supervisor = bothy_supervisor_new (ours, start->container->owner);
  return TRUE;
}

static void
request_all (Start *start)
{
  request_namespaces (start);
  request_group (start);
  request_mounts (start);
  request_accounts (start);
}

/* Two overlays must never write into one directory. */
static void
on_tree_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Start *start = user_data;
  GError *error = NULL;

  start->pending--;
  if (!bothy_trees_close_finish (BOTHY_TREES (source), result, &error))
    fail_start (start, error);
  if (!start->error)
    request_all (start);
  advance_start (start);
}

static void
begin_start (gpointer data)
{
  Start *start = data;
  const BothyContainer *container = start->container;
  GError *error = NULL;

  start->has_turn = TRUE;
  g_hash_table_remove (start->runner->queued, container);
  if (!bothy_conflicts_check_listed (container->range_base, BOTHY_RANGE_SIZE, &error) ||
      !make_sockets (start, &error)) {
    fail_start (start, error);
    undo_start (start);
    return;
  }
  BOTHY_FAULT_POINT ("start.listening");
  if (bothy_container_wants_network (container))
    bothy_network_prepare (start->runner->network);
  if (*container->tree) {
    start->pending++;
    bothy_trees_close (start->runner->trees, start->container, FALSE, on_tree_closed, start);
  } else
    request_all (start);
}

void
bothy_runner_start (BothyRunner *self,
                    BothyContainer *container,
                    GUnixFDList *stdio,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  Start *start = g_new0 (Start, 1);

  start->runner = g_object_ref (self);
  start->container = g_object_ref (container);
  start->task = g_task_new (self, NULL, callback, user_data);
  start->stdio = stdio ? g_object_ref (stdio) : NULL;
  start->listen_fd = start->their_fd = -1;
  start->timer = g_timeout_add_seconds (START_SECONDS, on_deadline, start);
  bothy_container_set_starting (container);
  g_hash_table_insert (self->queued, container, start);
  bothy_per_user_wait (self->starts, container->owner, begin_start, start);
}

gboolean
bothy_runner_is_start_queued (BothyRunner *self, const BothyContainer *container)
{
  return g_hash_table_contains (self->queued, container);
}

void
bothy_runner_take_start_back (BothyRunner *self, BothyContainer *container, BothyStateReason reason)
{
  Start *start = g_hash_table_lookup (self->queued, container);

  g_return_if_fail (start);
  leave_queue (start);
  bothy_container_set_not_started (container, reason);
  bothy_runner_save (self, container);
  g_task_return_new_error (start->task, BOTHY_ERROR, BOTHY_ERROR_CANCELLED,
                           "Container %s: it was stopped while its start waited for others",
                           container->spec->name);
  start_free (start);
}

gboolean
bothy_runner_start_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
