/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "fd.h"
#include "privilege.h"

/* Goes into the namespace of fd 1, or of the process that it stands for, or into a new one. */
static int
enter_namespace (int userns)
{
  if (userns < 0)
    return unshare (CLONE_NEWUSER) < 0 ? errno : 0;
  if (setns (1, CLONE_NEWUSER) < 0)
    return errno;
  close (1);
  return 0;
}

/*
 * The child that is in the namespace while it is mapped. It has to be dumpable, or its map files
 * belong to root; so its owner may trace it.
 */
static int
become_owner (uint32_t owner, uint32_t gid, int socket, int userns)
{
  const int fds[] = { socket, userns };
  int error = child_become (owner, gid, fds, userns >= 0 ? 2 : 1);

  if (error == 0)
    error = enter_namespace (userns);
  if (error == 0)
    error = child_end_with_parent ();
  if (error == 0 && prctl (PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
    error = errno;
  return error;
}

/* Goes on when the parent wants another namespace, and has mapped the first; until it has what it needs, and is gone. */
static void
run_owner (uint32_t owner, uint32_t gid, int socket, int userns)
{
  int error = become_owner (owner, gid, socket, userns);
  int more;

  while (write (0, &error, sizeof error) == sizeof error && read (0, &more, sizeof more) == sizeof more)
    error = unshare (more) < 0 ? errno : 0;
  _exit (0);
}

static int
open_of (pid_t pid, const char *name, int flags)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%d/%s", pid, name);
  return open (path, flags | O_CLOEXEC | O_NOCTTY);
}

static int
write_map (pid_t child, const char *name, const struct helper_extent *extents, uint32_t n_extents)
{
  char map[HELPER_MAX_EXTENTS * 40];
  int length = 0;
  AUTO_FD fd = open_of (child, name, O_WRONLY);

  if (fd < 0)
    return errno;
  for (uint32_t i = 0; i < n_extents; i++)
    length += snprintf (map + length, sizeof map - (size_t)length, "%u %u %u\n", extents[i].inside,
                        extents[i].outside, extents[i].count);
  /* One write: the kernel takes a map whole or not at all. */
  if (write (fd, map, (size_t)length) != length)
    return errno;
  return 0;
}

/* False also if there is no way to tell: then nobody should rely on it. */
static bool
has_map (pid_t child, const char *name)
{
  char byte;
  AUTO_FD fd = open_of (child, name, O_RDONLY);

  return fd >= 0 && read (fd, &byte, 1) == 1;
}

static int
deny_setgroups (pid_t child)
{
  AUTO_FD fd = open_of (child, "setgroups", O_WRONLY);

  return fd < 0 || write (fd, "deny", 4) != 4 ? errno : 0;
}

/*
 * setgroups stays allowed where only ids of a range are mapped: leaving a group can not
 * open a file that the group's mode denies to the owner. With an id of the owner's own
 * it could, so then it is denied. uid_map comes first: a namespace that is mapped
 * already stays as it is in everything.
 */
static int
write_maps (const struct helper_request *request, pid_t child, struct step_result *ret)
{
  bool same = request->n_gid_extents == 0;
  int error = write_map (child, "uid_map", request->extents, request->n_extents);

  if (error == EPERM && has_map (child, "uid_map"))
    return step_fail (ret, has_map (child, "gid_map") ? HELPER_STEP_MAP : HELPER_STEP_PARTIAL, error);
  if (error != 0)
    return step_fail (ret, request->op == HELPER_MAP ? HELPER_STEP_JOIN : HELPER_STEP_MAP, error);
  if (request->op == HELPER_MAP && request->deny_setgroups)
    error = deny_setgroups (child);
  if (error == 0)
    error = write_map (child, "gid_map", same ? request->extents : request->gid_extents,
                       same ? request->n_extents : request->n_gid_extents);
  return error == 0 ? 0 : step_fail (ret, HELPER_STEP_PARTIAL, error);
}

/* Ownership is proved from the fd alone; a grandchild's map would be in another's ids. */
static int
check_userns (int userns, uint32_t owner)
{
  uid_t found;
  struct stat parent;
  struct stat ours;
  AUTO_FD fd = -1;

  if (ioctl (userns, NS_GET_NSTYPE) != CLONE_NEWUSER)
    return EINVAL;
  if (ioctl (userns, NS_GET_OWNER_UID, &found) < 0 || found != owner)
    return EPERM;
  fd = ioctl (userns, NS_GET_PARENT);
  if (fd < 0 || fstat (fd, &parent) < 0 || stat ("/proc/self/ns/user", &ours) < 0)
    return EPERM;
  return parent.st_dev == ours.st_dev && parent.st_ino == ours.st_ino ? 0 : EPERM;
}

/*
 * What a pidfd led to is known only now. An owner who got hold of the child and moved it
 * on after this look gains nothing: for any namespace that is not his, or no child of the
 * host's, the kernel refuses the write of a process that has but these two capabilities.
 */
static int
check_child (const struct helper_request *request, pid_t child)
{
  AUTO_FD fd = open_of (child, "ns/user", O_RDONLY);

  return fd < 0 ? errno : check_userns (fd, request->owner);
}

static int
await_child (int socket)
{
  int error;

  return read (socket, &error, sizeof error) == (ssize_t)sizeof error ? error : ECHILD;
}

/* After it has been mapped, so that what is in it has an owner from the start. */
static int
add_netns (pid_t child, int socket, struct step_result *ret)
{
  const int more = CLONE_NEWNET;
  int error = write (socket, &more, sizeof more) == (ssize_t)sizeof more ? await_child (socket) : EPIPE;

  if (error == 0 && (ret->fds[1] = open_of (child, "ns/net", O_RDONLY)) < 0)
    error = errno;
  if (error != 0)
    return step_fail (ret, HELPER_STEP_NETNS, error);
  ret->n_fds = 2;
  return 0;
}

static int
map_child (const struct helper_request *request, pid_t child, int socket, struct step_result *ret)
{
  int error = await_child (socket);

  if (error != 0)
    return step_fail (ret, request->op == HELPER_MAP ? HELPER_STEP_JOIN : HELPER_STEP_USERNS, error);
  if (request->op == HELPER_MAP && (error = check_child (request, child)) != 0)
    return step_fail (ret, HELPER_STEP_JOIN, error);
  if ((error = write_maps (request, child, ret)) != 0)
    return error;
  if (request->op == HELPER_MAP)
    return 0;
  ret->fds[0] = open_of (child, "ns/user", O_RDONLY);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_MAP, errno);
  ret->n_fds = 1;
  return request->op == HELPER_NETNS ? add_netns (child, socket, ret) : 0;
}

/* Does the work with a child in USERNS, or in a new namespace. */
static int
map_with_child (const struct helper_request *request, int userns, struct step_result *ret)
{
  uint32_t gid = request->op == HELPER_MAP ? request->owner_gid : request->owner;
  int sockets[2];
  int error;
  pid_t child;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
    return step_fail (ret, HELPER_STEP_FORK, errno);
  /* The child's pid stays its own until we have ended, even when its owner kills it. */
  signal (SIGCHLD, SIG_DFL);
  child = fork ();
  if (child < 0)
    return step_fail (ret, HELPER_STEP_FORK, errno);
  if (child == 0)
    run_owner (request->owner, gid, sockets[1], userns);
  close (sockets[1]);
  error = map_child (request, child, sockets[0], ret);
  kill (child, SIGKILL);
  return error;
}

int
step_make_userns (const struct helper_request *request, struct step_result *ret)
{
  return map_with_child (request, -1, ret);
}

int
step_userns (const struct packet *packet, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), packet->request.owner);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  return map_with_child (&packet->request, -1, ret);
}

/* Signal 0 changes nothing; only what is no pidfd gives EBADF. */
static bool
is_pidfd (int fd)
{
  return syscall (SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0 || errno != EBADF;
}

int
step_map (const struct packet *packet, struct step_result *ret)
{
  const struct helper_request *request = &packet->request;
  int error = is_pidfd (packet->fds[0]) ? 0 : check_userns (packet->fds[0], request->owner);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_JOIN, error);
  error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), request->owner);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  return map_with_child (request, packet->fds[0], ret);
}
