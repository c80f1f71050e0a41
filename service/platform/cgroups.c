/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cgroups.h"

#include "platform/cgroupfs.h"
#include "platform/systemd.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <systemd/sd-daemon.h>

#define PREFIX      "bothy-"
#define UUID_LENGTH 36

G_DEFINE_TYPE (BothyCgroups, bothy_cgroups, G_TYPE_OBJECT)

static void
bothy_cgroups_class_init (BothyCgroupsClass *class)
{
}

static void
bothy_cgroups_init (BothyCgroups *self)
{
}

gboolean
bothy_cgroups_is_systemd (void)
{
  return sd_booted () > 0;
}

BothyCgroups *
bothy_cgroups_new (GDBusConnection *system_bus, BothyHelper *helper)
{
  if (bothy_cgroups_is_systemd ())
    return bothy_systemd_new (system_bus);
  return bothy_cgroupfs_new (helper);
}

const char *
bothy_cgroups_mount (void)
{
  static const char *const candidates[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++) {
    struct statfs fs;

    if (statfs (candidates[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
      return candidates[i];
  }
  return NULL;
}

void
bothy_cgroups_start (BothyCgroups *self, const char *id, const BothyCgroupSpec *spec,
                     GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  /* A new name each time: the group of the run before may not be gone yet. */
  g_autofree char *name = g_strdup_printf (PREFIX "%s-%08x", id, g_random_int ());

  BOTHY_CGROUPS_GET_CLASS (self)->start (self, name, spec, task);
}

char *
bothy_cgroups_start_finish (BothyCgroups *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
bothy_cgroups_delegate (BothyCgroups *self, guint32 user, guint32 owner, int pidfd, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autofree char *name = g_strdup_printf (PREFIX BOTHY_CGROUPS_HAND "%08x%08x", g_random_int (), g_random_int ());

  BOTHY_CGROUPS_GET_CLASS (self)->delegate (self, name, user, owner, pidfd, task);
}

void
bothy_cgroups_limit (BothyCgroups *self, const char *group, const BothyLimits *limits, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  BOTHY_CGROUPS_GET_CLASS (self)->limit (self, group, limits, task);
}

gboolean
bothy_cgroups_limit_finish (BothyCgroups *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

int
bothy_cgroups_open (const char *group)
{
  const char *mount = bothy_cgroups_mount ();
  g_autofree char *path = g_strconcat (mount ? mount : "/nonexistent", group, NULL);

  return open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void
bothy_cgroups_kill (BothyCgroups *self, const char *group)
{
  if (group && *group)
    BOTHY_CGROUPS_GET_CLASS (self)->kill (self, group);
}

void
bothy_cgroups_remove (BothyCgroups *self, const char *group)
{
  if (group && *group)
    BOTHY_CGROUPS_GET_CLASS (self)->remove (self, group);
}

char *
bothy_cgroups_container_of (guint32 pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/cgroup", pid);
  g_autofree char *text = NULL;
  const char *found;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  found = strstr (text, "/" PREFIX);
  if (!found || strlen (found) < strlen ("/" PREFIX) + UUID_LENGTH)
    return NULL;
  return g_strndup (found + strlen ("/" PREFIX), UUID_LENGTH);
}
