/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/cgroup-manager-cgroupfs.h"

#include "base/error.h"
#include "base/fd.h"
#include "platform/pidfd.h"
#include "wire/groups.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What a group that is given away by hand consists of, as the kernel's documentation (cgroup-v2, "Delegation") says. */
static const char *const delegated[] = { "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", NULL };

typedef struct {
  BothyCgroupManager parent;
  GHashTable *removing; /* paths of groups, a set */
} BothyCgroupfs;

typedef BothyCgroupManagerClass BothyCgroupfsClass;

static GType bothy_cgroupfs_get_type (void);
G_DEFINE_TYPE (BothyCgroupfs, bothy_cgroupfs, BOTHY_TYPE_CGROUP_MANAGER)

typedef struct {
  char *group;
  int fd;
} Start;

static void
start_free (Start *start)
{
  bothy_clear_fd (&start->fd);
  g_free (start->group);
  g_free (start);
}

static gboolean
write_file (int dirfd, const char *name, const char *text)
{
  autofd fd = openat (dirfd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

  return fd >= 0 && write (fd, text, strlen (text)) == (ssize_t)strlen (text);
}

/* Make directory NAME, which everybody may enter whatever the umask is; one that is there stays. */
static int
make_directory (int parent, const char *name)
{
  gboolean made = mkdirat (parent, name, 0755) == 0;
  autofd fd =
      made || errno == EEXIST ? openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

  if (fd >= 0 && made && fchmod (fd, 0755) < 0)
    return -1;
  return g_steal_fd (&fd);
}

/* What is below DIRFD gets the controllers that the machine has to spare. */
static void
enable_controllers (int dirfd)
{
  static const char *const controllers[] = { "+memory", "+pids", "+cpu", "+io", "+cpuset" };

  for (gsize i = 0; i < G_N_ELEMENTS (controllers); i++)
    write_file (dirfd, "cgroup.subtree_control", controllers[i]);
}

/* Make GROUP and the directories above it. */
static int
make_group (const char *group)
{
  g_auto (GStrv) parts = g_strsplit (group + 1, "/", -1);
  autofd fd = bothy_cgroup_manager_open ("");

  for (char **part = parts; fd >= 0 && *part; part++) {
    autofd parent = g_steal_fd (&fd);

    enable_controllers (parent);
    fd = make_directory (parent, *part);
  }
  return g_steal_fd (&fd);
}

static void
on_owned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  Start *start = g_task_get_task_data (task);
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, g_steal_pointer (&start->group), g_free);
}

/* O_PATH: cgroup.kill can not be read. */
static gboolean
append_files (GUnixFDList *fds, int dirfd, const char *const *names)
{
  for (; *names; names++) {
    autofd fd = openat (dirfd, *names, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || g_unix_fd_list_append (fds, fd, NULL) < 0)
      return FALSE;
  }
  return TRUE;
}

static void cgroupfs_remove (BothyCgroupManager *cgroups, const char *group);

/* Limits first: what is in it from then on has them. */
static BothyCgroup *
make (const char *path, const BothyCgroupSpec *spec, GError **error)
{
  __attribute__ ((cleanup (groups_close))) struct groups groups = { 0 };
  autofd fd = make_group (path);
  autofd users = -1;
  g_autoptr (BothyCgroup) group = g_new0 (BothyCgroup, 1);

  if (fd < 0 || (errno = groups_make (fd, &groups)) != 0) {
    bothy_error_set_errno (error, errno, "Making the container's control groups");
    return NULL;
  }
  users = openat (fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bothy_cgroup_limits_write (&spec->of_user, TRUE, users, NULL);
  if (!bothy_cgroup_limits_write (&spec->limits, FALSE, fd, error))
    return NULL;
  groups_enable (fd);
  group->path = g_strdup (path);
  group->fds = bothy_fd_list (groups.fds, groups.n_fds, error);
  return group->fds ? g_steal_pointer (&group) : NULL;
}

/* The groups below GROUP whose names begin with PREFIX, but those KEPT (or NULL) and what users have by hand: where a process still
   runs, it is tried again. */
static void
remove_those (BothyCgroupManager *cgroups, const char *group, const char *prefix, GHashTable *kept)
{
  autofd fd = bothy_cgroup_manager_open (group);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = fd >= 0 ? g_dir_open (path, 0, NULL) : NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *one = g_strconcat (group, "/", name, NULL);

    if (g_str_has_prefix (name, prefix) && !strstr (name, BOTHY_CGROUP_MANAGER_HAND) &&
        !(kept && g_hash_table_contains (kept, one)))
      cgroupfs_remove (cgroups, one);
  }
}

/* Those of an earlier broker's parsers. */
static void
remove_parsers (BothyCgroupManager *cgroups, guint32 owner)
{
  g_autofree char *group = g_strdup_printf ("/bothy/u%u", owner);

  remove_those (cgroups, group, BOTHY_CGROUP_MANAGER_PREFIX BOTHY_CGROUP_MANAGER_PARSERS "-", NULL);
}

/* An earlier broker may have been killed before the last process of a container had left, or when it had just made a group. */
static void
cgroupfs_sweep (BothyCgroupManager *cgroups, GHashTable *kept)
{
  autofd fd = bothy_cgroup_manager_open ("/bothy");
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = fd >= 0 ? g_dir_open (path, 0, NULL) : NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *group = g_strconcat ("/bothy/", name, NULL);

    if (*name == 'u')
      remove_those (cgroups, group, BOTHY_CGROUP_MANAGER_PREFIX, kept);
  }
}

static void
cgroupfs_start (BothyCgroupManager *cgroups, const BothyCgroupSpec *spec, GTask *task)
{
  /* A new name each time: the group of the run before may not be gone yet. */
  g_autofree char *path = g_strdup_printf ("/bothy/u%u/" BOTHY_CGROUP_MANAGER_PREFIX "%s-%08x", spec->owner,
                                           spec->id, g_random_int ());
  GError *error = NULL;
  BothyCgroup *group;

  if (spec->is_fresh)
    remove_parsers (cgroups, spec->owner);
  group = make (path, spec, &error);
  if (group) {
    g_task_return_pointer (task, group, (GDestroyNotify)bothy_cgroup_free);
    return;
  }
  cgroupfs_remove (cgroups, path);
  g_task_return_error (task, error);
}

static void
cgroupfs_bound (BothyCgroupManager *cgroups,
                const BothyCgroup *group,
                const BothyCgroupSpec *spec,
                GTask *task)
{
  g_task_return_boolean (task, TRUE);
}

static void
cgroupfs_limit (BothyCgroupManager *cgroups, const char *group, const BothyCgroupLimits *limits, GTask *task)
{
  autofd fd = bothy_cgroup_manager_open (group);
  GError *error = NULL;

  if (bothy_cgroup_limits_write (limits, TRUE, fd, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* ---- by hand ---- */

/* What users left behind. One with processes or groups in it stays. */
static void
sweep (const char *group)
{
  autofd fd = bothy_cgroup_manager_open (group);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = fd >= 0 ? g_dir_open (path, 0, NULL) : NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    if (strstr (name, BOTHY_CGROUP_MANAGER_HAND))
      unlinkat (fd, name, AT_REMOVEDIR);
  }
}

/*
 * Moves the process of PIDFD in. The kernel takes a number for that, which another process
 * may have got meanwhile: so it is looked at again while the group is still root's, and
 * what came by mistake leaves.
 */
static gboolean
move_in (int group, int pidfd, guint32 user, GError **error)
{
  g_autofree char *number = NULL;
  autofd root = -1;
  int pid;

  if (!bothy_pidfd_check (pidfd, user, &pid, error))
    return FALSE;
  number = g_strdup_printf ("%d", pid);
  if (!write_file (group, "cgroup.procs", number)) {
    bothy_error_set_errno (error, errno, "Moving the process into a control group");
    return FALSE;
  }
  if (bothy_pidfd_check (pidfd, user, &pid, error))
    return TRUE;
  root = bothy_cgroup_manager_open ("");
  if (root >= 0)
    write_file (root, "cgroup.procs", number);
  return FALSE;
}

/* Without a service manager that has groups, users' processes are in the root group. */
static gboolean
cgroupfs_is_of_user (BothyCgroupManager *cgroups, const char *group, guint32 user)
{
  g_autofree char *own = g_strdup_printf ("/bothy/u%u", user);

  return g_str_equal (group, "/") || bothy_cgroup_manager_is_within (group, own);
}

static void
cgroupfs_delegate (
    BothyCgroupManager *cgroups, const char *name, guint32 user, guint32 owner, int pidfd, GTask *task)
{
  struct helper_request request = { .op = HELPER_OWN, .owner = owner };
  g_autofree char *parent = g_strdup_printf ("/bothy/u%u", user);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  Start *start = g_new0 (Start, 1);
  GError *error = NULL;

  sweep (parent);
  start->group = g_strconcat (parent, "/", name, NULL);
  start->fd = make_group (start->group);
  g_task_set_task_data (task, start, (GDestroyNotify)start_free);
  if (start->fd < 0 || g_unix_fd_list_append (fds, start->fd, NULL) < 0 ||
      !append_files (fds, start->fd, delegated))
    bothy_error_set_errno (&error, errno, "Making a control group");
  else
    move_in (start->fd, pidfd, user, &error);
  if (error) {
    sweep (parent);
    g_task_return_error (task, error);
  } else if (owner == 0)
    g_task_return_pointer (task, g_steal_pointer (&start->group), g_free);
  else
    bothy_helper_client_call (bothy_cgroup_manager_get_helper (cgroups), &request, fds, on_owned,
                              g_object_ref (task));
}

static void
cgroupfs_kill (BothyCgroupManager *cgroups, const char *group)
{
  autofd fd = bothy_cgroup_manager_open (group);

  if (fd >= 0)
    write_file (fd, "cgroup.kill", "1");
}

#define REMOVE_RETRY_MS  20
#define REMOVE_RETRIES   250 /* so often; then it is somebody's disk that a process waits for */
#define REMOVE_SLOWLY_MS 2000
#define REMOVE_SLOWLY    60 /* so often again, where nothing tells when it can be */
#define CLEAR_TRY        5  /* by then the supervisor has removed what is below, if it lives */
#define EVENTS_FILE      "cgroup.events"

typedef struct {
  BothyCgroupManager *cgroups;
  char *group;
  guint tries;
  int events;         /* EVENTS_FILE of the group, or -1 */
  guint n_references; /* of sources, and of who begins */
} Removal;

static void retry (Removal *removal, guint milliseconds);

static void
removal_free (Removal *removal)
{
  if (--removal->n_references > 0)
    return;
  g_hash_table_remove (((BothyCgroupfs *)removal->cgroups)->removing, removal->group);
  bothy_cgroup_manager_count_removal (removal->cgroups, -1);
  bothy_clear_fd (&removal->events);
  g_object_unref (removal->cgroups);
  g_free (removal->group);
  g_free (removal);
}

static const char *const below[] = { GROUPS_SUPERVISOR, GROUPS_PAYLOAD, GROUPS_COPIES };

/* What the container made below its own group is its root's, and its supervisor's to remove; this one was killed. */
static void
clear_below (BothyCgroupManager *cgroups, int group)
{
  const struct helper_request request = { .op = HELPER_CLEAR };
  g_autoptr (GUnixFDList) fds = bothy_fd_list (&group, 1, NULL);

  if (fds)
    bothy_helper_client_call (bothy_cgroup_manager_get_helper (cgroups), &request, fds, NULL, NULL);
}

/* Whether a process is in it, or below; the next change of that is an event. */
static gboolean
is_populated (int events)
{
  char text[256];
  ssize_t size = pread (events, text, sizeof text - 1, 0);

  text[MAX (size, 0)] = '\0';
  return strstr (text, "populated 1") != NULL;
}

static gboolean
on_events (int events, GIOCondition condition, gpointer user_data)
{
  Removal *removal = user_data;

  if (is_populated (events))
    return G_SOURCE_CONTINUE;
  retry (removal, REMOVE_RETRY_MS);
  return G_SOURCE_REMOVE;
}

/* Its last process waits for something that may take any time. FALSE: there is none, and still the group can not be removed. */
static gboolean
await_last (Removal *removal, int group)
{
  bothy_clear_fd (&removal->events);
  removal->events = openat (group, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (removal->events < 0 || !is_populated (removal->events))
    return FALSE;
  removal->n_references++;
  removal->tries = 0;
  g_unix_fd_add_full (G_PRIORITY_DEFAULT, removal->events, G_IO_PRI | G_IO_ERR, on_events, removal,
                      (GDestroyNotify)removal_free);
  return TRUE;
}

/* The last process has closed its sockets but may be in the group for a moment still; nor could a group be
   opened for want of file descriptors. */
static gboolean
try_remove (gpointer user_data)
{
  Removal *removal = user_data;
  g_autofree char *parent_group = g_path_get_dirname (removal->group);
  g_autofree char *name = g_path_get_basename (removal->group);
  autofd parent = bothy_cgroup_manager_open (parent_group);
  autofd fd = bothy_cgroup_manager_open (removal->group);

  if (parent >= 0 && fd >= 0) {
    for (gsize i = 0; i < G_N_ELEMENTS (below); i++)
      unlinkat (fd, below[i], AT_REMOVEDIR);
    if (unlinkat (parent, name, AT_REMOVEDIR) == 0)
      return G_SOURCE_REMOVE;
  }
  if (errno == ENOENT)
    return G_SOURCE_REMOVE;
  if (++removal->tries > REMOVE_RETRIES + REMOVE_SLOWLY) {
    g_message ("The control group %s can not be removed", removal->group);
    return G_SOURCE_REMOVE;
  }
  if (removal->tries >= REMOVE_RETRIES) {
    if (fd < 0 || !await_last (removal, fd))
      retry (removal, REMOVE_SLOWLY_MS);
    return G_SOURCE_REMOVE;
  }
  if (fd >= 0 && removal->tries % CLEAR_TRY == 0)
    clear_below (removal->cgroups, fd);
  return G_SOURCE_CONTINUE;
}

static void
retry (Removal *removal, guint milliseconds)
{
  removal->n_references++;
  g_timeout_add_full (G_PRIORITY_DEFAULT, milliseconds, try_remove, removal, (GDestroyNotify)removal_free);
}

static void
cgroupfs_remove (BothyCgroupManager *cgroups, const char *group)
{
  Removal *removal;

  if (!g_hash_table_add (((BothyCgroupfs *)cgroups)->removing, g_strdup (group)))
    return;
  removal = g_new0 (Removal, 1);
  removal->n_references = 1;
  removal->events = -1;
  bothy_cgroup_manager_count_removal (cgroups, 1);
  removal->cgroups = g_object_ref (cgroups);
  removal->group = g_strdup (group);
  if (try_remove (removal) == G_SOURCE_CONTINUE)
    retry (removal, REMOVE_RETRY_MS);
  removal_free (removal);
}

static void
bothy_cgroupfs_finalize (GObject *object)
{
  g_hash_table_unref (((BothyCgroupfs *)object)->removing);
  G_OBJECT_CLASS (bothy_cgroupfs_parent_class)->finalize (object);
}

static void
bothy_cgroupfs_class_init (BothyCgroupfsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_cgroupfs_finalize;
  class->start = cgroupfs_start;
  class->bound = cgroupfs_bound;
  class->is_of_user = cgroupfs_is_of_user;
  class->delegate = cgroupfs_delegate;
  class->limit = cgroupfs_limit;
  class->kill = cgroupfs_kill;
  class->remove = cgroupfs_remove;
  class->sweep = cgroupfs_sweep;
}

static void
bothy_cgroupfs_init (BothyCgroupfs *self)
{
  self->removing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

BothyCgroupManager *
bothy_cgroup_manager_cgroupfs_new (BothyHelperClient *helper)
{
  return bothy_cgroup_manager_construct (bothy_cgroupfs_get_type (), helper);
}
