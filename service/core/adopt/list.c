/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/list.h"

#include "base/fd.h"
#include "core/adopt/running.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Both directories are root's own; of what is in them only names are looked at. */
static const struct {
  BothyAdoptKind kind;
  const char *directory;
  const char *has; /* what one has in it */
} places[] = {
  { BOTHY_ADOPT_LXC, "/var/lib/lxc", "rootfs" },
  { BOTHY_ADOPT_NSPAWN, "/var/lib/machines", "usr" },
};

static gboolean
is_container (int top, const char *name, const char *has)
{
  autofd fd = openat (top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;

  return fd >= 0 && fstatat (fd, has, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* (element-type utf8) (transfer full) */
static GPtrArray *
list_names (const char *directory, const char *has)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  DIR *listing = opendir (directory);
  const struct dirent *entry;

  while (listing && (entry = readdir (listing)))
    if (entry->d_name[0] != '.' && g_utf8_validate (entry->d_name, -1, NULL) &&
        is_container (dirfd (listing), entry->d_name, has))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  if (listing)
    closedir (listing);
  g_ptr_array_sort (names, compare_names);
  return names;
}

/* The control groups of all processes, a line each. */
static char *
read_groups (void)
{
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  GString *all = g_string_new (NULL);
  const char *pid;

  while (proc && (pid = g_dir_read_name (proc))) {
    g_autofree char *path = g_build_filename ("/proc", pid, "cgroup", NULL);
    g_autofree char *groups = NULL;

    if (g_ascii_isdigit (*pid) && g_file_get_contents (path, &groups, NULL, NULL))
      g_string_append (all, groups);
  }
  return g_string_free (all, FALSE);
}

static void
list_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_autofree char *groups = read_groups ();
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssss)"));
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autoptr (GPtrArray) names = list_names (places[i].directory, places[i].has);

    for (guint n = 0; n < names->len; n++) {
      const char *name = names->pdata[n];
      gboolean runs = bothy_adopt_is_group_of (places[i].kind, name, groups);

      g_variant_builder_add (&builder, "(ssss)", bothy_adopt_kind_name (places[i].kind), name,
                             runs ? "running" : "stopped", places[i].directory);
    }
  }
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&builder)),
                         (GDestroyNotify)g_variant_unref);
}

void
bothy_adopt_list (GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);

  g_task_run_in_thread (task, list_in_thread);
}

GVariant *
bothy_adopt_list_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
