/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A container that runs, and is asked whether it is well, has a Watch:
 *
 *   pause ─→ a process inside ─→ its end, or no more time ─→ verdict ─→ pause …
 *
 * It goes when the container ends, is frozen, or is about to end; what goes on of a check is killed then, and says nothing. A
 * bothyd that is killed leaves the process to the supervisor, which tells the next one, who kills it.
 */
#include "core/registry/health.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/container/history.h"
#include "core/registry/lifecycle.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SHOWN    4096          /* bytes of what a check says that are kept */
#define MAX_READ     (1024 * 1024) /* and that are read: from then on its pipe is closed */
#define STOP_SECONDS 30

/* What is inside says when it changes, and would fill the journal and push what users did out of the history. */
#define MAX_NOTES  10
#define NOTES_TIME (G_TIME_SPAN_HOUR)

typedef struct {
  BothyRegistry *registry;
  BothyContainers *containers;
  GHashTable *watches; /* BothyContainer → Watch */
  guint32 last_id;
} Health;

typedef struct {
  Health *health;
  BothyContainer *container;
  gint64 since; /* when its run began, monotonic, µs */
  guint timer;  /* until it is asked, or has to have answered */

  gint64 notes_since; /* monotonic, µs; of the changes from then on, within NOTES_TIME, */
  guint n_notes;      /* as many were noted */

  /* While it is asked. */
  guint32 id;            /* 0: it is not */
  BothyProcess *process; /* NULL: it does not run yet */
  int output;            /* what it says comes from here */
  guint reader;
  gsize n_read;
  GString *said;
} Watch;

/* A process that was asked for; its Watch may be gone, or ask anew, when it runs. */
typedef struct {
  Health *health;
  BothyContainer *container;
  guint32 id;
} Asked;

static void begin_pause (Watch *watch, gboolean is_first);

/* How many containers of the user UID are asked. */
static guint
count_watches (Health *self, guint32 uid)
{
  GHashTableIter iter;
  gpointer container;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->watches);
  while (g_hash_table_iter_next (&iter, &container, NULL))
    n += ((BothyContainer *)container)->owner == uid;
  return n;
}

/* ---- what it says ---- */

static void
close_output (Watch *watch)
{
  g_clear_handle_id (&watch->reader, g_source_remove);
  bothy_clear_fd (&watch->output);
}

/* Read what is there. FALSE: there will be no more, or more than anybody reads. */
static gboolean
read_output (Watch *watch)
{
  char buffer[MAX_SHOWN];
  ssize_t n = read (watch->output, buffer, sizeof buffer);

  if (n <= 0)
    return n < 0 && (errno == EAGAIN || errno == EINTR);
  watch->n_read += (gsize)n;
  if (watch->said->len < MAX_SHOWN)
    g_string_append_len (watch->said, buffer, MIN (n, (ssize_t)(MAX_SHOWN - watch->said->len)));
  return watch->n_read < MAX_READ;
}

static gboolean
on_output (int fd, GIOCondition condition, gpointer user_data)
{
  Watch *watch = user_data;

  if (read_output (watch))
    return G_SOURCE_CONTINUE;
  watch->reader = 0;
  bothy_clear_fd (&watch->output);
  return G_SOURCE_REMOVE;
}

/* A pipe for what the process says, as its three streams: nothing comes in. (transfer full); NULL with an error. */
static GUnixFDList *
make_streams (Watch *watch, GError **error)
{
  g_autoptr (GUnixFDList) streams = g_unix_fd_list_new ();
  int in[2], out[2];

  if (!g_unix_open_pipe (in, FD_CLOEXEC, error))
    return NULL;
  autofd nothing = in[0];
  close (in[1]);
  if (!g_unix_open_pipe (out, FD_CLOEXEC, error))
    return NULL;
  autofd writer = out[1];
  watch->output = out[0];
  /* Whoever it is inside may open it anew, by /dev/stdout; nobody else can reach it. */
  if (fchmod (writer, 0666) < 0 || !g_unix_set_fd_nonblocking (watch->output, TRUE, error) ||
      g_unix_fd_list_append (streams, nothing, error) < 0 ||
      g_unix_fd_list_append (streams, writer, error) < 0 ||
      g_unix_fd_list_append (streams, writer, error) < 0)
    return NULL;
  return g_steal_pointer (&streams);
}

/* ---- the watch ---- */

/* Nobody waits for the answer any more. */
static void
drop_check (Watch *watch)
{
  g_clear_handle_id (&watch->timer, g_source_remove);
  close_output (watch);
  watch->id = 0;
  if (watch->process) {
    g_signal_handlers_disconnect_by_data (watch->process, watch);
    bothy_process_end (watch->process);
  }
  g_clear_object (&watch->process);
}

static void
watch_free (gpointer data)
{
  Watch *watch = data;

  drop_check (watch);
  g_string_free (watch->said, TRUE);
  g_object_unref (watch->container);
  g_free (watch);
}

static gboolean
is_in_start_period (const Watch *watch)
{
  const BothyHealthCheck *check = &watch->container->spec->health;

  return bothy_container_get_health (watch->container) == BOTHY_HEALTH_STARTING &&
         g_get_monotonic_time () - watch->since < (gint64)check->start_period;
}

/* ---- the verdict ---- */

static void
on_dealt_with (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyContainer) container = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error))
    g_message ("Container %s of user %u is unhealthy: %s", container->spec->name, container->owner,
               error->message);
}

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error))
    g_debug ("Killing an unhealthy container: %s", error->message);
}

static void
note (Health *self, BothyContainer *container, const char *deed)
{
  bothy_history_note (bothy_containers_get_directory (self->containers), container, BOTHY_NO_USER, deed, "");
}

static void
save (Health *self, BothyContainer *container)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_containers_save (self->containers, container, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

/* By the rule for those that end: as often in a row, and each time it is let run for longer before. Until then it is asked,
   and may become well. */
static void
restart (Watch *watch)
{
  Health *self = watch->health;
  BothyContainer *container = watch->container;
  guint n = container->n_health_restarts, max = bothy_restart_get_max (&container->spec->autostart);
  g_autofree char *last = g_strdup_printf ("unhealthy, not restarted again, after restart %u of %u", n, max);

  if (n >= max) {
    /* On record, so that the next bothyd does not say it again. */
    if (bothy_container_leave_unhealthy (container)) {
      note (self, container, last);
      save (self, container);
    }
    return;
  }
  if (g_get_monotonic_time () - watch->since < (gint64)bothy_restart_get_delay (n + 1) * 1000)
    return;
  bothy_container_set_health_restarts (container, n + 1);
  save (self, container);
  note (self, container, "restarted, for it is unhealthy");
  bothy_registry_restart (self->registry, container, STOP_SECONDS, BOTHY_REASON_UNHEALTHY, on_dealt_with,
                          g_object_ref (container));
}

/* The container is unhealthy; what its owner wants to be done is, now or after one of the next bad answers. */
static void
deal_with (Watch *watch)
{
  Health *self = watch->health;
  BothyContainer *container = watch->container;
  struct supervisor_message kill = { .type = SUPERVISOR_KILL_ALL };
  BothyUnhealthy deed = container->spec->health.on_failure;

  if (deed == BOTHY_UNHEALTHY_NONE || container->busy)
    return;
  if (deed == BOTHY_UNHEALTHY_RESTART) {
    restart (watch);
  } else if (deed == BOTHY_UNHEALTHY_STOP) {
    note (self, container, "stopped, for it is unhealthy");
    bothy_registry_stop (self->registry, container, STOP_SECONDS, BOTHY_REASON_UNHEALTHY, on_dealt_with,
                         g_object_ref (container));
  } else {
    note (self, container, "killed, for it is unhealthy");
    bothy_supervisor_call (container->supervisor, kill, NULL, NULL, on_killed, NULL);
  }
}

static gboolean
may_note (Watch *watch)
{
  gint64 now = g_get_monotonic_time ();

  if (watch->n_notes == 0 || now - watch->notes_since > NOTES_TIME) {
    watch->notes_since = now;
    watch->n_notes = 0;
  }
  if (watch->n_notes >= MAX_NOTES)
    return FALSE;
  watch->n_notes++;
  return TRUE;
}

/* Record and history hear of it when it changes, not each time, and not for ever. */
static void
note_change (Watch *watch, BothyHealthState before)
{
  Health *self = watch->health;
  BothyContainer *container = watch->container;
  BothyHealthState now = bothy_container_get_health (container);

  if (now == before || !may_note (watch))
    return;
  if (now == BOTHY_HEALTH_UNHEALTHY)
    note (self, container, "unhealthy");
  else if (before == BOTHY_HEALTH_UNHEALTHY)
    note (self, container, "healthy again");
  save (self, container);
}

/* A run that is well for long enough ends a row of restarts. */
static void
end_row (Watch *watch)
{
  if ((watch->container->n_restarts == 0 && watch->container->n_health_restarts == 0) ||
      g_get_monotonic_time () - watch->since < BOTHY_RESTART_STEADY_SECONDS * G_USEC_PER_SEC)
    return;
  bothy_container_set_restarts (watch->container, 0);
  bothy_container_set_health_restarts (watch->container, 0);
  save (watch->health, watch->container);
}

/* It answered with CODE (0: it is well; -1: not at all) and SAID. */
static void
judge (Watch *watch, int code, const char *said)
{
  BothyContainer *container = watch->container;
  BothyHealthState before = bothy_container_get_health (container);
  gboolean counts = code != 0 && !is_in_start_period (watch);
  g_autofree char *valid = g_utf8_make_valid (said, -1);
  BothyContainerHealth verdict = { .failures = code == 0 ? 0 : container->health.failures + (guint)counts,
                                   .code = code,
                                   .output = g_strchomp (valid),
                                   .state = before };

  if (code == 0)
    verdict.state = BOTHY_HEALTH_HEALTHY;
  else if (counts && verdict.failures >= container->spec->health.retries)
    verdict.state = BOTHY_HEALTH_UNHEALTHY;
  bothy_container_set_health (container, &verdict);
  drop_check (watch);
  begin_pause (watch, FALSE);
  note_change (watch, before);
  if (code == 0)
    end_row (watch);
  else if (verdict.state == BOTHY_HEALTH_UNHEALTHY)
    deal_with (watch);
}

/* What is stopped, or stands still for a moment, can not be blamed. */
static gboolean
can_be_judged (const BothyContainer *container)
{
  return container->state == BOTHY_CONTAINER_RUNNING && !container->busy;
}

static void
end_check (Watch *watch, int code, const char *said)
{
  if (can_be_judged (watch->container))
    judge (watch, code, said);
  else {
    drop_check (watch);
    begin_pause (watch, FALSE);
  }
}

/* It is the container's fault that nothing runs in it; that the host has no room for that is not. */
static gboolean
is_its_fault (const GError *error)
{
  return g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM) ||
         g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NOT_EXECUTABLE) ||
         g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER);
}

static gboolean
on_no_answer (gpointer user_data)
{
  Watch *watch = user_data;
  g_autofree char *said =
      g_strdup_printf ("It did not answer within %.3g seconds",
                       (double)watch->container->spec->health.timeout / (double)G_USEC_PER_SEC);

  watch->timer = 0;
  end_check (watch, -1, said);
  return G_SOURCE_REMOVE;
}

static void
on_exited (BothyProcess *process, gpointer user_data)
{
  Watch *watch = user_data;

  /* What runs on of it may have the pipe, too, so its end is not waited for. */
  while (watch->output >= 0) {
    gsize before = watch->n_read;

    if (!read_output (watch) || watch->n_read == before)
      close_output (watch);
  }
  end_check (watch, process->signal ? 128 + process->signal : process->code, watch->said->str);
}

/* ---- asking ---- */

static void
on_runs (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Asked *asked = user_data;
  g_autoptr (BothyContainer) container = asked->container;
  Watch *watch = g_hash_table_lookup (asked->health->watches, container);
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyProcess) process = bothy_process_run_finish (result, &error);

  if (!watch || watch->id != asked->id) {
    if (process)
      bothy_process_end (process);
    return;
  }
  if (!process && is_its_fault (error)) {
    end_check (watch, -1, error->message);
    return;
  }
  if (!process) {
    g_message ("Container %s is not asked whether it is well: %s", container->id, error->message);
    drop_check (watch);
    begin_pause (watch, FALSE);
    return;
  }
  watch->process = g_object_ref (process);
  if (process->ended)
    on_exited (process, watch);
  else
    g_signal_connect (process, "exited", G_CALLBACK (on_exited), watch);
}

static guint32
new_id (Health *self)
{
  self->last_id = self->last_id == G_MAXUINT32 ? BOTHY_PROCESS_FIRST_CHECK : self->last_id + 1;
  return self->last_id;
}

/* As the container's first process has it, whatever a user would get who runs something in it. */
static BothyProcessSpec *
describe_process (const BothyContainerSpec *spec, GUnixFDList *streams)
{
  BothyProcessSpec *process = g_new0 (BothyProcessSpec, 1);

  process->argv = bothy_health_check_get_command (&spec->health);
  process->environment = g_strdupv (spec->environment);
  process->user = g_strdup (spec->user);
  process->working_directory = g_strdup (*spec->working_directory ? spec->working_directory : "/");
  process->stdio = g_object_ref (streams);
  return process;
}

static gboolean
ask (gpointer user_data)
{
  Watch *watch = user_data;
  BothyContainer *container = watch->container;
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) streams = NULL;
  Asked *asked;

  watch->timer = 0;
  g_string_truncate (watch->said, 0);
  watch->n_read = 0;
  watch->id = new_id (watch->health);
  streams = can_be_judged (container) ? make_streams (watch, &error) : NULL;
  if (!streams) {
    /* No fault of the container's. */
    if (error)
      g_warning ("Container %s is not asked whether it is well: %s", container->id, error->message);
    drop_check (watch);
    begin_pause (watch, FALSE);
    return G_SOURCE_REMOVE;
  }
  watch->reader = g_unix_fd_add (watch->output, G_IO_IN | G_IO_HUP | G_IO_ERR, on_output, watch);
  watch->timer = g_timeout_add ((guint)(container->spec->health.timeout / 1000), on_no_answer, watch);
  asked = g_new0 (Asked, 1);
  *asked = (Asked){ watch->health, g_object_ref (container), watch->id };
  bothy_process_run (container, watch->id, container->owner, describe_process (container->spec, streams),
                     on_runs, asked);
  return G_SOURCE_REMOVE;
}

/* Those that were started at once, or that a new bothyd finds, are not asked at once: each pause is up to a tenth longer
   than was said, and the first one of a container that was found is of any length. */
static void
begin_pause (Watch *watch, gboolean is_first)
{
  const BothyHealthCheck *check = &watch->container->spec->health;
  gboolean often = check->start_interval > 0 && is_in_start_period (watch);
  guint n = count_watches (watch->health, watch->container->owner);
  gint32 ms = (gint32)(bothy_health_get_pause (often ? check->start_interval : check->interval, n) / 1000);
  gboolean found = is_first && g_get_monotonic_time () - watch->since > (gint64)ms * 1000;

  watch->timer = g_timeout_add (
      (guint)(found ? g_random_int_range (0, ms) : ms + g_random_int_range (0, ms / 10 + 1)), ask, watch);
}

/* ---- which ---- */

static void
follow (Health *self, BothyContainer *container)
{
  gboolean wanted =
      bothy_health_check_is_on (&container->spec->health) && container->state == BOTHY_CONTAINER_RUNNING;
  gboolean watched = g_hash_table_contains (self->watches, container);
  gint64 age = MAX (g_get_real_time () - container->started_at, 0);
  Watch *watch;

  if (watched && !wanted)
    g_hash_table_remove (self->watches, container);
  if (watched || !wanted)
    return;
  watch = g_new0 (Watch, 1);
  watch->health = self;
  watch->container = g_object_ref (container);
  watch->since = g_get_monotonic_time () - age;
  watch->output = -1;
  watch->said = g_string_new (NULL);
  g_hash_table_insert (self->watches, container, watch);
  begin_pause (watch, TRUE);
}

static void
on_settled (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  follow (user_data, container);
}

static void
on_ended (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  g_hash_table_remove (((Health *)user_data)->watches, container);
}

void
bothy_registry_begin_health (BothyRegistry *registry)
{
  Health *self = g_new0 (Health, 1);
  g_autoptr (GList) containers = NULL;

  self->registry = g_object_ref (registry);
  self->containers = g_object_ref (bothy_registry_get_containers (registry));
  self->watches = g_hash_table_new_full (NULL, NULL, NULL, watch_free);
  /* Those of an earlier bothyd may still be with a supervisor. */
  self->last_id = BOTHY_PROCESS_FIRST_CHECK + (guint32)g_random_int_range (0, G_MAXINT32);
  g_signal_connect (self->containers, "settled", G_CALLBACK (on_settled), self);
  g_signal_connect (self->containers, "ended", G_CALLBACK (on_ended), self);
  containers = bothy_containers_list (self->containers);
  for (GList *l = containers; l; l = l->next)
    follow (self, l->data);
}
