/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/runner-private.h"

#include "config.h"
#include "base/fault.h"
#include "base/fd.h"
#include "storage/record.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DESCRIBE_SECONDS 2

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

void
bothy_runner_set_leader (BothyContainer *container, int pid)
{
  container->leader = pid > 0 ? (guint32)pid : 0;
  container->leader_pidfd_id = pid > 0 ? pidfd_id (pid) : 0;
}

BothyCgroupSpec
bothy_runner_group_spec (BothyRunner *self, const BothyContainer *container)
{
  BothyCgroupSpec spec = {
    .owner = container->owner, .base = container->range_base, .id = container->id, .limits = container->limits
  };

  bothy_limits_of_user (self->configuration, &spec.of_user);
  return spec;
}

void
bothy_runner_prepare (BothyRunner *self, guint32 owner)
{
  BothyCgroupSpec spec = { .owner = owner };
  const BothyCgroupLimits unsaid = { 0 };

  bothy_limits_effective (&unsaid, self->configuration, &spec.limits);
  bothy_limits_of_user (self->configuration, &spec.of_user);
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

/* How it went is written down without waiting for the disk: after a power cut nothing runs anyway. */
void
bothy_runner_save (BothyRunner *self, BothyContainer *container)
{
  autofd dir = openat (self->state_dirfd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GKeyFile) record = bothy_container_to_record (container);
  g_autoptr (GError) error = NULL;

  if (dir >= 0 && !bothy_record_write (dir, "container", record, BOTHY_RECORD_VOLATILE, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

/* What a person should know when the first process may have been among them. */
static char *
describe_oom (const BothyContainer *container)
{
  return g_strdup_printf ("Out of memory: the kernel killed %" G_GUINT64_FORMAT
                          " of its processes; \"bothy limit\" shows what it may use",
                          container->oom_kills);
}

static void
on_out_of_memory (guint64 kills, gpointer user_data)
{
  g_autoptr (BothyContainer) container = g_object_ref (user_data);
  g_autofree char *text = NULL;

  container->oom_kills += kills;
  container->last_error = (g_free (container->last_error), describe_oom (container));
  text = g_strdup_printf ("Container %s of user %u: the kernel killed %" G_GUINT64_FORMAT
                          " of its processes for want of memory",
                          container->spec->name, container->owner, kills);
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "MESSAGE_ID", OOM_MESSAGE_ID, "BOTHY_CONTAINER",
                    container->spec->name, "BOTHY_CONTAINER_ID", container->id, "BOTHY_CONTROL_GROUP",
                    container->group, "MESSAGE", "%s", text);
  g_signal_emit_by_name (container, "out-of-memory", kills);
  bothy_container_emit_changed (container);
}

void
bothy_runner_set_outcome (BothyContainer *container)
{
  gboolean as_asked =
      container->stopping || container->reboot || (container->exited && !container->last_signal);

  g_free (container->last_error);
  if (as_asked)
    container->last_error = g_strdup ("");
  else if (container->oom_kills > 0 && container->last_signal == SIGKILL)
    container->last_error = describe_oom (container);
  else if (container->exited)
    container->last_error =
        g_strdup_printf ("The first process was killed by signal %d", container->last_signal);
  else
    container->last_error = g_strdup ("The container's supervisor was killed");
  if (!container->exited) {
    container->last_code = 0;
    container->last_signal = SIGKILL;
  }
  container->state = as_asked ? BOTHY_CONTAINER_STOPPED : BOTHY_CONTAINER_FAILED;
}

/* The supervisor is gone, and its end of the pid namespace took all others along. */
static void
on_closed (BothySupervisor *supervisor, gpointer user_data)
{
  g_autoptr (BothyContainer) container = g_object_ref (user_data);
  BothyRunner *self = g_object_get_data (G_OBJECT (supervisor), "runner");

  g_object_ref (self);
  g_signal_handlers_disconnect_by_data (supervisor, container);
  bothy_oom_check (container->oom);
  g_clear_pointer (&container->oom, bothy_oom_free);
  /* Also when it said that all have ended: it could have been lying. */
  bothy_cgroup_manager_kill (self->cgroups, container->group);
  bothy_cgroup_manager_remove (self->cgroups, container->group);
  g_clear_object (&container->supervisor);
  container->group = (g_free (container->group), g_strdup (""));
  bothy_runner_set_leader (container, 0);
  bothy_runner_leave_network (self, container);
  container->stopped_at = g_get_real_time ();
  bothy_runner_set_outcome (container);
  bothy_runner_save (self, container);
  BOTHY_FAULT_POINT ("stop.ended");
  bothy_runner_forget_socket (self, container);
  bothy_container_emit_changed (container);
  g_signal_emit_by_name (container, "ended");
  g_object_unref (self);
}

void
bothy_runner_note_exit (BothySupervisor *supervisor,
                        const struct supervisor_message *message,
                        gpointer user_data)
{
  BothyContainer *container = user_data;

  container->exited = TRUE;
  container->last_code = message->code;
  container->last_signal = message->signal;
  container->reboot = (message->flags & SUPERVISOR_FLAG_REBOOT) != 0;
  /* While the group is there still. */
  bothy_oom_check (container->oom);
}

void
bothy_runner_follow (BothyRunner *self, BothyContainer *container, BothySupervisor *supervisor)
{
  container->supervisor = g_object_ref (supervisor);
  container->oom_kills = 0;
  container->oom = bothy_oom_new (container->group, on_out_of_memory, container);
  g_object_set_data_full (G_OBJECT (supervisor), "runner", g_object_ref (self), g_object_unref);
  g_signal_connect (supervisor, "exited", G_CALLBACK (bothy_runner_note_exit), container);
  g_signal_connect (supervisor, "closed", G_CALLBACK (on_closed), container);
}

void
bothy_runner_limit (BothyRunner *self,
                    BothyContainer *container,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  bothy_cgroup_manager_limit (self->cgroups, container->group, &container->limits, callback, user_data);
}

static void
bothy_runner_finalize (GObject *object)
{
  BothyRunner *self = BOTHY_RUNNER (object);

  bothy_clear_fd (&self->filter_fd);
  bothy_clear_fd (&self->nesting_filter_fd);
  g_object_unref (self->helper);
  g_object_unref (self->cgroups);
  g_object_unref (self->network);
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
                  const BothyConfiguration *configuration,
                  BothyImageStore *images,
                  int state_dirfd,
                  int sockets_dirfd)
{
  BothyRunner *self = g_object_new (BOTHY_TYPE_RUNNER, NULL);

  self->helper = g_object_ref (helper);
  self->cgroups = g_object_ref (cgroups);
  self->network = g_object_ref (network);
  self->admission = admission;
  self->configuration = configuration;
  self->images = g_object_ref (images);
  self->state_dirfd = state_dirfd;
  self->sockets_dirfd = sockets_dirfd;
  self->filter_fd = open (LIBEXEC_DIR "/default.bpf", O_RDONLY | O_CLOEXEC);
  self->nesting_filter_fd = open (LIBEXEC_DIR "/nesting.bpf", O_RDONLY | O_CLOEXEC);
  return self;
}
