/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/cgroup-manager.h"

#include "base/error.h"
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <systemd/sd-daemon.h>

typedef struct {
  BothyHelperClient *helper;
  guint removals; /* under way */
} BothyCgroupManagerPrivate;

static guint settled_signal;

G_DEFINE_TYPE_WITH_PRIVATE (BothyCgroupManager, bothy_cgroup_manager, G_TYPE_OBJECT)

static void
bothy_cgroup_manager_finalize (GObject *object)
{
  BothyCgroupManagerPrivate *private =
      bothy_cgroup_manager_get_instance_private (BOTHY_CGROUP_MANAGER (object));

  g_object_unref (private->helper);
  G_OBJECT_CLASS (bothy_cgroup_manager_parent_class)->finalize (object);
}

static void
bothy_cgroup_manager_class_init (BothyCgroupManagerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_cgroup_manager_finalize;
  settled_signal = g_signal_new ("settled", BOTHY_TYPE_CGROUP_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
bothy_cgroup_manager_init (BothyCgroupManager *self)
{
}

gboolean
bothy_cgroup_manager_is_systemd (void)
{
  return sd_booted () > 0;
}

BothyCgroupManager *
bothy_cgroup_manager_construct (GType type, BothyHelperClient *helper)
{
  BothyCgroupManager *self = g_object_new (type, NULL);
  BothyCgroupManagerPrivate *private = bothy_cgroup_manager_get_instance_private (self);

  private->helper = g_object_ref (helper);
  return self;
}

void
bothy_cgroup_manager_count_removal (BothyCgroupManager *self, int by)
{
  BothyCgroupManagerPrivate *private = bothy_cgroup_manager_get_instance_private (self);

  private->removals += (guint)by;
  if (private->removals == 0)
    g_signal_emit (self, settled_signal, 0);
}

gboolean
bothy_cgroup_manager_is_idle (BothyCgroupManager *self)
{
  return ((BothyCgroupManagerPrivate *)bothy_cgroup_manager_get_instance_private (self))->removals == 0;
}

BothyHelperClient *
bothy_cgroup_manager_get_helper (BothyCgroupManager *self)
{
  return ((BothyCgroupManagerPrivate *)bothy_cgroup_manager_get_instance_private (self))->helper;
}

const char *
bothy_cgroup_manager_mount (void)
{
  static const char *const candidates[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++) {
    struct statfs fs;

    if (statfs (candidates[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
      return candidates[i];
  }
  return NULL;
}

int
bothy_cgroup_manager_open_copies (const char *group, GError **error)
{
  g_autofree char *path = g_build_filename (bothy_cgroup_manager_mount (), group, GROUPS_COPIES, NULL);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0)
    bothy_error_set_errno (error, errno, "Opening the container's control group");
  return fd;
}

gboolean
bothy_cgroup_manager_has_controller (const char *name)
{
  static char **controllers;

  if (!controllers) {
    const char *mount = bothy_cgroup_manager_mount ();
    g_autofree char *path = g_build_filename (mount ? mount : "/nonexistent", "cgroup.controllers", NULL);
    g_autofree char *text = NULL;

    g_file_get_contents (path, &text, NULL, NULL);
    controllers = g_strsplit_set (text ? text : "", " \n", -1);
  }
  return !name || g_strv_contains ((const char *const *)controllers, name);
}

void
bothy_cgroup_free (BothyCgroup *self)
{
  if (self->holder)
    self->let_go (self->holder);
  g_clear_object (&self->fds);
  g_free (self->path);
  g_free (self);
}

void
bothy_cgroup_manager_prepare (BothyCgroupManager *self, const BothyCgroupSpec *spec)
{
  if (BOTHY_CGROUP_MANAGER_GET_CLASS (self)->prepare)
    BOTHY_CGROUP_MANAGER_GET_CLASS (self)->prepare (self, spec);
}

void
bothy_cgroup_manager_sweep (BothyCgroupManager *self, GHashTable *kept)
{
  if (BOTHY_CGROUP_MANAGER_GET_CLASS (self)->sweep)
    BOTHY_CGROUP_MANAGER_GET_CLASS (self)->sweep (self, kept);
}

void
bothy_cgroup_manager_describe (BothyCgroupManager *self, const char *group, const char *id)
{
  if (BOTHY_CGROUP_MANAGER_GET_CLASS (self)->describe)
    BOTHY_CGROUP_MANAGER_GET_CLASS (self)->describe (self, group, id);
}

void
bothy_cgroup_manager_start (BothyCgroupManager *self,
                            const BothyCgroupSpec *spec,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  BOTHY_CGROUP_MANAGER_GET_CLASS (self)->start (self, spec, task);
}

BothyCgroup *
bothy_cgroup_manager_start_finish (BothyCgroupManager *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- settling: two things at the same time ---- */

typedef struct {
  guint pending;
  GError *error;
} Settle;

static void
settle_free (Settle *settle)
{
  g_clear_error (&settle->error);
  g_free (settle);
}

static void
settle_part (GTask *task, GError *error)
{
  Settle *settle = g_task_get_task_data (task);

  if (!settle->error)
    settle->error = error;
  else
    g_clear_error (&error);
  if (--settle->pending > 0)
    return;
  if (settle->error)
    g_task_return_error (task, g_steal_pointer (&settle->error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_given (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  settle_part (task, error);
}

static void
on_bounded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  settle_part (task, error);
}

void
bothy_cgroup_manager_settle (BothyCgroupManager *self,
                             const BothyCgroup *group,
                             const BothyCgroupSpec *spec,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  const struct helper_request own = { .op = HELPER_OWN, .owner = spec->base };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (GTask) bounded = g_task_new (self, NULL, on_bounded, g_object_ref (task));
  Settle *settle = g_new0 (Settle, 1);

  settle->pending = 2;
  g_task_set_task_data (task, settle, (GDestroyNotify)settle_free);
  BOTHY_CGROUP_MANAGER_GET_CLASS (self)->bound (self, group, spec, bounded);
  bothy_helper_client_call (bothy_cgroup_manager_get_helper (self), &own, group->fds, on_given,
                            g_object_ref (task));
}

gboolean
bothy_cgroup_manager_settle_finish (BothyCgroupManager *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
bothy_cgroup_manager_is_of_user (BothyCgroupManager *self, const char *group, guint32 user)
{
  return BOTHY_CGROUP_MANAGER_GET_CLASS (self)->is_of_user (self, group, user);
}

void
bothy_cgroup_manager_delegate (BothyCgroupManager *self,
                               guint32 user,
                               guint32 owner,
                               int pidfd,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autofree char *name = g_strdup_printf (BOTHY_CGROUP_MANAGER_PREFIX BOTHY_CGROUP_MANAGER_HAND "%08x%08x",
                                           g_random_int (), g_random_int ());

  BOTHY_CGROUP_MANAGER_GET_CLASS (self)->delegate (self, name, user, owner, pidfd, task);
}

void
bothy_cgroup_manager_limit (BothyCgroupManager *self,
                            const char *group,
                            const BothyCgroupLimits *limits,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  BOTHY_CGROUP_MANAGER_GET_CLASS (self)->limit (self, group, limits, task);
}

gboolean
bothy_cgroup_manager_limit_finish (BothyCgroupManager *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

int
bothy_cgroup_manager_open (const char *group)
{
  const char *mount = bothy_cgroup_manager_mount ();
  g_autofree char *path = g_strconcat (mount ? mount : "/nonexistent", group, NULL);

  return open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void
bothy_cgroup_manager_kill (BothyCgroupManager *self, const char *group)
{
  if (group && *group)
    BOTHY_CGROUP_MANAGER_GET_CLASS (self)->kill (self, group);
}

void
bothy_cgroup_manager_remove (BothyCgroupManager *self, const char *group)
{
  if (group && *group)
    BOTHY_CGROUP_MANAGER_GET_CLASS (self)->remove (self, group);
}

char *
bothy_cgroup_manager_of_process (guint32 pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/cgroup", pid);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++)
    if (g_str_has_prefix (*line, "0::/"))
      return g_strdup (*line + strlen ("0::"));
  return NULL;
}

gboolean
bothy_cgroup_manager_is_within (const char *group, const char *within)
{
  gsize length = strlen (within);

  return length > 0 && strncmp (group, within, length) == 0 &&
         (group[length] == '/' || group[length] == '\0');
}
