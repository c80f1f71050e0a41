/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/cgroup-manager-systemd.h"

#include "base/error.h"
#include "base/fd.h"
#include "platform/scopes.h"
#include "platform/scope-pool.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  BothyCgroupManager parent;
  GDBusConnection *bus;
  BothyScopes *scopes;
  BothyScopePool *spares;
  GHashTable *bounded; /* set of uids: the slice of their containers has its limits already */
} BothySystemd;

typedef BothyCgroupManagerClass BothySystemdClass;

static GType bothy_systemd_get_type (void);
G_DEFINE_TYPE (BothySystemd, bothy_systemd, BOTHY_TYPE_CGROUP_MANAGER)

/* Set PROPERTIES of UNIT until the unit ends or the machine boots: nothing is written to disk (the TRUE is "runtime"). */
static void
set_properties (BothySystemd *self,
                const char *unit,
                GVariant *properties,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  g_dbus_connection_call (self->bus, BOTHY_SYSTEMD_NAME, BOTHY_SYSTEMD_PATH, BOTHY_SYSTEMD_MANAGER,
                          "SetUnitProperties", g_variant_new ("(sb@a(sv))", unit, TRUE, properties), NULL,
                          G_DBUS_CALL_FLAGS_NONE, BOTHY_SYSTEMD_TIMEOUT, NULL, callback, user_data);
}

/* Give UNIT the limits LIMITS; what these do not limit is unlimited from now on, whatever it was before. */
static void
set_limits (BothySystemd *self,
            const char *unit,
            const BothyCgroupLimits *limits,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sv)"));
  bothy_cgroup_limits_add_properties (limits, TRUE, &builder);
  set_properties (self, unit, g_variant_builder_end (&builder), callback, user_data);
}

/* ---- the owner's slice ---- */

typedef struct {
  BothySystemd *systemd;
  guint32 owner;
} Bound;

static void
on_user_bounded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Bound *bound = user_data;
  g_autoptr (BothyCgroupManager) self = BOTHY_CGROUP_MANAGER (bound->systemd);
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
static gboolean
bound_user (BothySystemd *self, const BothyCgroupSpec *spec)
{
  g_autofree char *slice = bothy_scopes_slice (spec->owner, TRUE);
  gboolean limited = FALSE;
  Bound *bound;

  for (BothyCgroupLimit i = 0; i < BOTHY_N_LIMITS; i++)
    limited = limited || bothy_cgroup_limits_has (&spec->of_user, i);
  if (!limited || !g_hash_table_add (self->bounded, GUINT_TO_POINTER (spec->owner)))
    return limited;
  bound = g_new0 (Bound, 1);
  bound->systemd = g_object_ref (self);
  bound->owner = spec->owner;
  set_limits (self, slice, &spec->of_user, on_user_bounded, bound);
  return TRUE;
}

/* ---- containers ---- */

static void
systemd_prepare (BothyCgroupManager *cgroups, const BothyCgroupSpec *spec)
{
  BothySystemd *self = (BothySystemd *)cgroups;

  bothy_scope_pool_prepare (self->spares, spec, bound_user (self, spec));
}

static void
on_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyCgroup *group = bothy_scope_pool_take_finish (BOTHY_SCOPE_POOL (source), result, &error);

  if (group)
    g_task_return_pointer (task, group, (GDestroyNotify)bothy_cgroup_free);
  else
    g_task_return_error (task, error);
}

static void
systemd_start (BothyCgroupManager *cgroups, const BothyCgroupSpec *spec, GTask *task)
{
  BothySystemd *self = (BothySystemd *)cgroups;

  bothy_scope_pool_take (self->spares, spec, bound_user (self, spec), on_taken, g_object_ref (task));
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
systemd_bound (BothyCgroupManager *cgroups,
               const BothyCgroup *group,
               const BothyCgroupSpec *spec,
               GTask *task)
{
  g_autofree char *unit = g_path_get_basename (group->path);

  if (bothy_cgroup_limits_equal (&group->limits, &spec->limits))
    g_task_return_boolean (task, TRUE);
  else
    set_limits ((BothySystemd *)cgroups, unit, &spec->limits, on_limited, g_object_ref (task));
}

static void
systemd_describe (BothyCgroupManager *cgroups, const char *group, const char *id)
{
  g_autofree char *unit = g_path_get_basename (group);
  g_autofree char *text = g_str_equal (id, BOTHY_CGROUP_MANAGER_PARSERS)
                              ? g_strdup (BOTHY_SCOPE_POOL_PARSERS)
                              : g_strdup_printf ("Bothy container %s", id);

  set_properties ((BothySystemd *)cgroups, unit, g_variant_new_parsed ("[('Description', <%s>)]", text), NULL,
                  NULL);
}

static void
systemd_sweep (BothyCgroupManager *cgroups, GHashTable *kept)
{
  bothy_scopes_sweep (((BothySystemd *)cgroups)->scopes, BOTHY_SCOPE_POOL_DESCRIPTION, kept);
  bothy_scopes_sweep (((BothySystemd *)cgroups)->scopes, BOTHY_SCOPE_POOL_PARSERS, kept);
}

static void
systemd_limit (BothyCgroupManager *cgroups, const char *group, const BothyCgroupLimits *limits, GTask *task)
{
  g_autofree char *unit = g_path_get_basename (group);

  set_limits ((BothySystemd *)cgroups, unit, limits, on_limited, g_object_ref (task));
}

/* The kernel's word for it that there is no process in GROUP, nor below; see cgroups(7). */
static gboolean
is_empty (const char *group)
{
  char text[256];
  autofd directory = bothy_cgroup_manager_open (group);
  autofd events = openat (directory, "cgroup.events", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  ssize_t length = events < 0 ? -1 : read (events, text, sizeof text - 1);

  if (length < 0)
    return FALSE;
  text[length] = '\0';
  return strstr (text, "populated 0\n") != NULL;
}

/* systemd is spared the question about the many whose processes have ended by themselves. */
static void
systemd_kill (BothyCgroupManager *cgroups, const char *group)
{
  BothySystemd *self = (BothySystemd *)cgroups;
  g_autofree char *unit = g_path_get_basename (group);

  if (is_empty (group))
    return;
  g_dbus_connection_call (self->bus, BOTHY_SYSTEMD_NAME, BOTHY_SYSTEMD_PATH, BOTHY_SYSTEMD_MANAGER,
                          "KillUnit", g_variant_new ("(ssi)", unit, "all", 9), NULL, G_DBUS_CALL_FLAGS_NONE,
                          BOTHY_SYSTEMD_TIMEOUT, NULL, NULL, NULL);
}

/* systemd collects a scope when its last process is gone. */
static void
systemd_remove (BothyCgroupManager *cgroups, const char *group)
{
}

/* ---- by hand ---- */

static gboolean
systemd_is_of_user (BothyCgroupManager *cgroups, const char *group, guint32 user)
{
  g_autofree char *slice = g_strdup_printf ("/user.slice/user-%u.slice", user);

  return bothy_cgroup_manager_is_within (group, slice);
}

static void
on_delegated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char *group = bothy_scopes_make_finish (BOTHY_SCOPES (source), result, &error);

  if (group)
    g_task_return_pointer (task, group, g_free);
  else
    g_task_return_error (task, error);
}

static void
systemd_delegate (
    BothyCgroupManager *cgroups, const char *name, guint32 user, guint32 owner, int pidfd, GTask *task)
{
  const BothyScope scope = {
    .name = name, .description = "Bothy container by hand", .owner = user, .user = owner, .pidfd = pidfd
  };

  bothy_scopes_make (((BothySystemd *)cgroups)->scopes, &scope, on_delegated, g_object_ref (task));
}

static void
bothy_systemd_finalize (GObject *object)
{
  BothySystemd *self = (BothySystemd *)object;

  g_hash_table_unref (self->bounded);
  g_object_unref (self->spares);
  g_object_unref (self->scopes);
  g_object_unref (self->bus);
  G_OBJECT_CLASS (bothy_systemd_parent_class)->finalize (object);
}

static void
bothy_systemd_class_init (BothySystemdClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_systemd_finalize;
  class->prepare = systemd_prepare;
  class->start = systemd_start;
  class->bound = systemd_bound;
  class->describe = systemd_describe;
  class->sweep = systemd_sweep;
  class->is_of_user = systemd_is_of_user;
  class->delegate = systemd_delegate;
  class->limit = systemd_limit;
  class->kill = systemd_kill;
  class->remove = systemd_remove;
}

static void
bothy_systemd_init (BothySystemd *self)
{
  self->bounded = g_hash_table_new (NULL, NULL);
}

BothyCgroupManager *
bothy_cgroup_manager_systemd_new (GDBusConnection *system_bus, BothyHelperClient *helper)
{
  BothySystemd *self = (BothySystemd *)bothy_cgroup_manager_construct (bothy_systemd_get_type (), helper);

  self->bus = g_object_ref (system_bus);
  self->scopes = bothy_scopes_new (system_bus);
  self->spares = bothy_scope_pool_new (self->scopes, helper);
  return BOTHY_CGROUP_MANAGER (self);
}
