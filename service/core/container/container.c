/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/container.h"

#include "base/error.h"
#include "core/container/limits.h"
#include "network/egress.h"
#include "platform/cgroup-manager.h"

#include <signal.h>

#define MAX_REBOOTS    10 /* within REBOOT_SECONDS */
#define REBOOT_SECONDS 10

G_DEFINE_FINAL_TYPE (BothyContainer, bothy_container, G_TYPE_OBJECT)

enum { CHANGED, BEGINNING, READDRESSED, ENDED, SETTLED, OUT_OF_MEMORY, PROCESS_FOUND, N_SIGNALS };
static guint signals[N_SIGNALS];

void
bothy_container_spec_free (BothyContainerSpec *spec)
{
  g_free (spec->name);
  g_free (spec->image);
  g_free (spec->hostname);
  g_strfreev (spec->command);
  g_strfreev (spec->entrypoint);
  g_strfreev (spec->environment);
  g_free (spec->user);
  g_free (spec->working_directory);
  g_strfreev (spec->sysctls);
  g_free (spec->account);
  g_clear_pointer (&spec->network, bothy_container_network_free);
  g_clear_pointer (&spec->ports, g_array_unref);
  g_clear_pointer (&spec->mounts, g_ptr_array_unref);
  g_clear_pointer (&spec->devices, g_ptr_array_unref);
  g_strfreev (spec->egress);
  bothy_autostart_clear (&spec->autostart);
  bothy_health_check_clear (&spec->health);
  g_free (spec);
}

static BothyContainerNetwork *
copy_network (const BothyContainerNetwork *network)
{
  BothyContainerNetwork *copy = g_new0 (BothyContainerNetwork, 1);

  copy->kind = network->kind;
  copy->bridge = g_strdup (network->bridge);
  copy->resolvers = g_strdupv (network->resolvers);
  return copy;
}

gboolean
bothy_container_spec_names_volume (const BothyContainerSpec *spec, const char *id)
{
  for (guint i = 0; spec->mounts && i < spec->mounts->len; i++) {
    if (g_strcmp0 (((const BothyMount *)spec->mounts->pdata[i])->volume, id) == 0)
      return TRUE;
  }
  return FALSE;
}

static GPtrArray *
copy_mounts (GPtrArray *mounts)
{
  GPtrArray *copy = bothy_mounts_new ();

  for (guint i = 0; i < mounts->len; i++) {
    const BothyMount *mount = mounts->pdata[i];

    if (!mount->unsettled)
      bothy_mounts_add (copy, bothy_mount_copy (mount));
  }
  return copy;
}

BothyContainerSpec *
bothy_container_spec_copy (const BothyContainerSpec *spec, const char *name)
{
  BothyContainerSpec *copy = g_new0 (BothyContainerSpec, 1);

  copy->name = g_strdup (name);
  copy->image = g_strdup (spec->image);
  copy->hostname = g_strdup (name);
  copy->command = g_strdupv (spec->command);
  copy->environment = g_strdupv (spec->environment);
  copy->user = g_strdup (spec->user);
  copy->working_directory = g_strdup (spec->working_directory);
  copy->stop_signal = spec->stop_signal;
  copy->sysctls = g_strdupv (spec->sysctls);
  copy->shm_size = spec->shm_size;
  copy->account = g_strdup (spec->account);
  copy->nesting = spec->nesting;
  copy->network = copy_network (spec->network);
  copy->mounts = copy_mounts (spec->mounts);
  copy->devices = bothy_devices_new ();
  copy->egress = g_strdupv (spec->egress);
  copy->limits = spec->limits;
  bothy_health_check_copy (&copy->health, &spec->health);
  return copy;
}

const char *
bothy_container_state_name (BothyContainerState state)
{
  switch (state) {
  case BOTHY_CONTAINER_STOPPED:
    return "stopped";
  case BOTHY_CONTAINER_STARTING:
    return "starting";
  case BOTHY_CONTAINER_RUNNING:
    return "running";
  case BOTHY_CONTAINER_FREEZING:
    return "freezing";
  case BOTHY_CONTAINER_FROZEN:
    return "frozen";
  case BOTHY_CONTAINER_STOPPING:
    return "stopping";
  case BOTHY_CONTAINER_FAILED:
    return "failed";
  default:
    g_return_val_if_reached ("failed");
  }
}

static const char *const reasons[] = {
  "",        "asked",         "administrator", "autostart", "restart",   "exited",
  "crashed", "out-of-memory", "shutdown",      "unhealthy", "on-demand",
};

const char *
bothy_container_reason_name (BothyStateReason reason)
{
  g_return_val_if_fail (reason < G_N_ELEMENTS (reasons), "");
  return reasons[reason];
}

BothyStateReason
bothy_container_reason_from_name (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (reasons); i++) {
    if (g_str_equal (reasons[i], name))
      return (BothyStateReason)i;
  }
  return BOTHY_REASON_NONE;
}

gboolean
bothy_container_is_active (BothyContainer *self)
{
  return self->state != BOTHY_CONTAINER_STOPPED && self->state != BOTHY_CONTAINER_FAILED;
}

char *
bothy_container_nic_name (const BothyContainer *self)
{
  g_auto (GStrv) parts = g_strsplit (self->id, "-", -1);

  return g_strjoinv ("", parts);
}

gboolean
bothy_container_wants_network (const BothyContainer *self)
{
  return self->spec->network->kind != BOTHY_CONTAINER_NETWORK_NONE;
}

gboolean
bothy_container_begin (BothyContainer *self, const char *what, GError **error)
{
  if (self->busy) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                 "Container %s is busy: %s; try again when that is done", self->spec->name, self->busy);
    return FALSE;
  }
  self->busy = what;
  return TRUE;
}

gboolean
bothy_container_require_closed (const BothyContainer *self, GError **error)
{
  if (!*self->tree)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
               "The files of container %s are open for you; \"bothy files --unmount %s\" closes them",
               self->spec->name, self->spec->name);
  return FALSE;
}

void
bothy_container_end (BothyContainer *self)
{
  self->busy = NULL;
  self->yields = FALSE;
  g_signal_emit (self, signals[SETTLED], 0);
}

gboolean
bothy_container_require_running (BothyContainer *self, GError **error)
{
  if (self->state == BOTHY_CONTAINER_RUNNING && self->supervisor)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is %s, not running",
               self->spec->name, bothy_container_state_name (self->state));
  return FALSE;
}

/* ---- what it is ---- */

static void
emit_changed (BothyContainer *self)
{
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_container_set_name (BothyContainer *self, const char *name)
{
  char *old = self->spec->name;

  self->spec->name = g_strdup (name);
  g_free (old);
  emit_changed (self);
}

void
bothy_container_set_limits (BothyContainer *self,
                            const BothyCgroupLimits *limits,
                            const BothyCgroupLimits *effective,
                            const char *enforcement)
{
  self->spec->limits = *limits;
  self->limits = *effective;
  self->disk.enforcement = enforcement;
  emit_changed (self);
}

guint32
bothy_container_check_pid (const BothyContainer *self, gint32 pid)
{
  g_autofree char *group = pid > 0 ? bothy_cgroup_manager_of_process ((guint32)pid) : NULL;

  return group && bothy_cgroup_manager_is_within (group, self->group) ? (guint32)pid : 0;
}

const char *
bothy_container_get_disk_limits (const BothyContainer *self)
{
  gboolean told = self->disk.bytes == bothy_limits_disk_bound (&self->limits, BOTHY_LIMIT_DISK) &&
                  self->disk.inodes == bothy_limits_disk_bound (&self->limits, BOTHY_LIMIT_INODES);

  return !told && g_str_equal (self->disk.enforcement, "enforced") ? "pending" : self->disk.enforcement;
}

void
bothy_container_set_disk_bound (BothyContainer *self, guint32 project, guint64 bytes, guint64 inodes)
{
  self->disk.project = project;
  self->disk.bytes = bytes;
  self->disk.inodes = inodes;
  emit_changed (self);
}

void
bothy_container_set_below (BothyContainer *self, const char *below)
{
  char *old = self->files.below;

  self->files.below = g_strdup (below);
  g_free (old);
}

static void
take_snapshots (BothyContainer *self, GPtrArray *snapshots)
{
  g_ptr_array_unref (self->snapshots);
  self->snapshots = snapshots;
  emit_changed (self);
}

void
bothy_container_set_files (BothyContainer *self, const char *top, gboolean personal, GPtrArray *snapshots)
{
  char *old = self->files.top;

  self->files.fresh = self->files.fresh || !g_str_equal (old, top);
  self->files.top = g_strdup (top);
  self->files.personal = personal;
  g_free (old);
  take_snapshots (self, snapshots);
}

void
bothy_container_set_written (BothyContainer *self)
{
  self->files.fresh = FALSE;
}

void
bothy_container_set_held (BothyContainer *self, gboolean held)
{
  self->files.held = held;
}

void
bothy_container_put_files_back (BothyContainer *self, const BothyContainerFiles *files, GPtrArray *snapshots)
{
  char *old = self->files.top;

  self->files.top = g_strdup (files->top);
  self->files.fresh = files->fresh;
  self->files.personal = files->personal;
  g_free (old);
  take_snapshots (self, snapshots);
}

void
bothy_container_set_egress (BothyContainer *self, const char *const *egress)
{
  char **old = self->spec->egress;

  self->spec->egress = g_strdupv ((char **)egress);
  g_strfreev (old);
  emit_changed (self);
}

void
bothy_container_set_tree (BothyContainer *self, const char *path)
{
  char *old = self->tree;

  self->tree = g_strdup (path);
  g_free (old);
  emit_changed (self);
}

void
bothy_container_add_port (BothyContainer *self, const BothyPort *port)
{
  g_array_append_vals (self->spec->ports, port, 1);
  emit_changed (self);
}

void
bothy_container_remove_port (BothyContainer *self, const BothyPort *port)
{
  GArray *ports = self->spec->ports;
  BothyPort *found = bothy_port_find (ports, port);

  if (found)
    g_array_remove_index (ports, (guint)(found - &g_array_index (ports, BothyPort, 0)));
  emit_changed (self);
}

void
bothy_container_add_mount (BothyContainer *self, BothyMount *mount)
{
  bothy_mounts_add (self->spec->mounts, mount);
  emit_changed (self);
}

void
bothy_container_add_left (BothyContainer *self, const char *id)
{
  if (!g_ptr_array_find_with_equal_func (self->left, id, g_str_equal, NULL))
    g_ptr_array_add (self->left, g_strdup (id));
}

void
bothy_container_forget_left (BothyContainer *self)
{
  g_ptr_array_set_size (self->left, 0);
}

void
bothy_container_set_mount_unsettled (BothyContainer *self, const char *destination, gboolean unsettled)
{
  BothyMount *mount = bothy_mounts_find (self->spec->mounts, destination);

  if (mount)
    mount->unsettled = unsettled;
  emit_changed (self);
}

void
bothy_container_add_device (BothyContainer *self, BothyDevice *device)
{
  g_ptr_array_add (self->spec->devices, device);
  emit_changed (self);
}

void
bothy_container_set_device_settled (BothyContainer *self, const char *name)
{
  BothyDevice *device = bothy_devices_find (self->spec->devices, name);

  if (device)
    device->unsettled = FALSE;
  emit_changed (self);
}

void
bothy_container_remove_device (BothyContainer *self, const char *name)
{
  BothyDevice *device = bothy_devices_find (self->spec->devices, name);

  if (device)
    g_ptr_array_remove (self->spec->devices, device);
  emit_changed (self);
}

void
bothy_container_set_nodes (BothyContainer *self, GPtrArray *nodes)
{
  g_ptr_array_unref (self->nodes);
  self->nodes = nodes;
  emit_changed (self);
}

void
bothy_container_remove_mount (BothyContainer *self, const char *destination)
{
  BothyMount *mount = bothy_mounts_find (self->spec->mounts, destination);

  if (mount)
    g_ptr_array_remove (self->spec->mounts, mount);
  emit_changed (self);
}

void
bothy_container_set_autostart (BothyContainer *self, const BothyAutostart *autostart, const char *after)
{
  BothyAutostart old = self->spec->autostart;
  char *old_after = self->after;

  bothy_autostart_copy (&self->spec->autostart, autostart);
  self->after = g_strdup (after);
  bothy_autostart_clear (&old);
  g_free (old_after);
  emit_changed (self);
}

/* ---- starting unasked ---- */

guint
bothy_container_set_due (BothyContainer *self)
{
  static guint last;

  last = last == G_MAXUINT ? 1 : last + 1;
  self->due = last;
  return last;
}

void
bothy_container_clear_due (BothyContainer *self)
{
  gboolean was_due = self->due != 0;

  self->due = 0;
  if (was_due)
    g_signal_emit (self, signals[SETTLED], 0);
}

void
bothy_container_set_boot (BothyContainer *self, const char *boot)
{
  char *old = self->boot;

  self->boot = g_strdup (boot);
  g_free (old);
}

void
bothy_container_set_unwanted (BothyContainer *self)
{
  self->wanted = FALSE;
  self->due = 0;
}

void
bothy_container_set_restarts (BothyContainer *self, guint n)
{
  self->n_restarts = n;
}

void
bothy_container_set_health_restarts (BothyContainer *self, guint n)
{
  self->n_health_restarts = n;
  self->left_unhealthy = FALSE;
}

gboolean
bothy_container_leave_unhealthy (BothyContainer *self)
{
  gboolean is_news = !self->left_unhealthy;

  self->left_unhealthy = TRUE;
  return is_news;
}

void
bothy_container_set_given_up (BothyContainer *self, GError *error)
{
  bothy_container_set_unwanted (self);
  g_clear_error (&self->last_error);
  self->last_error = error;
  bothy_container_set_state (self, BOTHY_CONTAINER_FAILED);
}

void
bothy_container_set_nic (BothyContainer *self, const char *nic)
{
  char *old = self->nic;

  self->nic = g_strdup (nic);
  g_free (old);
}

void
bothy_container_set_network (BothyContainer *self, const char *const *addresses, const char *error)
{
  g_strfreev (self->addresses);
  self->addresses = g_strdupv ((char **)addresses);
  g_free (self->network_error);
  self->network_error = g_strdup (error);
  emit_changed (self);
  g_signal_emit (self, signals[READDRESSED], 0);
}

/* ---- its health ---- */

BothyHealthState
bothy_container_get_health (const BothyContainer *self)
{
  return self->supervisor ? self->health.state : BOTHY_HEALTH_UNKNOWN;
}

void
bothy_container_set_health (BothyContainer *self, const BothyContainerHealth *health)
{
  char *old = self->health.output;
  gboolean is_news = health->state != self->health.state || health->code != self->health.code ||
                     health->failures != self->health.failures;

  self->health = *health;
  self->health.output = g_strdup (health->output);
  g_free (old);
  /* Whoever wants to know what the last one of many said asks for it. */
  if (is_news)
    emit_changed (self);
}

/* Of an earlier run nothing is known of this one. */
static void
forget_health (BothyContainer *self)
{
  g_free (self->health.output);
  self->health = (BothyContainerHealth){ .code = -1, .output = g_strdup ("") };
}

/* ---- a run of it ---- */

static void
take_last_error (BothyContainer *self, GError *error)
{
  g_clear_error (&self->last_error);
  self->last_error = error;
}

static gboolean
is_asked_for (BothyStateReason cause)
{
  return cause == BOTHY_REASON_ASKED || cause == BOTHY_REASON_ADMINISTRATOR;
}

void
bothy_container_set_cause (BothyContainer *self, BothyStateReason cause, const char *boot)
{
  self->cause = cause;
  self->wanted = TRUE;
  bothy_container_set_boot (self, boot);
  if (is_asked_for (cause))
    self->due = 0;
  if (cause != BOTHY_REASON_RESTART && cause != BOTHY_REASON_UNHEALTHY) {
    self->n_restarts = 0;
    bothy_container_set_health_restarts (self, 0);
  }
}

void
bothy_container_set_starting (BothyContainer *self)
{
  self->reason = self->cause;
  self->exited = self->stopping = self->stays_down = self->reboot = self->run_over = FALSE;
  forget_health (self);
  bothy_container_set_state (self, BOTHY_CONTAINER_STARTING);
}

void
bothy_container_set_group (BothyContainer *self, const char *path)
{
  char *old = self->group;

  self->group = g_strdup (path);
  g_free (old);
  emit_changed (self);
}

void
bothy_container_set_start_failed (BothyContainer *self, const GError *error)
{
  take_last_error (self, g_error_copy (error));
  /* Who asked for it hears of it, and asks again if he likes. */
  if (is_asked_for (self->cause))
    self->wanted = FALSE;
  self->due = 0;
  self->run_over = TRUE;
  bothy_container_set_state (self, BOTHY_CONTAINER_FAILED);
}

void
bothy_container_set_not_started (BothyContainer *self, BothyStateReason reason)
{
  take_last_error (self, NULL);
  bothy_container_set_unwanted (self);
  self->reason = reason;
  self->run_over = TRUE;
  bothy_container_set_state (self, BOTHY_CONTAINER_STOPPED);
}

void
bothy_container_set_running (BothyContainer *self,
                             BothySupervisor *supervisor,
                             guint32 leader,
                             guint64 leader_pidfd_id,
                             int shutdown_signal)
{
  g_set_object (&self->supervisor, supervisor);
  self->leader = leader;
  self->leader_pidfd_id = leader_pidfd_id;
  self->shutdown_signal = self->spec->stop_signal ? self->spec->stop_signal : shutdown_signal;
  self->oom_kills = 0;
  /* An earlier bothyd may have asked it already. */
  if (bothy_health_check_is_on (&self->spec->health) && self->health.state == BOTHY_HEALTH_UNKNOWN)
    self->health.state = BOTHY_HEALTH_STARTING;
  bothy_container_set_state (self, BOTHY_CONTAINER_RUNNING);
}

void
bothy_container_set_started_now (BothyContainer *self)
{
  self->started_at = g_get_real_time ();
  self->due = 0;
  take_last_error (self, NULL);
  emit_changed (self);
}

void
bothy_container_set_state (BothyContainer *self, BothyContainerState state)
{
  self->state = state;
  emit_changed (self);
}

void
bothy_container_set_stopping (BothyContainer *self, BothyStateReason reason)
{
  self->stopping = TRUE;
  self->reason = reason;
  bothy_container_set_state (self, BOTHY_CONTAINER_STOPPING);
}

void
bothy_container_set_exited (BothyContainer *self, int code, int signal, gboolean reboot)
{
  self->exited = TRUE;
  self->last_code = code;
  self->last_signal = signal;
  self->reboot = reboot;
  emit_changed (self);
}

void
bothy_container_set_shut_down (BothyContainer *self)
{
  self->reason = BOTHY_REASON_SHUTDOWN;
  emit_changed (self);
}

/* What a person should know when the first process may have been among them. */
static GError *
oom_error (const BothyContainer *self)
{
  g_autofree char *kills = g_strdup_printf ("%" G_GUINT64_FORMAT, self->oom_kills);
  GError *error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_OUT_OF_MEMORY,
                               "Out of memory: the kernel killed %s of its processes; \"bothy limit\" shows "
                               "what it may use",
                               kills);

  bothy_error_set_detail (error, "kills", kills);
  return error;
}

void
bothy_container_add_oom_kills (BothyContainer *self, guint64 kills)
{
  self->oom_kills += kills;
  take_last_error (self, oom_error (self));
  g_signal_emit (self, signals[OUT_OF_MEMORY], 0, kills);
  emit_changed (self);
}

/* Of one whose end nobody asked for. */
static BothyStateReason
reason_of_end (const BothyContainer *self)
{
  if (self->reboot)
    return BOTHY_REASON_RESTART;
  if (self->exited && !self->last_signal)
    return BOTHY_REASON_EXITED;
  return self->oom_kills > 0 && self->last_signal == SIGKILL ? BOTHY_REASON_OUT_OF_MEMORY
                                                             : BOTHY_REASON_CRASHED;
}

/* A signal ended the first process, or its supervisor was killed, which nobody does inside. */
static GError *
crash_error (const BothyContainer *self)
{
  g_autofree char *number = g_strdup_printf ("%d", self->last_signal);
  GError *error;

  if (!self->exited)
    return g_error_new (BOTHY_ERROR, BOTHY_ERROR_CRASHED, "The container's supervisor was killed");
  error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_CRASHED, "The first process was killed by signal %s", number);
  bothy_error_set_detail (error, "signal", number);
  return error;
}

void
bothy_container_set_ended (BothyContainer *self)
{
  gboolean as_asked = self->stopping || self->reboot || (self->exited && !self->last_signal);

  if (as_asked)
    take_last_error (self, NULL);
  else if (self->oom_kills > 0 && self->last_signal == SIGKILL)
    take_last_error (self, oom_error (self));
  else
    take_last_error (self, crash_error (self));
  if (!self->exited) {
    self->last_code = 0;
    self->last_signal = SIGKILL;
  }
  self->leader = 0;
  self->leader_pidfd_id = 0;
  self->stopped_at = g_get_real_time ();
  self->run_over = TRUE;
  if (!self->stopping)
    self->reason = reason_of_end (self);
  g_clear_object (&self->supervisor);
  bothy_container_forget_left (self);
  bothy_container_set_group (self, "");
  bothy_container_set_state (self, as_asked ? BOTHY_CONTAINER_STOPPED : BOTHY_CONTAINER_FAILED);
}

gboolean
bothy_container_take_end (BothyContainer *self)
{
  gboolean over = self->run_over && !bothy_container_is_active (self);

  if (over)
    self->run_over = FALSE;
  return over;
}

/* One that does nothing else would keep the machine busy with making namespaces. */
gboolean
bothy_container_ran_steadily (const BothyContainer *self)
{
  return self->reason != self->cause &&
         self->stopped_at - self->started_at >= BOTHY_RESTART_STEADY_SECONDS * G_USEC_PER_SEC;
}

gboolean
bothy_container_count_reboot (BothyContainer *self)
{
  gint64 now = g_get_monotonic_time ();

  if (now - self->reboots_since > REBOOT_SECONDS * G_USEC_PER_SEC) {
    self->reboots_since = now;
    self->n_reboots = 0;
  }
  if (++self->n_reboots <= MAX_REBOOTS)
    return TRUE;
  /* Who starts it again has as many once more. */
  self->reboots_since = 0;
  self->reboot = FALSE;
  take_last_error (
      self, g_error_new (BOTHY_ERROR, BOTHY_ERROR_GAVE_UP,
                         "It rebooted more than %d times within %d seconds; \"bothy start\" starts it again",
                         MAX_REBOOTS, REBOOT_SECONDS));
  bothy_container_set_state (self, BOTHY_CONTAINER_FAILED);
  return FALSE;
}

/* ---- events that others tell of it ---- */

void
bothy_container_emit_beginning (BothyContainer *self, BothySupervisor *supervisor)
{
  g_signal_emit (self, signals[BEGINNING], 0, supervisor);
}

void
bothy_container_emit_process_found (BothyContainer *self, guint id, guint pid)
{
  g_signal_emit (self, signals[PROCESS_FOUND], 0, id, pid);
}

void
bothy_container_emit_ended (BothyContainer *self)
{
  g_signal_emit (self, signals[ENDED], 0);
  g_signal_emit (self, signals[SETTLED], 0);
}

static void
bothy_container_finalize (GObject *object)
{
  BothyContainer *self = BOTHY_CONTAINER (object);

  g_clear_object (&self->supervisor);
  bothy_container_spec_free (self->spec);
  g_free (self->id);
  g_clear_error (&self->last_error);
  g_free (self->group);
  g_strfreev (self->addresses);
  g_free (self->nic);
  g_free (self->tree);
  g_free (self->network_error);
  g_free (self->after);
  g_free (self->boot);
  g_free (self->health.output);
  g_free (self->files.below);
  g_free (self->files.top);
  g_ptr_array_unref (self->snapshots);
  g_ptr_array_unref (self->left);
  g_ptr_array_unref (self->nodes);
  G_OBJECT_CLASS (bothy_container_parent_class)->finalize (object);
}

static void
bothy_container_class_init (BothyContainerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_container_finalize;
  signals[CHANGED] =
      g_signal_new ("changed", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ENDED] =
      g_signal_new ("ended", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SETTLED] =
      g_signal_new ("settled", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[OUT_OF_MEMORY] = g_signal_new ("out-of-memory", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
  signals[BEGINNING] = g_signal_new ("beginning", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 1, BOTHY_TYPE_SUPERVISOR);
  signals[READDRESSED] = g_signal_new ("readdressed", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                       NULL, G_TYPE_NONE, 0);
  signals[PROCESS_FOUND] = g_signal_new ("process-found", BOTHY_TYPE_CONTAINER, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT);
}

static void
bothy_container_init (BothyContainer *self)
{
  self->last_code = -1;
  self->group = g_strdup ("");
  self->nic = g_strdup ("");
  self->addresses = g_new0 (char *, 1);
  self->network_error = g_strdup ("");
  self->tree = g_strdup ("");
  self->after = g_strdup ("");
  self->boot = g_strdup ("");
  forget_health (self);
  self->files.below = g_strdup ("");
  self->files.fresh = TRUE;
  self->snapshots = bothy_snapshots_new ();
  self->left = g_ptr_array_new_with_free_func (g_free);
}

BothyContainer *
bothy_container_new (const char *id, guint32 owner, guint32 range_base, BothyContainerSpec *spec)
{
  BothyContainer *self = g_object_new (BOTHY_TYPE_CONTAINER, NULL);

  self->id = g_strdup (id);
  self->files.top = g_strdup (id);
  self->owner = owner;
  self->range_base = range_base;
  self->spec = spec;
  self->created_at = g_get_real_time ();
  if (!spec->ports)
    spec->ports = g_array_new (FALSE, TRUE, sizeof (BothyPort));
  if (!spec->mounts)
    spec->mounts = bothy_mounts_new ();
  if (!spec->devices)
    spec->devices = bothy_devices_new ();
  self->nodes = g_ptr_array_new_with_free_func (g_free);
  if (!spec->egress)
    spec->egress = g_strdupv ((char *[]){ (char *)BOTHY_EGRESS_ALL, NULL });
  if (!spec->autostart.after)
    spec->autostart.after = g_strdup ("");
  self->disk.enforcement = "unsupported";
  return self;
}
