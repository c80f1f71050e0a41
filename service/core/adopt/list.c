/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/list.h"

#include "base/fd.h"
#include "core/adopt/running.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

/* What the name of a container's directory begins with that was adopted where it is, and the length of what follows: see helper/adoptable.c. */
#define LABEL     ".adopted-by-bothy."
#define ID_LENGTH 64

/* These directories are root's own; of what is in them only names are looked at. */
static const struct {
  BothyAdoptKind kind;
  const char *directory;
  const char *has; /* what one has in it */
} places[] = {
  { BOTHY_ADOPT_LXC, "/var/lib/lxc", "rootfs" },
  { BOTHY_ADOPT_NSPAWN, "/var/lib/machines", "usr" },
  /* Into the container's own nobody sees. */
  { BOTHY_ADOPT_INCUS, "/var/lib/incus/storage-pools/*/containers", "" },
  { BOTHY_ADOPT_INCUS, "/var/lib/lxd/storage-pools/*/containers", "" },
  { BOTHY_ADOPT_INCUS, "/var/snap/lxd/common/lxd/storage-pools/*/containers", "" },
};

typedef struct {
  char *name;
  guint32 root; /* whose its tree is */
} Found;

static void
found_free (gpointer data)
{
  Found *found = data;

  g_free (found->name);
  g_free (found);
}

static void
process_free (gpointer data)
{
  bothy_adopt_process_clear (data);
  g_free (data);
}

static void
add_if_container (GPtrArray *containers, int top, const char *directory, const char *name, const char *has)
{
  autofd fd = openat (top, directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;
  Found *found;

  if (fd < 0 || fstatat (fd, has, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
    return;
  found = g_new0 (Found, 1);
  found->name = g_strdup (name);
  found->root = st.st_uid;
  g_ptr_array_add (containers, found);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  const Found *const *one = a, *const *other = b;

  return strcmp ((*one)->name, (*other)->name);
}

/* (element-type Found) (transfer full) */
static void
add_containers (GPtrArray *containers, const char *directory, const char *has)
{
  DIR *listing = opendir (directory);
  const struct dirent *entry;

  while (listing && (entry = readdir (listing))) {
    if (!g_utf8_validate (entry->d_name, -1, NULL))
      continue;
    if (g_str_has_prefix (entry->d_name, LABEL) && strlen (entry->d_name) > strlen (LABEL) + ID_LENGTH + 1)
      add_if_container (containers, dirfd (listing), entry->d_name,
                        entry->d_name + strlen (LABEL) + ID_LENGTH + 1, has);
    else if (entry->d_name[0] != '.')
      add_if_container (containers, dirfd (listing), entry->d_name, entry->d_name, has);
  }
  if (listing)
    closedir (listing);
}

/* DIRECTORY may be a pattern for glob(3). */
static GPtrArray *
find_containers (const char *directory, const char *has)
{
  GPtrArray *containers = g_ptr_array_new_with_free_func (found_free);
  glob_t matches;

  if (glob (directory, GLOB_NOSORT, NULL, &matches) == 0) {
    for (gsize i = 0; i < matches.gl_pathc; i++)
      add_containers (containers, matches.gl_pathv[i], has);
    globfree (&matches);
  }
  g_ptr_array_sort (containers, compare_names);
  return containers;
}

/* (element-type BothyAdoptProcess) (transfer full) */
static GPtrArray *
read_processes (void)
{
  GPtrArray *processes = g_ptr_array_new_with_free_func (process_free);
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *pid;

  while (proc && (pid = g_dir_read_name (proc))) {
    BothyAdoptProcess process = { 0, NULL };

    if (g_ascii_isdigit (*pid) && bothy_adopt_process_read (&process, pid))
      g_ptr_array_add (processes, g_memdup2 (&process, sizeof process));
  }
  return processes;
}

static gboolean
runs (const Found *found, BothyAdoptKind kind, const GPtrArray *processes)
{
  for (guint i = 0; i < processes->len; i++) {
    if (bothy_adopt_process_is_of (processes->pdata[i], kind, found->name, found->root))
      return TRUE;
  }
  return FALSE;
}

static void
list_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_autoptr (GPtrArray) processes = read_processes ();
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssss)"));
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autoptr (GPtrArray) containers = find_containers (places[i].directory, places[i].has);

    for (guint n = 0; n < containers->len; n++) {
      const Found *found = containers->pdata[n];

      g_variant_builder_add (&builder, "(ssss)", bothy_adopt_kind_name (places[i].kind), found->name,
                             runs (found, places[i].kind, processes) ? "running" : "stopped",
                             places[i].directory);
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
