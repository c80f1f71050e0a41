/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/scopes.h"

#include "base/error.h"
#include "base/fd.h"
#include "platform/pidfd.h"

#include <gio/gunixfdlist.h>

#define NAME        BOTHY_SYSTEMD_NAME
#define PATH        BOTHY_SYSTEMD_PATH
#define MANAGER     BOTHY_SYSTEMD_MANAGER
#define TIMEOUT     BOTHY_SYSTEMD_TIMEOUT
#define PATTERN     "bothy-*.scope"
#define JOB_SECONDS 10  /* for the scope's job, before systemd is asked about it: it may not have told */
#define MAX_LOOKS   3   /* so many times as long in all */
#define RETRIES     100 /* of a start that meets the slice being stopped */
#define RETRY_MS    20

/* What StartTransientUnit fails with while a slice of the transaction still stops. */
#define DESTRUCTIVE NAME ".TransactionIsDestructive"

struct _BothyScopes {
  GObject parent;
  GDBusConnection *bus;
  GHashTable *jobs;  /* object path → GTask */
  GHashTable *early; /* job paths that ended before the reply with their path was read → result */
  guint subscription;
  guint in_flight;
};

G_DEFINE_FINAL_TYPE (BothyScopes, bothy_scopes, G_TYPE_OBJECT)

typedef struct {
  char *unit;
  char *description;
  char *slice;
  gboolean nested; /* the slice is in the user's */
  guint32 owner;   /* whose slice it is in, and whose process PIDFD is */
  guint32 user;
  guint32 pid;
  BothyCgroupLimits limits;
  int pidfd; /* -1: PID is a process of ours, which can not go */
  gboolean by_number;
  guint tries;
  char *job; /* that makes the unit, while it is waited for */
  guint timer;
  guint looks; /* whether the unit is there */
} Start;

static void
start_free (Start *start)
{
  if (start->timer)
    g_source_remove (start->timer);
  g_free (start->job);
  g_free (start->unit);
  g_free (start->description);
  g_free (start->slice);
  bothy_clear_fd (&start->pidfd);
  g_free (start);
}

static char *
group_of (const Start *start)
{
  g_autofree char *within = start->nested ? g_strdup_printf ("user-%u.slice/", start->owner) : g_strdup ("");

  return g_strdup_printf ("/user.slice/%s%s/%s", within, start->slice, start->unit);
}

static void
stop_unit (GDBusConnection *bus, const char *unit)
{
  g_dbus_connection_call (bus, NAME, PATH, MANAGER, "StopUnit", g_variant_new ("(ss)", unit, "replace"), NULL,
                          G_DBUS_CALL_FLAGS_NONE, TIMEOUT, NULL, NULL, NULL);
}

/* The answer was an error, but systemd may have made the scope all the same, or may be about to. The process that the
   scope was made for ends now, and an empty scope would stay for ever, so it is stopped. A scope that was made for a
   user's own process (PIDFD) is left alone: it is his. */
static void
give_up_scope (GTask *task, GError *error)
{
  BothyScopes *self = g_task_get_source_object (task);
  const Start *start = g_task_get_task_data (task);

  if (start->pidfd < 0)
    stop_unit (self->bus, start->unit);
  g_task_return_error (task, error);
}

static void
finish_job (GTask *task, const char *result)
{
  if (g_str_equal (result, "done"))
    g_task_return_pointer (task, group_of (g_task_get_task_data (task)), g_free);
  else
    give_up_scope (task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_START_FAILED,
                                      "systemd: the scope's job ended: %s", result));
}

static void
end_job (GTask *task)
{
  BothyScopes *self = g_task_get_source_object (task);
  Start *start = g_task_get_task_data (task);

  g_clear_handle_id (&start->timer, g_source_remove);
  g_hash_table_remove (self->jobs, start->job);
}

static void
on_job_removed (GDBusConnection *bus,
                const char *sender,
                const char *path,
                const char *interface,
                const char *member,
                GVariant *args,
                gpointer user_data)
{
  BothyScopes *self = user_data;
  const char *job, *result;
  g_autoptr (GTask) task = NULL;

  if (!g_variant_is_of_type (args, G_VARIANT_TYPE ("(uoss)")))
    return;
  g_variant_get (args, "(u&o&s&s)", NULL, &job, NULL, &result);
  task = g_hash_table_lookup (self->jobs, job);
  if (task) {
    g_object_ref (task);
    end_job (task);
    finish_job (task, result);
  } else if (self->in_flight > 0)
    g_hash_table_insert (self->early, g_strdup (job), g_strdup (result));
}

/* systemd has no such unit, or does not answer: then the job may end yet. */
static void
on_looked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  g_autoptr (GVariantIter) units = NULL;
  const Start *start = g_task_get_task_data (task);
  const char *state;

  if (!start->timer || !reply)
    return;
  g_variant_get (reply, "(a(ssssssouso))", &units);
  while (g_variant_iter_next (units, "(&s&s&s&s&s&s&ou&s&o)", NULL, NULL, NULL, &state, NULL, NULL, NULL,
                              NULL, NULL, NULL)) {
    if (!g_str_equal (state, "active"))
      continue;
    g_message ("systemd did not say that %s is there, and it is", start->unit);
    end_job (task);
    finish_job (task, "done");
    return;
  }
}

/* What systemd does not say by a signal it is asked for: one may have got lost, when it was restarted say. */
static gboolean
on_job_timeout (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  BothyScopes *self = g_task_get_source_object (task);
  Start *start = g_task_get_task_data (task);
  const char *const names[] = { start->unit, NULL };

  if (++start->looks < MAX_LOOKS) {
    g_dbus_connection_call (self->bus, NAME, PATH, MANAGER, "ListUnitsByNames",
                            g_variant_new ("(^as)", names), G_VARIANT_TYPE ("(a(ssssssouso))"),
                            G_DBUS_CALL_FLAGS_NONE, TIMEOUT, NULL, on_looked, g_steal_pointer (&task));
    return G_SOURCE_CONTINUE;
  }
  end_job (task);
  give_up_scope (
      task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "systemd: the scope's job takes too long"));
  return G_SOURCE_REMOVE;
}

static void
wait_for_job (GTask *task, const char *job)
{
  BothyScopes *self = g_task_get_source_object (task);
  Start *start = g_task_get_task_data (task);

  start->job = g_strdup (job);
  start->timer = g_timeout_add_seconds (JOB_SECONDS, on_job_timeout, task);
  g_hash_table_insert (self->jobs, g_strdup (job), g_object_ref (task));
}

static void send_start (GTask *task);

static gboolean
on_retry (gpointer user_data)
{
  send_start (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
retry_later (GTask *task, const GError *error)
{
  g_autofree char *name = g_dbus_error_get_remote_error (error);
  Start *start = g_task_get_task_data (task);

  if (g_strcmp0 (name, DESTRUCTIVE) != 0 || ++start->tries > RETRIES)
    return FALSE;
  g_timeout_add_full (G_PRIORITY_DEFAULT, RETRY_MS, on_retry, g_object_ref (task), g_object_unref);
  return TRUE;
}

/* Before version 254 systemd knows processes by number only. */
static gboolean
retry_by_number (GTask *task, const GError *error)
{
  Start *start = g_task_get_task_data (task);

  if (start->pidfd < 0 || start->by_number ||
      !(g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_PROPERTY_READ_ONLY) ||
        g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY) ||
        g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS)))
    return FALSE;
  start->by_number = TRUE;
  send_start (task);
  return TRUE;
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyScopes *self = g_task_get_source_object (task);
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;
  const char *job, *early;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (self->bus, NULL, result, &error);
  self->in_flight--;
  if (!reply) {
    if (retry_later (task, error) || retry_by_number (task, error)) {
      g_error_free (error);
      return;
    }
    bothy_error_adopt (&error, "systemd did not make the container's scope");
    give_up_scope (task, error);
    return;
  }
  g_variant_get (reply, "(&o)", &job);
  early = g_hash_table_lookup (self->early, job);
  if (early)
    finish_job (task, early);
  else
    wait_for_job (task, job);
  if (self->in_flight == 0)
    g_hash_table_remove_all (self->early);
}

/* Without User= the group stays root's. */
static GVariant *
scope_properties (const Start *start)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sv)"));
  g_variant_builder_add (&builder, "(sv)", "Description", g_variant_new_string (start->description));
  g_variant_builder_add (&builder, "(sv)", "Slice", g_variant_new_string (start->slice));
  g_variant_builder_add (&builder, "(sv)", "Delegate", g_variant_new_boolean (TRUE));
  if (start->user != 0)
    g_variant_builder_add (&builder, "(sv)", "User",
                           g_variant_new_take_string (g_strdup_printf ("%u", start->user)));
  g_variant_builder_add (&builder, "(sv)", "CollectMode", g_variant_new_string ("inactive-or-failed"));
  g_variant_builder_add (&builder, "(sv)", "TimeoutStopUSec", g_variant_new_uint64 (10 * G_USEC_PER_SEC));
  bothy_cgroup_limits_add_properties (&start->limits, FALSE, &builder);
  if (start->pidfd < 0 || start->by_number)
    g_variant_builder_add (
        &builder, "(sv)", "PIDs",
        g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, &start->pid, 1, sizeof (guint32)));
  else
    g_variant_builder_add (&builder, "(sv)", "PIDFDs", g_variant_new_parsed ("[@h 0]"));
  return g_variant_builder_end (&builder);
}

static void
send_start (GTask *task)
{
  BothyScopes *self = g_task_get_source_object (task);
  Start *start = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GError *error = NULL;

  /* Before each try: it may have become another's by way of a set-user-ID program. */
  if (start->pidfd >= 0 && (!bothy_pidfd_check (start->pidfd, start->owner, (int *)&start->pid, &error) ||
                            g_unix_fd_list_append (fds, start->pidfd, &error) < 0)) {
    bothy_error_adopt (&error, "Making a scope");
    g_task_return_error (task, error);
    return;
  }
  self->in_flight++;
  g_dbus_connection_call_with_unix_fd_list (
      self->bus, NAME, PATH, MANAGER, "StartTransientUnit",
      g_variant_new ("(ss@a(sv)@a(sa(sv)))", start->unit, "fail", scope_properties (start),
                     g_variant_new_array (G_VARIANT_TYPE ("(sa(sv))"), NULL, 0)),
      G_VARIANT_TYPE ("(o)"), G_DBUS_CALL_FLAGS_NONE, TIMEOUT,
      start->pidfd >= 0 && !start->by_number ? fds : NULL, NULL, on_started, g_object_ref (task));
}

void
bothy_scopes_make (BothyScopes *self,
                   const BothyScope *scope,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Start *start = g_new0 (Start, 1);
  GError *error = NULL;

  start->unit = g_strconcat (scope->name, ".scope", NULL);
  start->description = g_strdup (scope->description);
  start->slice = bothy_scopes_slice (scope->owner, scope->nested);
  start->nested = scope->nested;
  start->owner = scope->owner;
  start->user = scope->user;
  start->pid = (guint32)scope->pid;
  if (scope->limits)
    start->limits = *scope->limits;
  start->pidfd = scope->pidfd >= 0 ? bothy_fd_dup (scope->pidfd, &error) : -1;
  g_task_set_task_data (task, start, (GDestroyNotify)start_free);
  if (error)
    g_task_return_error (task, error);
  else
    send_start (task);
}

char *
bothy_scopes_make_finish (BothyScopes *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

char *
bothy_scopes_slice (guint32 owner, gboolean nested)
{
  return g_strdup_printf (nested ? "user-%u-bothy.slice" : "user-%u.slice", owner);
}

/* ---- what an earlier broker left ---- */

typedef struct {
  char *description;
  GHashTable *kept; /* names of units */
} Sweep;

static void
sweep_free (Sweep *self)
{
  g_free (self->description);
  g_hash_table_unref (self->kept);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sweep, sweep_free)

static Sweep *
sweep_new (const char *description, GHashTable *groups)
{
  Sweep *self = g_new0 (Sweep, 1);
  GHashTableIter iter;
  gpointer group;

  self->description = g_strdup (description);
  self->kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, groups);
  while (g_hash_table_iter_next (&iter, &group, NULL))
    g_hash_table_add (self->kept, g_path_get_basename (group));
  return self;
}

static void
on_scopes_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Sweep) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariantIter) units = NULL;
  const char *name, *description;

  if (!reply) {
    g_debug ("systemd did not list scopes that are left: %s", error->message);
    return;
  }
  g_variant_get (reply, "(a(ssssssouso))", &units);
  while (g_variant_iter_next (units, "(&s&sssssouso)", &name, &description, NULL, NULL, NULL, NULL, NULL,
                              NULL, NULL, NULL)) {
    if (g_str_equal (description, self->description) && !g_hash_table_contains (self->kept, name))
      stop_unit (G_DBUS_CONNECTION (source), name);
  }
}

void
bothy_scopes_sweep (BothyScopes *self, const char *description, GHashTable *kept)
{
  const char *patterns[] = { PATTERN };

  g_dbus_connection_call (
      self->bus, NAME, PATH, MANAGER, "ListUnitsByPatterns",
      g_variant_new ("(@as@as)", g_variant_new_strv (NULL, 0), g_variant_new_strv (patterns, 1)),
      G_VARIANT_TYPE ("(a(ssssssouso))"), G_DBUS_CALL_FLAGS_NONE, TIMEOUT, NULL, on_scopes_listed,
      sweep_new (description, kept));
}

/* ---- */

static void
bothy_scopes_finalize (GObject *object)
{
  BothyScopes *self = BOTHY_SCOPES (object);

  g_dbus_connection_signal_unsubscribe (self->bus, self->subscription);
  g_hash_table_unref (self->jobs);
  g_hash_table_unref (self->early);
  g_object_unref (self->bus);
  G_OBJECT_CLASS (bothy_scopes_parent_class)->finalize (object);
}

static void
bothy_scopes_class_init (BothyScopesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_scopes_finalize;
}

static void
bothy_scopes_init (BothyScopes *self)
{
  self->jobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->early = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

BothyScopes *
bothy_scopes_new (GDBusConnection *system_bus)
{
  BothyScopes *self = g_object_new (BOTHY_TYPE_SCOPES, NULL);

  self->bus = g_object_ref (system_bus);
  /* GDBus compares the sender with the owner of NAME, so nobody else's JobRemoved gets through. */
  self->subscription =
      g_dbus_connection_signal_subscribe (system_bus, NAME, MANAGER, "JobRemoved", PATH, NULL,
                                          G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, self, NULL);
  g_dbus_connection_call (system_bus, NAME, PATH, MANAGER, "Subscribe", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                          TIMEOUT, NULL, NULL, NULL);
  return self;
}
