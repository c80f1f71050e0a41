/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/runner-private.h"

#include "base/fault.h"
#include "base/fd.h"
#include "config.h"
#include "core/container/container-record.h"
#include "core/container/history.h"
#include "core/container/supervisor-sockets.h"
#include "platform/oom.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DESCRIBE_SECONDS 2

/* Starts that are under way at once, of one user and of all; more of them wait for these. Each may have a file descriptor open for
   each layer and each mount, some three hundred, and what hangs of a user's may keep it for two minutes: all together
   have a fourth of the table of 65,536 (LimitNOFILE= of the unit). */
#define MAX_STARTS_EACH 8
#define MAX_STARTS      56

#define OOM_MESSAGE_ID "5a6d1b0d7e1f4b0f9b6f3a1c0e8d2c47"

G_DEFINE_FINAL_TYPE (BothyRunner, bothy_runner, G_TYPE_OBJECT)

/* The inode of a pidfd names a process for as long as the machine is up; pidfds have
   inodes of their own from Linux 6.9 on, on a file system of their own. */
static guint64
pidfd_id (int pid)
{
  autofd pidfd = (int)syscall (SYS_pidfd_open, pid, 0);
  struct stat st;
  struct stat other;
  autofd eventfd = (int)syscall (SYS_eventfd2, 0, O_CLOEXEC);

  if (pidfd < 0 || eventfd < 0 || fstat (pidfd, &st) < 0 || fstat (eventfd, &other) < 0)
    return 0;
  return st.st_dev == other.st_dev ? 0 : (guint64)st.st_ino;
}

BothyCgroupSpec
bothy_runner_group_spec (BothyRunner *self, const BothyContainer *container)
{
  BothyCgroupSpec spec = {
    .owner = container->owner, .base = container->range_base, .id = container->id, .limits = container->limits
  };

  bothy_limits_of_user (bothy_ceilings_for (self->ceilings, spec.owner), &spec.of_user);
  return spec;
}

void
bothy_runner_prepare_group (BothyRunner *self, guint32 owner)
{
  BothyCgroupSpec spec = { .owner = owner };
  const BothyCgroupLimits unsaid = { 0 };

  bothy_limits_effective (&unsaid, bothy_ceilings_for (self->ceilings, owner), &spec.limits);
  bothy_limits_of_user (bothy_ceilings_for (self->ceilings, spec.owner), &spec.of_user);
  bothy_cgroup_manager_prepare (self->cgroups, &spec);
}

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  char *group;
} Description;

static void
description_free (gpointer data)
{
  Description *self = data;

  g_object_unref (self->runner);
  g_object_unref (self->container);
  g_free (self->group);
  g_free (self);
}

static gboolean
on_describe (gpointer user_data)
{
  Description *self = user_data;

  if (g_str_equal (self->container->group, self->group))
    bothy_cgroup_manager_describe (self->runner->cgroups, self->group, self->container->id);
  return G_SOURCE_REMOVE;
}

void
bothy_runner_describe_group (BothyRunner *self, BothyContainer *container)
{
  Description *description = g_new0 (Description, 1);

  description->runner = g_object_ref (self);
  description->container = g_object_ref (container);
  description->group = g_strdup (container->group);
  g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, DESCRIBE_SECONDS, on_describe, description,
                              description_free);
}

void
bothy_runner_save (BothyRunner *self, BothyContainer *container)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_container_record_save (container, self->containers_fd, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

void
bothy_runner_kill_group (BothyRunner *self, BothyContainer *container)
{
  bothy_cgroup_manager_kill (self->cgroups, container->group);
  bothy_cgroup_manager_remove (self->cgroups, container->group);
}

/* ---- following a run ---- */

/* A container that runs. */
typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  BothySupervisor *supervisor;
  BothyOom *oom; /* of the control group, or NULL */
} Run;

static void
run_free (Run *run)
{
  g_signal_handlers_disconnect_by_data (run->supervisor, run);
  g_clear_pointer (&run->oom, bothy_oom_free);
  g_object_unref (run->supervisor);
  g_object_unref (run->container);
  g_object_unref (run->runner);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
on_out_of_memory (guint64 kills, gpointer user_data)
{
  const Run *run = user_data;
  g_autoptr (BothyContainer) container = g_object_ref (run->container);
  g_autofree char *text = g_strdup_printf ("Container %s of user %u: the kernel killed %" G_GUINT64_FORMAT
                                           " of its processes for want of memory",
                                           container->spec->name, container->owner, kills);

  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "MESSAGE_ID", OOM_MESSAGE_ID, "BOTHY_CONTAINER",
                    container->spec->name, "BOTHY_ID", container->id, "BOTHY_CONTROL_GROUP", container->group,
                    "MESSAGE", "%s", text);
  bothy_container_add_oom_kills (container, kills);
}

static void
on_exited (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
{
  const Run *run = user_data;

  bothy_container_set_exited (run->container, message->code, message->signal,
                              (message->flags & SUPERVISOR_FLAG_REBOOT) != 0);
  /* While the group is there still. */
  bothy_oom_check (run->oom);
}

/* The supervisor is gone, and its end of the pid namespace took all others along. */
static void
on_closed (BothySupervisor *supervisor, gpointer user_data)
{
  g_autoptr (Run) run = user_data;
  BothyContainer *container = run->container;
  BothyRunner *self = run->runner;

  bothy_oom_check (run->oom);
  g_clear_pointer (&run->oom, bothy_oom_free);
  /* Also when it said that all have ended: it could have been lying. */
  bothy_runner_kill_group (self, container);
  bothy_container_set_ended (container);
  bothy_history_note_end (self->containers_fd, container);
  bothy_network_repair_end (self->repair, container);
  bothy_plugs_end (self->plugs, container);
  bothy_runner_save (self, container);
  BOTHY_FAULT_POINT ("stop.ended");
  bothy_supervisor_socket_remove (self->sockets_fd, container->id);
  bothy_container_emit_ended (container);
}

void
bothy_runner_follow (BothyRunner *self,
                     BothyContainer *container,
                     BothySupervisor *supervisor,
                     int leader,
                     int shutdown_signal)
{
  Run *run = g_new0 (Run, 1);

  run->runner = g_object_ref (self);
  run->container = g_object_ref (container);
  run->supervisor = g_object_ref (supervisor);
  run->oom = bothy_oom_new (container->group, on_out_of_memory, run);
  g_signal_connect (supervisor, "exited", G_CALLBACK (on_exited), run);
  g_signal_connect (supervisor, "closed", G_CALLBACK (on_closed), run);
  bothy_container_set_running (container, supervisor, leader > 0 ? (guint32)leader : 0,
                               leader > 0 ? pidfd_id (leader) : 0, shutdown_signal);
}

/* ---- what is done to one that runs ---- */

void
bothy_runner_limit (BothyRunner *self,
                    BothyContainer *container,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  bothy_cgroup_manager_limit (self->cgroups, container->group, &container->limits, callback, user_data);
}

static gboolean
is_frozen_or_about_to_be (const BothyContainer *container)
{
  return container->state == BOTHY_CONTAINER_FREEZING || container->state == BOTHY_CONTAINER_FROZEN;
}

static void
on_frozen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyContainer *container = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean done = bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error);
  gboolean frozen = container->state == BOTHY_CONTAINER_FREEZING ? done : !done;

  /* One that is being stopped meanwhile goes on with that. */
  if (is_frozen_or_about_to_be (container))
    bothy_container_set_state (container, frozen ? BOTHY_CONTAINER_FROZEN : BOTHY_CONTAINER_RUNNING);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_runner_freeze (BothyRunner *self,
                     BothyContainer *container,
                     gboolean freeze,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  struct supervisor_message message = { .type = freeze ? SUPERVISOR_FREEZE : SUPERVISOR_THAW };
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_task_data (task, g_object_ref (container), g_object_unref);
  if (freeze)
    bothy_container_set_state (container, BOTHY_CONTAINER_FREEZING);
  bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_frozen, task);
}

gboolean
bothy_runner_freeze_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
bothy_runner_may_reboot (BothyRunner *self, BothyContainer *container)
{
  gboolean may = bothy_container_count_reboot (container);

  if (!may)
    bothy_runner_save (self, container);
  return may;
}

BothyNetworkRepair *
bothy_runner_get_repair (BothyRunner *self)
{
  return self->repair;
}

BothyTrees *
bothy_runner_get_trees (BothyRunner *self)
{
  return self->trees;
}

BothyPlugs *
bothy_runner_get_plugs (BothyRunner *self)
{
  return self->plugs;
}

static void
bothy_runner_finalize (GObject *object)
{
  BothyRunner *self = BOTHY_RUNNER (object);

  bothy_clear_fd (&self->filter_fd);
  bothy_clear_fd (&self->nesting_filter_fd);
  g_object_unref (self->helper);
  g_object_unref (self->cgroups);
  bothy_per_user_free (self->starts);
  g_hash_table_unref (self->queued);
  g_object_unref (self->repair);
  g_object_unref (self->plugs);
  g_object_unref (self->trees);
  g_object_unref (self->network);
  g_object_unref (self->volumes);
  g_object_unref (self->uppers);
  g_object_unref (self->images);
  G_OBJECT_CLASS (bothy_runner_parent_class)->finalize (object);
}

static void
bothy_runner_class_init (BothyRunnerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_runner_finalize;
}

static void
bothy_runner_init (BothyRunner *self)
{
}

BothyRunner *
bothy_runner_new (BothyHelperClient *helper,
                  BothyCgroupManager *cgroups,
                  BothyNetwork *network,
                  BothyAdmission *admission,
                  BothyCeilings *ceilings,
                  BothyImageStore *images,
                  BothyUppers *uppers,
                  BothyVolumes *volumes,
                  int containers_fd,
                  int sockets_fd)
{
  BothyRunner *self = g_object_new (BOTHY_TYPE_RUNNER, NULL);
  g_autoptr (BothyDeviceMonitor) monitor = bothy_device_monitor_new (!bothy_cgroup_manager_is_systemd ());

  self->helper = g_object_ref (helper);
  self->cgroups = g_object_ref (cgroups);
  self->network = g_object_ref (network);
  self->admission = admission;
  self->starts = bothy_per_user_new (MAX_STARTS_EACH, MAX_STARTS);
  self->queued = g_hash_table_new (NULL, NULL);
  self->plugs = bothy_plugs_new (helper, monitor);
  self->trees = bothy_trees_new (helper, images, uppers);
  self->repair = bothy_network_repair_new (network, admission);
  self->ceilings = ceilings;
  self->images = g_object_ref (images);
  self->uppers = g_object_ref (uppers);
  self->volumes = g_object_ref (volumes);
  self->containers_fd = containers_fd;
  self->sockets_fd = sockets_fd;
  self->filter_fd = open (LIBEXEC_DIR "/default.bpf", O_RDONLY | O_CLOEXEC);
  self->nesting_filter_fd = open (LIBEXEC_DIR "/nesting.bpf", O_RDONLY | O_CLOEXEC);
  return self;
}
