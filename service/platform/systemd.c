/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "systemd.h"

#include "core/error.h"
#include "platform/fd.h"
#include "platform/pidfd.h"

#include <fcntl.h>
#include <gio/gunixfdlist.h>

#define NAME      "org.freedesktop.systemd1"
#define PATH      "/org/freedesktop/systemd1"
#define MANAGER   NAME ".Manager"
#define TIMEOUT   20000 /* ms for systemd to answer */
#define JOB_SECONDS 30  /* for the scope's job: systemd may have been restarted, and have forgotten it */
#define RETRIES   40    /* of a start that meets the slice being stopped */
#define RETRY_MS  50

/* What StartTransientUnit fails with while a slice of the transaction still stops. */
#define DESTRUCTIVE NAME ".TransactionIsDestructive"

typedef struct {
  BothyCgroups parent;
  GDBusConnection *bus;
  GHashTable *jobs; /* object path → GTask */
  GHashTable *bounded; /* uid: whose containers' slice has its limits */
  GHashTable *early; /* job paths that ended before the reply with their path was read → result */
  guint subscription;
  guint in_flight;
} BothySystemd;

typedef BothyCgroupsClass BothySystemdClass;

static GType bothy_systemd_get_type (void);
G_DEFINE_TYPE (BothySystemd, bothy_systemd, BOTHY_TYPE_CGROUPS)

typedef struct {
  char *unit;
  char *slice;
  char *below; /* "SLICE/" that the slice is in, or NULL: in user.slice */
  char *user;
  guint32 owner; /* whose slice it is in, and whose process PIDFD is */
  guint32 pid;
  int pidfd;     /* -1: PID is a process of ours, which can not go */
  gboolean by_number;
  BothyLimits limits;
  guint tries;
  char *job;     /* that makes the unit, while it is waited for */
  guint timer;
} Start;

static void
start_free (Start *start)
{
  if (start->timer)
    g_source_remove (start->timer);
  g_free (start->job);
  g_free (start->unit);
  g_free (start->slice);
  g_free (start->below);
  g_free (start->user);
  bothy_clear_fd (&start->pidfd);
  g_free (start);
}

static char *
group_of (const Start *start)
{
  return g_strdup_printf ("/user.slice/%s%s/%s", start->below ? start->below : "", start->slice, start->unit);
}

static void
finish (GTask *task, const char *result)
{
  if (g_str_equal (result, "done"))
    g_task_return_pointer (task, group_of (g_task_get_task_data (task)), g_free);
  else
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "systemd: the scope's job ended: %s",
                             result);
}

static void
on_job_removed (GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                const char *member, GVariant *args, gpointer user_data)
{
  BothySystemd *self = user_data;
  const char *job, *result;
  g_autoptr (GTask) task = NULL;

  if (!g_variant_is_of_type (args, G_VARIANT_TYPE ("(uoss)")))
    return;
  g_variant_get (args, "(u&o&s&s)", NULL, &job, NULL, &result);
  task = g_hash_table_lookup (self->jobs, job);
  if (task) {
    Start *start = g_task_get_task_data (g_object_ref (task));

    g_hash_table_remove (self->jobs, job);
    g_clear_handle_id (&start->timer, g_source_remove);
    finish (task, result);
  } else if (self->in_flight > 0)
    g_hash_table_insert (self->early, g_strdup (job), g_strdup (result));
}

static gboolean
on_job_timeout (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  BothySystemd *self = g_task_get_source_object (task);
  Start *start = g_task_get_task_data (task);

  start->timer = 0;
  g_hash_table_remove (self->jobs, start->job);
  g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "systemd: the scope's job takes too long");
  return G_SOURCE_REMOVE;
}

static void
wait_for_job (GTask *task, const char *job)
{
  BothySystemd *self = g_task_get_source_object (task);
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
retry (GTask *task, const GError *error)
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
  BothySystemd *self = g_task_get_source_object (task);
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;
  const char *job, *early;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (self->bus, NULL, result, &error);
  self->in_flight--;
  if (!reply) {
    if (retry (task, error) || retry_by_number (task, error)) {
      g_error_free (error);
      return;
    }
    bothy_error_adopt (&error, "systemd did not make the container's scope");
    g_task_return_error (task, error);
    return;
  }
  g_variant_get (reply, "(&o)", &job);
  early = g_hash_table_lookup (self->early, job);
  if (early)
    finish (task, early);
  else
    wait_for_job (task, job);
  if (self->in_flight == 0)
    g_hash_table_remove_all (self->early);
}

/* User= always goes with Delegate=: without it the group would stay root's. */
static GVariant *
scope_properties (const Start *start)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sv)"));
  g_variant_builder_add (&builder, "(sv)", "Description",
                         g_variant_new_string (start->pidfd < 0 ? "Bothy container" : "Bothy container by hand"));
  g_variant_builder_add (&builder, "(sv)", "Slice", g_variant_new_string (start->slice));
  g_variant_builder_add (&builder, "(sv)", "Delegate", g_variant_new_boolean (TRUE));
  g_variant_builder_add (&builder, "(sv)", "User", g_variant_new_string (start->user));
  g_variant_builder_add (&builder, "(sv)", "CollectMode", g_variant_new_string ("inactive-or-failed"));
  g_variant_builder_add (&builder, "(sv)", "TimeoutStopUSec", g_variant_new_uint64 (10 * G_USEC_PER_SEC));
  if (start->pidfd < 0 || start->by_number)
    g_variant_builder_add (&builder, "(sv)", "PIDs",
                           g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, &start->pid, 1, sizeof (guint32)));
  else
    g_variant_builder_add (&builder, "(sv)", "PIDFDs", g_variant_new_parsed ("[@h 0]"));
  bothy_limits_add_properties (&start->limits, FALSE, &builder);
  return g_variant_builder_end (&builder);
}

static void
send_start (GTask *task)
{
  BothySystemd *self = g_task_get_source_object (task);
  Start *start = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GError *error = NULL;

  /* Before each try: it may have become another's by way of a set-user-ID program. */
  if (start->pidfd >= 0 && (!bothy_pidfd_check (start->pidfd, start->owner, (int *) &start->pid, &error) ||
                            g_unix_fd_list_append (fds, start->pidfd, &error) < 0)) {
    g_task_return_error (task, error);
    return;
  }
  self->in_flight++;
  g_dbus_connection_call_with_unix_fd_list (self->bus, NAME, PATH, MANAGER, "StartTransientUnit",
                          g_variant_new ("(ss@a(sv)@a(sa(sv)))", start->unit, "fail", scope_properties (start),
                                         g_variant_new_array (G_VARIANT_TYPE ("(sa(sv))"), NULL, 0)),
                          G_VARIANT_TYPE ("(o)"), G_DBUS_CALL_FLAGS_NONE, TIMEOUT,
                          start->pidfd >= 0 && !start->by_number ? fds : NULL, NULL, on_started, g_object_ref (task));
}

static Start *
start_new (const char *name, guint32 slice_of, guint32 given_to)
{
  Start *start = g_new0 (Start, 1);

  start->unit = g_strconcat (name, ".scope", NULL);
  start->slice = g_strdup_printf ("user-%u.slice", slice_of);
  start->user = g_strdup_printf ("%u", given_to);
  start->owner = slice_of;
  start->pidfd = -1;
  return start;
}

static void
systemd_delegate (BothyCgroups *cgroups, const char *name, guint32 user, guint32 owner, int pidfd, GTask *task)
{
  Start *start = start_new (name, user, owner);

  start->pidfd = fcntl (pidfd, F_DUPFD_CLOEXEC, 3);
  g_task_set_task_data (task, start, (GDestroyNotify) start_free);
  if (start->pidfd >= 0)
    send_start (task);
  else
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED, "No file descriptor is free");
}

/* Runtime: gone with the unit, or the next boot. */
static void
set_properties (BothySystemd *self, const char *unit, const BothyLimits *limits, GAsyncReadyCallback callback,
                gpointer user_data)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sv)"));
  bothy_limits_add_properties (limits, TRUE, &builder);
  g_dbus_connection_call (self->bus, NAME, PATH, MANAGER, "SetUnitProperties",
                          g_variant_new ("(sba(sv))", unit, TRUE, &builder), NULL, G_DBUS_CALL_FLAGS_NONE, TIMEOUT,
                          NULL, callback, user_data);
}

typedef struct {
  BothySystemd *systemd;
  guint32 owner;
} Bound;

static void
on_bounded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Bound *bound = user_data;
  g_autoptr (BothyCgroups) self = BOTHY_CGROUPS (bound->systemd);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply)
    return;
  g_warning ("systemd did not limit the containers of user %u: %s", bound->owner, error->message);
  g_hash_table_remove (bound->systemd->bounded, GUINT_TO_POINTER (bound->owner));
}

/*
 * The user's containers go into a slice of their own below his, if they have a limit in
 * common; if not they are spared it, since it comes and goes with the first and the last
 * of them. Once for each user is enough: systemd keeps the limits when the slice goes. It
 * takes calls one after the other, so the scope, which is asked for next, need not wait.
 */
static void
bound_user (BothySystemd *self, const BothyCgroupSpec *spec, Start *start)
{
  gboolean limited = FALSE;
  Bound *bound;

  for (BothyLimit i = 0; i < BOTHY_N_LIMITS; i++)
    limited = limited || bothy_limits_has (&spec->of_user, i);
  if (!limited)
    return;
  g_free (start->slice);
  start->slice = g_strdup_printf ("user-%u-bothy.slice", spec->owner);
  start->below = g_strdup_printf ("user-%u.slice/", spec->owner);
  if (!g_hash_table_add (self->bounded, GUINT_TO_POINTER (spec->owner)))
    return;
  bound = g_new0 (Bound, 1);
  bound->systemd = g_object_ref (self);
  bound->owner = spec->owner;
  set_properties (self, start->slice, &spec->of_user, on_bounded, bound);
}

static void
systemd_start (BothyCgroups *cgroups, const char *name, const BothyCgroupSpec *spec, GTask *task)
{
  Start *start = start_new (name, spec->owner, spec->base);

  start->pid = (guint32) spec->pid;
  start->limits = spec->limits;
  g_task_set_task_data (task, start, (GDestroyNotify) start_free);
  bound_user ((BothySystemd *) cgroups, spec, start);
  send_start (task);
}

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply)
    g_task_return_boolean (task, TRUE);
  else {
    bothy_error_adopt (&error, "systemd did not change the limits");
    g_task_return_error (task, error);
  }
}

static void
systemd_limit (BothyCgroups *cgroups, const char *group, const BothyLimits *limits, GTask *task)
{
  g_autofree char *unit = g_path_get_basename (group);

  set_properties ((BothySystemd *) cgroups, unit, limits, on_limited, g_object_ref (task));
}

static void
systemd_kill (BothyCgroups *cgroups, const char *group)
{
  BothySystemd *self = (BothySystemd *) cgroups;
  g_autofree char *unit = g_path_get_basename (group);

  g_dbus_connection_call (self->bus, NAME, PATH, MANAGER, "KillUnit",
                          g_variant_new ("(ssi)", unit, "all", 9), NULL, G_DBUS_CALL_FLAGS_NONE, TIMEOUT, NULL,
                          NULL, NULL);
}

/* systemd collects a scope when its last process is gone. */
static void
systemd_remove (BothyCgroups *cgroups, const char *group)
{
}

static void
bothy_systemd_finalize (GObject *object)
{
  BothySystemd *self = (BothySystemd *) object;

  g_dbus_connection_signal_unsubscribe (self->bus, self->subscription);
  g_hash_table_unref (self->jobs);
  g_hash_table_unref (self->early);
  g_hash_table_unref (self->bounded);
  g_object_unref (self->bus);
  G_OBJECT_CLASS (bothy_systemd_parent_class)->finalize (object);
}

static void
bothy_systemd_class_init (BothySystemdClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_systemd_finalize;
  class->start = systemd_start;
  class->delegate = systemd_delegate;
  class->limit = systemd_limit;
  class->kill = systemd_kill;
  class->remove = systemd_remove;
}

static void
bothy_systemd_init (BothySystemd *self)
{
  self->jobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->bounded = g_hash_table_new (NULL, NULL);
  self->early = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

BothyCgroups *
bothy_systemd_new (GDBusConnection *system_bus)
{
  BothySystemd *self = g_object_new (bothy_systemd_get_type (), NULL);

  self->bus = g_object_ref (system_bus);
  /* GDBus compares the sender with the owner of NAME, so nobody else's JobRemoved gets through. */
  self->subscription =
      g_dbus_connection_signal_subscribe (system_bus, NAME, MANAGER, "JobRemoved", PATH, NULL,
                                          G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, self, NULL);
  g_dbus_connection_call (system_bus, NAME, PATH, MANAGER, "Subscribe", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                          TIMEOUT, NULL, NULL, NULL);
  return BOTHY_CGROUPS (self);
}
