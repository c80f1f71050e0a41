/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A container's root file system as files of its owner's, while it does not run.
 *
 * An overlay can not be idmapped, but its layers can: they are mapped so that what belongs to the container's root is the
 * owner's, and what belongs to others inside has the ids that it has when the container runs. The overlay is mounted in a user
 * namespace with the same map, whose root it then belongs to, because a process without an id in the topmost layer can make
 * nothing there. That namespace is root's, and nobody gets into it.
 *
 * Where it is mounted, nobody but root can change anything: a path of a user's would be followed by root. Only the owner gets
 * through the directory above, or whatever is open to everybody inside would be for everybody outside.
 */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "fd.h"
#include "privilege.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define PROPAGATION_PRIVATE (1u << 18) /* MS_PRIVATE; <sys/mount.h> and <linux/mount.h> do not mix */
#define DETACH_NOFOLLOW     (2 | 8)    /* MNT_DETACH, UMOUNT_NOFOLLOW */
/* MS_REMOUNT, MS_RDONLY, and what clone_overlay() gives it */
#define READ_ONLY_NOW (32 | 1 | 2 | 4 | 8 | 256)
#define SCRATCH       "/run"  /* exists on every host; covered in a mount namespace of our own only */
#define TREES         "trees" /* below RUNTIME_DIR: a directory for each user, in it one for each container */
#define NO_ENTRY_ID   4294967295u /* of an access list's entry that is about nobody named */

/* ---- mounted, in a process of its own ---- */

/* Root of the container, whose id is the owner's outside, as far as files go. The real and the saved id stay root's, or the owner
   could stop this process, which has what nobody else has, and let it go on when the container runs. */
static int
become_root_of (const struct helper_request *request, int userns, pid_t parent)
{
  uid_t uid = request->extents[0].inside;
  gid_t gid = request->gid_extents[0].inside;
  int error;

  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setns (userns, CLONE_NEWUSER) < 0 ||
      syscall (SYS_setgroups, 0, NULL) < 0 || syscall (SYS_setresgid, -1, gid, -1) < 0 ||
      syscall (SYS_setresuid, -1, uid, -1) < 0)
    return errno;
  error = child_end_with_parent ();
  return error == 0 && getppid () != parent ? ECHILD : error;
}

/* The current directory becomes an empty tmpfs in a mount namespace of ours. */
static int
enter_scratch (void)
{
  struct mount_attr alone = { .propagation = PROPAGATION_PRIVATE };

  if (unshare (CLONE_NEWNS) < 0 ||
      syscall (SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &alone, sizeof alone) < 0 ||
      syscall (SYS_mount, "bothy", SCRATCH, "tmpfs", 0, "mode=700,size=1m") < 0 || chdir (SCRATCH) < 0)
    return errno;
  return 0;
}

static int
attach_layer (int mount, const char *name)
{
  if (mkdirat (AT_FDCWD, name, 0700) < 0 ||
      syscall (SYS_move_mount, mount, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return errno;
  return 0;
}

/* As the supervisor has it; see service/runtime/rootfs.c. What is volatile there leaves a mark. */
static int
mount_overlay (const int *layers, unsigned int n_lower)
{
  char options[HELPER_MAX_LAYERS * 8 + 64], name[16];
  int used = snprintf (options, sizeof options, "userxattr,upperdir=u/upper,workdir=u/work,lowerdir=");
  int error = 0;

  for (unsigned int i = 0; i < n_lower && error == 0; i++) {
    snprintf (name, sizeof name, "l%u", i);
    error = attach_layer (layers[i], name);
    used += snprintf (options + used, sizeof options - (size_t)used, "%s%s", i > 0 ? ":" : "", name);
  }
  if (error == 0)
    error = attach_layer (layers[n_lower], "u");
  if (error != 0)
    return error;
  if (mkdirat (AT_FDCWD, "u/work", 0700) < 0 && errno != EEXIST)
    return errno;
  unlinkat (AT_FDCWD, "u/work/work/incompat/volatile/dirty", 0);
  unlinkat (AT_FDCWD, "u/work/work/incompat/volatile", AT_REMOVEDIR);
  unlinkat (AT_FDCWD, "u/work/work/incompat", AT_REMOVEDIR);
  return mkdirat (AT_FDCWD, "root", 0700) < 0 ||
                 syscall (SYS_mount, "bothy", "root", "overlay", 0, options) < 0
             ? errno
             : 0;
}

/* TREE, a fd that the parent knows, becomes a detached mount of it. */
static int
clone_overlay (int tree)
{
  struct mount_attr calm = {
    .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
  };
  int mount = (int)syscall (SYS_open_tree, AT_FDCWD, "root", OPEN_TREE_CLONE | O_CLOEXEC);

  if (mount < 0 || syscall (SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &calm, sizeof calm) < 0 ||
      dup3 (mount, tree, O_CLOEXEC) < 0)
    return errno;
  close (mount);
  return 0;
}

/* The exit status is an errno value. The mount namespace ends with this process, and the layers stay where the overlay has them. */
_Noreturn static void
run_mounter (const struct helper_request *request, int userns, pid_t parent, const int *layers, int tree)
{
  int error = become_root_of (request, userns, parent);

  if (error == 0)
    error = enter_scratch ();
  if (error == 0)
    error = mount_overlay (layers, request->n_layers - 1);
  if (error == 0)
    error = clone_overlay (tree);
  _exit (error);
}

/* *RET_TREE becomes the mount. The child shares our file descriptors, so it need not send it. */
static int
mount_tree (const struct helper_request *request, int userns, const int *layers, int *ret_tree)
{
  int status;
  pid_t parent = getpid (), child;

  *ret_tree = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  if (*ret_tree < 0)
    return errno;
  signal (SIGCHLD, SIG_DFL);
  child = (pid_t)syscall (SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
  if (child < 0)
    return errno;
  if (child == 0)
    run_mounter (request, userns, parent, layers, *ret_tree);
  while (waitpid (child, &status, 0) < 0)
    if (errno != EINTR)
      return errno;
  return WIFEXITED (status) ? WEXITSTATUS (status) : EINTR;
}

/* ---- where ---- */

/* USER alone may look into DIRECTORY, and change nothing there. */
static int
open_to (int directory, uint32_t user)
{
  const struct {
    uint32_t version;
    struct {
      uint16_t tag, permissions;
      uint32_t id;
    } entries[5];
  } access = { 2, /* POSIX_ACL_XATTR_VERSION; <linux/posix_acl_xattr.h> has the rest */
               { { 0x01, 7, NO_ENTRY_ID },
                 { 0x02, 5, user },
                 { 0x04, 0, NO_ENTRY_ID },
                 { 0x10, 5, NO_ENTRY_ID },
                 { 0x20, 0, NO_ENTRY_ID } } };

  return fsetxattr (directory, "system.posix_acl_access", &access, sizeof access, 0) < 0 ? errno : 0;
}

static int
open_in (int directory, const char *name)
{
  int fd = openat (directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return fd < 0 ? -errno : fd;
}

/* The directory NAME, made if it is missing: an fd, or a negative errno value. */
static int
ensure_in (int directory, const char *name, mode_t mode)
{
  if (mkdirat (directory, name, 0700) < 0 && errno != EEXIST)
    return -errno;
  int fd = open_in (directory, name);
  if (fd >= 0 && mode != 0 && fchmod (fd, mode) < 0) {
    int error = errno;

    close (fd);
    return -error;
  }
  return fd;
}

static bool
is_mount (int directory)
{
  struct statx found;

  return statx (directory, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) == 0 &&
         (found.stx_attributes_mask & found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* As long as it is open nobody else makes or removes places. An fd, or a negative errno value. */
static int
lock_places (void)
{
  AUTO_FD lock = open (RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int found;

  if (lock < 0 || flock (lock, LOCK_EX) < 0)
    return -errno;
  found = lock;
  lock = -1;
  return found;
}

static void
name_user (uint32_t user, char ret[16])
{
  snprintf (ret, 16, "%u", user);
}

/* What is mounted for REQUEST's user as NAME: an fd, or a negative errno value; ENOENT: nothing is. */
static int
open_tree_of (const struct helper_request *request, int runtime)
{
  char user[16];
  AUTO_FD trees = open_in (runtime, TREES);
  AUTO_FD own = -1;
  int place;

  name_user (request->owner, user);
  own = trees < 0 ? trees : open_in (trees, user);
  place = own < 0 ? own : openat (own, request->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (place < 0)
    return own < 0 ? own : -errno;
  if (is_mount (place))
    return place;
  close (place);
  return -ENOENT;
}

/* Directories that are no places any more, or never became one. */
static void
remove_place (const struct helper_request *request, int runtime)
{
  char user[16];
  AUTO_FD trees = open_in (runtime, TREES);
  AUTO_FD own = -1;

  name_user (request->owner, user);
  own = trees < 0 ? -1 : open_in (trees, user);
  if (own < 0)
    return;
  unlinkat (own, request->name, AT_REMOVEDIR);
  unlinkat (trees, user, AT_REMOVEDIR);
}

static int
attach_at_place (const struct helper_request *request, int runtime, int tree)
{
  char user[16];
  AUTO_FD trees = ensure_in (runtime, TREES, 0711);
  AUTO_FD own = -1, place = -1;
  int error;

  name_user (request->owner, user);
  own = trees < 0 ? trees : ensure_in (trees, user, 0);
  error = own < 0 ? -own : open_to (own, request->owner);
  if (error != 0)
    return error;
  place = ensure_in (own, request->name, 0);
  if (place < 0)
    return -place;
  if (is_mount (place))
    return EBUSY;
  return syscall (SYS_move_mount, tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
             ? errno
             : 0;
}

/* Has the inotify instance INOTIFY tell when the last user of TREE's file system is gone, which it does not keep itself. The
   watch's number, or a negative errno value. */
static int
watch_tree (int inotify, int tree)
{
  char path[32];
  int watch;

  snprintf (path, sizeof path, "/proc/self/fd/%d", tree);
  watch = inotify_add_watch (inotify, path, IN_DELETE_SELF);
  return watch < 0 ? -errno : watch;
}

/* Whoever else keeps the file system of TREE from now on, in a mount namespace of his or as an open directory, only reads it. EBUSY: some
   file is open to be written. */
static int
stop_writing (int tree)
{
  char path[32];

  snprintf (path, sizeof path, "/proc/self/fd/%d", tree);
  return syscall (SYS_mount, NULL, path, NULL, READ_ONLY_NOW, NULL) < 0 ? errno : 0;
}

/* ---- the steps ---- */

/* The overlay of REQUEST, attached nowhere yet, as *RET_TREE. */
static int
make_tree (const struct helper_request *request, int *ret_tree, struct step_result *ret)
{
  struct helper_request map = { .op = HELPER_USERNS,
                                .n_extents = request->n_extents,
                                .n_gid_extents = request->n_gid_extents };
  int error;

  for (int i = 0; i < HELPER_MAX_EXTENTS; i++) {
    map.extents[i] = request->extents[i];
    map.gid_extents[i] = request->gid_extents[i];
  }
  error = step_make_userns (&map, ret);
  if (error != 0)
    return error;
  AUTO_FD userns = ret->fds[0];
  ret->n_fds = 0;
  error = step_clone_layers (request, userns, ret);
  if (error == 0 && (error = mount_tree (request, userns, ret->fds, ret_tree)) != 0)
    step_fail (ret, HELPER_STEP_TREE, error);
  for (unsigned int i = 0; i < ret->n_fds; i++)
    close (ret->fds[i]);
  ret->n_fds = 0;
  return error;
}

static int
unmount_place (const struct helper_request *request, int runtime)
{
  char path[sizeof RUNTIME_DIR TREES + 100];
  int error;

  snprintf (path, sizeof path, RUNTIME_DIR "/" TREES "/%u/%s", request->owner, request->name);
  error = syscall (SYS_umount2, path, DETACH_NOFOLLOW) < 0 ? errno : 0;
  remove_place (request, runtime);
  return error;
}

/* Attaches TREE. RET gets the watch of INOTIFY that hears of its end, and a clone, which can not be made before. */
static int
give_tree (const struct helper_request *request, int inotify, int runtime, int tree, struct step_result *ret)
{
  int watch = watch_tree (inotify, tree);
  int error = watch < 0 ? -watch : attach_at_place (request, runtime, tree);

  if (error != 0) {
    remove_place (request, runtime);
    return step_fail (ret, HELPER_STEP_TREE_PLACE, error);
  }
  ret->fds[0] = (int)syscall (SYS_open_tree, tree, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
  if (ret->fds[0] < 0) {
    error = errno;
    if (stop_writing (tree) == 0)
      unmount_place (request, runtime);
    return step_fail (ret, HELPER_STEP_TREE, error);
  }
  ret->n_fds = 1;
  ret->watch = watch;
  return 0;
}

int
step_tree (const struct packet *packet, struct step_result *ret)
{
  AUTO_FD tree = -1;
  AUTO_FD runtime = -1;
  int error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID) |
                                    CAPABILITY (CAP_SYS_ADMIN) | CAPABILITY (CAP_DAC_READ_SEARCH),
                                0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = make_tree (&packet->request, &tree, ret);
  if (error != 0)
    return error;
  runtime = lock_places ();
  return runtime < 0 ? step_fail (ret, HELPER_STEP_TREE_PLACE, -runtime)
                     : give_tree (&packet->request, packet->fds[0], runtime, tree, ret);
}

static bool
is_read_only (int tree)
{
  struct statvfs found;

  return fstatvfs (tree, &found) == 0 && (found.f_flag & ST_RDONLY) != 0;
}

int
step_tree_clone (const struct packet *packet, struct step_result *ret)
{
  AUTO_FD runtime = -1, tree = -1;
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN) | CAPABILITY (CAP_DAC_READ_SEARCH), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  runtime = lock_places ();
  tree = runtime < 0 ? runtime : open_tree_of (&packet->request, runtime);
  if (tree < 0)
    return step_fail (ret, HELPER_STEP_TREE_PLACE, -tree);
  /* Who was about to take it away did not come to that. */
  if (is_read_only (tree))
    return step_fail (ret, HELPER_STEP_TREE_PLACE, EROFS);
  ret->fds[0] = (int)syscall (SYS_open_tree, tree, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_TREE, errno);
  ret->n_fds = 1;
  return 0;
}

/* That may take as long as the disk needs to write all that is to be written, and nobody else waits for it meanwhile. */
static int
find_and_stop_writing (const struct helper_request *request, struct step_result *ret)
{
  AUTO_FD runtime = lock_places ();
  AUTO_FD tree = runtime < 0 ? runtime : open_tree_of (request, runtime);
  int error;

  if (tree < 0)
    return tree == -ENOENT ? ENOENT : step_fail (ret, HELPER_STEP_TREE_PLACE, -tree);
  close (runtime);
  runtime = -1;
  error = stop_writing (tree);
  /* What is deleted is nobody's to write into beside. */
  if (error == 0 || (error == EBUSY && request->op == HELPER_TREE_DETACH))
    return 0;
  return step_fail (ret, error == EBUSY ? HELPER_STEP_TREE_WRITTEN : HELPER_STEP_TREE, error);
}

int
step_tree_close (const struct packet *packet, struct step_result *ret)
{
  const struct helper_request *request = &packet->request;
  AUTO_FD runtime = -1;
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN) | CAPABILITY (CAP_DAC_READ_SEARCH), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = find_and_stop_writing (request, ret);
  if (error != 0 && error != ENOENT)
    return error;
  runtime = lock_places ();
  if (runtime < 0)
    return step_fail (ret, HELPER_STEP_TREE_PLACE, -runtime);
  if (error == ENOENT) {
    remove_place (request, runtime);
    return 0;
  }
  error = unmount_place (request, runtime);
  return error == 0 ? 0 : step_fail (ret, HELPER_STEP_TREE_PLACE, error);
}
