/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/runner-private.h"

#include "config.h"
#include "core/error.h"
#include "core/fault.h"
#include "core/join.h"
#include "platform/fd.h"
#include "platform/packet.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OOM_MESSAGE_ID "5a6d1b0d7e1f4b0f9b6f3a1c0e8d2c47"
#define KILL_SECONDS 5 /* from "kill" to "kill the whole group" */

G_DEFINE_FINAL_TYPE (BothyRunner, bothy_runner, G_TYPE_OBJECT)

char *
bothy_runner_socket_path (BothyContainer *container)
{
  return g_strconcat (RUNTIME_DIR "/supervisors/", container->id, NULL);
}

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

  bothy_limits_of_user (self->configuration, &spec.of_user);
  bothy_cgroups_prepare (self->cgroups, &spec);
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

static void
set_outcome (BothyContainer *container)
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

static void
on_joined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  bothy_join_finish (result);
}

void
bothy_runner_join_network (BothyRunner *self, BothyContainer *container)
{
  if (container->supervisor && bothy_container_wants_network (container))
    bothy_join_again (self->network, self->admission, container, container->supervisor, on_joined, NULL);
}

void
bothy_runner_leave_network (BothyRunner *self, BothyContainer *container)
{
  const char *none[] = { NULL };

  if (*container->nic)
    bothy_network_detach (self->network, container->nic, container->owner);
  bothy_container_set_nic (container, "");
  bothy_container_set_network (container, none, "");
}

/* The supervisor is gone, and its end of the pid namespace took all others along. */
static void
on_closed (BothySupervisor *supervisor, gpointer user_data)
{
  g_autoptr (BothyContainer) container = g_object_ref (user_data);
  BothyRunner *self = g_object_get_data (G_OBJECT (supervisor), "runner");
  g_autofree char *path = bothy_runner_socket_path (container);

  g_object_ref (self);
  g_signal_handlers_disconnect_by_data (supervisor, container);
  bothy_oom_check (container->oom);
  g_clear_pointer (&container->oom, bothy_oom_free);
  /* Also when it said that all have ended: it could have been lying. */
  bothy_cgroups_kill (self->cgroups, container->group);
  bothy_cgroups_remove (self->cgroups, container->group);
  g_clear_object (&container->supervisor);
  container->group = (g_free (container->group), g_strdup (""));
  bothy_runner_set_leader (container, 0);
  bothy_runner_leave_network (self, container);
  container->stopped_at = g_get_real_time ();
  set_outcome (container);
  bothy_runner_save (self, container);
  BOTHY_FAULT_POINT ("stop.ended");
  unlink (path);
  bothy_container_emit_changed (container);
  g_signal_emit_by_name (container, "ended");
  g_object_unref (self);
}

static void
on_exited (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
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
  g_signal_connect (supervisor, "exited", G_CALLBACK (on_exited), container);
  g_signal_connect (supervisor, "closed", G_CALLBACK (on_closed), container);
}

/* ---- stop ---- */

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  gulong ended;
  guint timer;
  gboolean killed;
} Stop;

static void
stop_free (Stop *stop)
{
  if (stop->timer)
    g_source_remove (stop->timer);
  g_signal_handler_disconnect (stop->container, stop->ended);
  g_object_unref (stop->container);
  g_object_unref (stop->runner);
  g_free (stop);
}

static void
on_ended (BothyContainer *container, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;

  g_task_return_boolean (task, TRUE);
}

static void
on_sent (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error))
    g_debug ("A supervisor did not take a signal: %s", error->message);
}

static void
tell (BothyContainer *container, enum supervisor_message_type type, int value)
{
  struct supervisor_message message = { .type = type, .value = value };

  if (container->supervisor)
    bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_sent, NULL);
}

static gboolean
on_timeout (gpointer user_data)
{
  Stop *stop = user_data;

  stop->timer = 0;
  if (stop->killed) {
    bothy_cgroups_kill (stop->runner->cgroups, stop->container->group);
    return G_SOURCE_REMOVE;
  }
  stop->killed = TRUE;
  tell (stop->container, SUPERVISOR_KILL_ALL, 0);
  stop->timer = g_timeout_add_seconds (KILL_SECONDS, on_timeout, stop);
  return G_SOURCE_REMOVE;
}

void
bothy_runner_stop (BothyRunner *self,
                   BothyContainer *container,
                   guint timeout,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Stop *stop = g_new0 (Stop, 1);
  gboolean frozen = container->state == BOTHY_CONTAINER_FROZEN;

  stop->runner = g_object_ref (self);
  stop->container = g_object_ref (container);
  stop->ended = g_signal_connect (container, "ended", G_CALLBACK (on_ended), task);
  g_task_set_task_data (task, stop, (GDestroyNotify)stop_free);
  container->stopping = TRUE;
  bothy_container_set_state (container, BOTHY_CONTAINER_STOPPING);
  BOTHY_FAULT_POINT ("stop.asked");
  if (timeout == 0) {
    on_timeout (stop);
    return;
  }
  if (frozen)
    tell (container, SUPERVISOR_THAW, 0);
  tell (container, SUPERVISOR_SIGNAL, container->shutdown_signal);
  stop->timer = g_timeout_add_seconds (timeout, on_timeout, stop);
}

gboolean
bothy_runner_stop_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
bothy_runner_limit (BothyRunner *self, BothyContainer *container, GAsyncReadyCallback callback, gpointer user_data)
{
  bothy_cgroups_limit (self->cgroups, container->group, &container->limits, callback, user_data);
}

/* ---- freeze ---- */

static void
on_frozen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyContainer *container = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean done = bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error);
  gboolean frozen = container->state == BOTHY_CONTAINER_FREEZING ? done : !done;

  if (bothy_container_is_active (container))
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

/* ---- adopt ---- */

#define HELLO_SECONDS 5

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  BothySupervisor *supervisor;
  guint timer;
} Adopt;

static void
adopt_free (Adopt *adopt)
{
  if (adopt->timer)
    g_source_remove (adopt->timer);
  g_signal_handlers_disconnect_by_data (adopt->supervisor, adopt);
  g_object_unref (adopt->supervisor);
  g_object_unref (adopt->container);
  g_object_unref (adopt->runner);
  g_free (adopt);
}

/* Its supervisor may name any process: it has to be in the container's group. */
static void
find_leader (BothyContainer *container, int pid)
{
  g_autofree char *group = bothy_cgroups_of_process ((guint32) pid);

  bothy_runner_set_leader (container, group && bothy_cgroups_is_within (group, container->group) ? pid : 0);
}

/* "ID PID" each, of programs that an earlier broker put into the container. */
static void
find_processes (BothyContainer *container, const struct supervisor_message *message)
{
  const char *text = (const char *)(message + 1), *end = text + message->text_size;

  for (guint i = 0; i < message->n_argv && text < end; i++, text += strlen (text) + 1) {
    unsigned int id, pid;

    if (sscanf (text, "%u %u", &id, &pid) == 2)
      g_signal_emit_by_name (container, "process-found", id, pid);
  }
}

/* Nothing of an earlier run may go on beside the next one. */
static void
end_earlier_run (BothyRunner *self, BothyContainer *container)
{
  if (!*container->group)
    return;
  bothy_cgroups_kill (self->cgroups, container->group);
  bothy_cgroups_remove (self->cgroups, container->group);
  container->group = (g_free (container->group), g_strdup (""));
}

/* When the broker before us was there last. A start that was not finished is no run. */
static gboolean
was_running (const BothyContainer *container)
{
  return *container->group && container->started_at > container->stopped_at;
}

/* It ended, and how, nobody saw. */
static void
note_unseen_end (BothyRunner *self, BothyContainer *container)
{
  end_earlier_run (self, container);
  container->stopped_at = g_get_real_time ();
  set_outcome (container);
  bothy_runner_save (self, container);
}

/* The supervisor is just ending, or stands still, or loops. */
static void
adopt_none (GTask *task)
{
  Adopt *adopt = g_task_get_task_data (task);
  BothyContainer *container = adopt->container;
  g_autofree char *path = bothy_runner_socket_path (container);

  g_signal_handlers_disconnect_by_data (adopt->supervisor, task);
  g_signal_handlers_disconnect_by_data (adopt->supervisor, container);
  bothy_supervisor_close (adopt->supervisor);
  if (was_running (container) || container->exited)
    note_unseen_end (adopt->runner, container);
  else
    end_earlier_run (adopt->runner, container);
  unlink (path);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_cgroups_limit_finish (BOTHY_CGROUPS (source), result, &error))
    g_debug ("Limits of a container that was found: %s", error->message);
}

static void
on_hello (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
{
  GTask *task = user_data;
  Adopt *adopt = g_task_get_task_data (task);
  BothyContainer *container = adopt->container;

  if (message->state == SUPERVISOR_STATE_EXITED) {
    /* EXITED follows at once, and then "closed" or the timeout: until then it may not be deleted. */
    g_signal_connect (supervisor, "exited", G_CALLBACK (on_exited), container);
    return;
  }
  if (message->state != SUPERVISOR_STATE_RUNNING && message->state != SUPERVISOR_STATE_FROZEN) {
    /* Half started; left alone, it ends. */
    adopt_none (task);
    return;
  }
  g_signal_handlers_disconnect_by_data (supervisor, task);
  container->shutdown_signal = container->spec->stop_signal ? container->spec->stop_signal : message->value;
  find_leader (container, message->pid);
  bothy_runner_follow (adopt->runner, container, supervisor);
  container->state =
      message->state == SUPERVISOR_STATE_FROZEN ? BOTHY_CONTAINER_FROZEN : BOTHY_CONTAINER_RUNNING;
  find_processes (container, message);
  /* An earlier broker may have written them down, and no more. */
  bothy_runner_limit (adopt->runner, container, on_limited, NULL);
  bothy_runner_join_network (adopt->runner, container);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_no_hello (BothySupervisor *supervisor, gpointer user_data)
{
  adopt_none (user_data);
}

static gboolean
on_adopt_timeout (gpointer user_data)
{
  ((Adopt *)g_task_get_task_data (user_data))->timer = 0;
  adopt_none (user_data);
  return G_SOURCE_REMOVE;
}

void
bothy_runner_adopt (BothyRunner *self,
                    BothyContainer *container,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  g_autofree char *path = bothy_runner_socket_path (container);
  g_autoptr (GSocket) socket = bothy_packet_connect (path, NULL);
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Adopt *adopt;

  if (!socket) {
    /* A supervisor waits for a broker to tell it how the container ended, and its socket stays: unless the machine
       went down, it was killed. */
    if (was_running (container) && g_file_test (path, G_FILE_TEST_EXISTS))
      note_unseen_end (self, container);
    end_earlier_run (self, container);
    unlink (path);
    g_task_return_boolean (task, FALSE);
    g_object_unref (task);
    return;
  }
  adopt = g_new0 (Adopt, 1);
  adopt->runner = g_object_ref (self);
  adopt->container = g_object_ref (container);
  adopt->supervisor = bothy_supervisor_new (socket);
  adopt->timer = g_timeout_add_seconds (HELLO_SECONDS, on_adopt_timeout, task);
  g_task_set_task_data (task, adopt, (GDestroyNotify)adopt_free);
  g_signal_connect (adopt->supervisor, "hello", G_CALLBACK (on_hello), task);
  g_signal_connect (adopt->supervisor, "closed", G_CALLBACK (on_no_hello), task);
}

void
bothy_runner_adopt_finish (BothyRunner *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
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
bothy_runner_new (BothyHelper *helper, BothyCgroups *cgroups, BothyNetwork *network, BothyAdmission *admission,
                  const BothyConfiguration *configuration, BothyImages *images, int state_dirfd)
{
  BothyRunner *self = g_object_new (BOTHY_TYPE_RUNNER, NULL);

  self->helper = g_object_ref (helper);
  self->cgroups = g_object_ref (cgroups);
  self->network = g_object_ref (network);
  self->admission = admission;
  self->configuration = configuration;
  self->images = g_object_ref (images);
  self->state_dirfd = state_dirfd;
  self->filter_fd = open (LIBEXEC_DIR "/default.bpf", O_RDONLY | O_CLOEXEC);
  self->nesting_filter_fd = open (LIBEXEC_DIR "/nesting.bpf", O_RDONLY | O_CLOEXEC);
  return self;
}
