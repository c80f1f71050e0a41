/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "folders.h"

#include "autofd.h"
#include "copytree.h"
#include "launch.h"
#include "mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Opens the directory PATH as who is inside the tree ROOT sees it. An fd or a negative errno value. */
static int
open_as_inside (int root, const char *path)
{
  struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                          .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
  long fd = syscall (SYS_openat2, root, path, &how, sizeof how);

  return fd < 0 ? -errno : (int)fd;
}

/* Opens PATH, which can be changed, below ROOT; its last part is made if it is missing. */
static int
ensure_last (int root, char *path)
{
  int fd = open_as_inside (root, path);
  char *slash = strrchr (path, '/');

  if (fd != -ENOENT)
    return fd;
  *slash = '\0';
  autofd above = open_as_inside (root, *path ? path : "/");
  *slash = '/';
  if (above < 0)
    return above;
  /* What is there all the same is a link that leads nowhere: the next look tells. */
  if (mkdirat (above, slash + 1, 0755) < 0 && errno != EEXIST)
    return -errno;
  return open_as_inside (root, path);
}

/* Each directory of PATH, from the top; the fd of the last one, or a negative errno value. */
static int
ensure_directory (int root, const char *path)
{
  char part[PATH_MAX];
  int fd;

  if (path[0] != '/' || snprintf (part, sizeof part, "%s", path) >= (int)sizeof part)
    return -EINVAL;
  for (char *slash = part; (slash = strchr (slash + 1, '/'));) {
    *slash = '\0';
    fd = ensure_last (root, part);
    *slash = '/';
    if (fd < 0)
      return fd;
    close (fd);
  }
  return ensure_last (root, part);
}

static bool
is_same (const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether FOUND is something in ROOT that the container can not do without. */
static bool
is_taken (int root, const struct stat *found)
{
  static const char *const names[] = { "/proc", "/sys", "/dev" };

  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    autofd fd = open_as_inside (root, names[i]);
    struct stat st;

    if (fd >= 0 && fstat (fd, &st) == 0 && is_same (found, &st))
      return true;
  }
  return false;
}

/* Whatever links led there: TARGET is neither the container's root nor at or in what it can not do without. */
static int
check_place (int root, int target)
{
  struct stat top, found;
  autofd at = fcntl (target, F_DUPFD_CLOEXEC, 3);

  if (at < 0 || fstat (root, &top) < 0 || fstat (at, &found) < 0)
    return -errno;
  if (is_same (&found, &top))
    return -EPERM;
  for (int depth = 0; depth < PATH_MAX && !is_same (&found, &top); depth++) {
    if (is_taken (root, &found))
      return -EPERM;
    int above = openat (at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
      return -errno;
    drop_fd (&at);
    at = above;
    if (fstat (at, &found) < 0)
      return -errno;
  }
  return is_same (&found, &top) ? 0 : -EPERM;
}

/* The index of DESTINATION, or with NULL of a free place; -1: there is none. */
static int
find_slot (const struct folder_table *table, const char *destination)
{
  for (int i = 0; i < FOLDERS_MAX; i++) {
    const char *found = table->slots[i].destination;

    if (destination ? found && strcmp (found, destination) == 0 : !found)
      return i;
  }
  return -1;
}

/* What the directory FROM has is copied into the volume MOUNT. */
static int
fill_volume (int mount, int from)
{
  autofd source = openat (from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  autofd volume = openat (mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return source < 0 || volume < 0 ? -errno : copy_tree_once_more (source, volume);
}

/* Opens *TARGET, where a mount at DESTINATION belongs. */
static struct fault
find_place (const struct folder_table *table, int root, const char *destination, int *target)
{
  if (find_slot (table, destination) >= 0)
    return fault_at (SUPERVISOR_STEP_FOLDER, EEXIST);
  if (find_slot (table, NULL) < 0)
    return fault_of_request (EMFILE);
  *target = ensure_directory (root, destination);
  int r = *target < 0 ? *target : check_place (root, *target);
  return r < 0 ? fault_at (SUPERVISOR_STEP_FOLDER, r) : NO_FAULT;
}

/* Attaches *MOUNT at TARGET, and takes it over. */
static struct fault
attach_at (struct folder_table *table, const char *destination, int target, int *mount)
{
  int slot = find_slot (table, NULL);
  autofree char *copy = strdup (destination);

  if (slot < 0 || !copy)
    return fault_of_request (slot < 0 ? EMFILE : ENOMEM);
  int r = mount_attach (*mount, target);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_FOLDER, r);
  table->slots[slot].mount = steal_fd (mount);
  table->slots[slot].destination = copy;
  copy = NULL;
  return NO_FAULT;
}

struct fault
folders_attach (struct folder_table *table, int root, const char *destination, int mount, bool fill)
{
  autofd given = mount;
  autofd target = -1;
  struct fault fault = find_place (table, root, destination, &target);
  int r = fill && !is_fault (fault) ? fill_volume (given, target) : 0;

  if (r < 0)
    fault = fault_at (SUPERVISOR_STEP_FILL, r);
  return is_fault (fault) ? fault : attach_at (table, destination, target, &given);
}

/* ---- filled while the container runs ---- */

/* What this process shares with its parent would stay open as long as the container has it stopped. */
static void
keep_only (int a, int b)
{
  int low = a < b ? a : b, high = a < b ? b : a;

  if (low > 3)
    close_range (3, (unsigned)low - 1, 0);
  if (high > low + 1)
    close_range ((unsigned)low + 1, (unsigned)high - 1, 0);
  close_range ((unsigned)high + 1, ~0U, 0);
}

/* It is seen inside, and can be ended there, as what exec.c forks; the exit status is an errno value. */
_Noreturn static void
run_fill (const struct cgroup *cgroup, bool joined, int mount, int target)
{
  launch_reset_process ();
  int r = joined ? 0 : cgroup_join (cgroup);
  keep_only (mount, target);
  if (r == 0)
    r = fill_volume (mount, target);
  _exit (-r);
}

struct fault
folders_begin_fill (
    struct folder_table *table, int root, const char *destination, int mount, const struct cgroup *cgroup)
{
  autofd given = mount;
  autofd target = -1;
  bool joined;

  if (table->filling.pid != 0)
    return fault_of_request (EBUSY);
  struct fault fault = find_place (table, root, destination, &target);
  if (is_fault (fault))
    return fault;
  autofree char *copy = strdup (destination);
  if (!copy)
    return fault_of_request (ENOMEM);
  pid_t pid = cgroup_fork (cgroup, &joined);
  if (pid == 0)
    run_fill (cgroup, joined, given, target);
  if (pid < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  table->filling = (struct folder_filling){ .pid = pid, .destination = copy };
  table->filling.mount = steal_fd (&given);
  table->filling.target = steal_fd (&target);
  copy = NULL;
  return NO_FAULT;
}

struct fault
folders_end_fill (struct folder_table *table, int root, int status)
{
  autofree char *destination = table->filling.destination;
  autofd mount = table->filling.mount;
  autofd target = table->filling.target;

  table->filling = (struct folder_filling){ 0 };
  if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
    return fault_at (SUPERVISOR_STEP_FILL, WIFEXITED (status) ? WEXITSTATUS (status) : ECANCELED);
  /* It may have been moved meanwhile. */
  int r = check_place (root, target);
  return r < 0 ? fault_at (SUPERVISOR_STEP_FOLDER, r) : attach_at (table, destination, target, &mount);
}

/* Whoever asked for it is gone. The process is reaped as one that nobody knows. */
static void
give_up_fill (struct folder_table *table)
{
  kill (table->filling.pid, SIGKILL);
  drop_fd (&table->filling.mount);
  drop_fd (&table->filling.target);
  free (table->filling.destination);
  table->filling = (struct folder_filling){ 0 };
}

struct fault
folders_detach (struct folder_table *table, const char *destination)
{
  int slot = find_slot (table, destination);
  int r = 0;

  if (table->filling.pid != 0 && strcmp (table->filling.destination, destination) == 0)
    give_up_fill (table);
  if (slot < 0)
    return fault_at (SUPERVISOR_STEP_FOLDER, ENOENT);
  /* EINVAL: it is mounted nowhere any more. */
  if (fchdir (table->slots[slot].mount) < 0 || (umount2 (".", MNT_DETACH) < 0 && errno != EINVAL))
    r = -errno;
  /* A working directory in there would outlive the mount. */
  if (chdir ("/") < 0 && r == 0)
    r = -errno;
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_FOLDER, r);
  drop_fd (&table->slots[slot].mount);
  free (table->slots[slot].destination);
  table->slots[slot].destination = NULL;
  return NO_FAULT;
}
