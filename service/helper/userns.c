/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "privilege.h"

/*
 * The child that makes the namespace. Once inside, its owner may trace it (it has to
 * be dumpable, or its map files belong to root), so it first becomes the owner in
 * every id and keeps no fd but the socket to its parent: capturing it gains nothing.
 */
static int
become_owner (uint32_t owner, int socket)
{
  if (syscall (SYS_close_range, 0, socket - 1, 0) < 0 || syscall (SYS_close_range, socket + 1, ~0u, 0) < 0)
    return errno;
  if (syscall (SYS_setgroups, 0, NULL) < 0 || syscall (SYS_setresgid, owner, owner, owner) < 0 ||
      syscall (SYS_setresuid, owner, owner, owner) < 0)
    return errno;
  /* SIGKILL also ends a child that its owner stopped. New credentials reset this, so it is said twice. */
  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || unshare (CLONE_NEWUSER) < 0)
    return errno;
  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl (PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
    return errno;
  return 0;
}

static void
run_child (uint32_t owner, int socket)
{
  int error = become_owner (owner, socket);
  char end;

  if (write (socket, &error, sizeof error) == sizeof error)
    (void)!read (socket, &end, 1); /* until the parent has the namespace's fd, and is gone */
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
write_map (pid_t child, const char *name, const struct helper_request *request)
{
  char map[HELPER_MAX_EXTENTS * 40];
  int length = 0;
  AUTO_FD fd = open_of (child, name, O_WRONLY);

  if (fd < 0)
    return errno;
  for (uint32_t i = 0; i < request->n_extents; i++)
    length += snprintf (map + length, sizeof map - (size_t)length, "%u %u %u\n", request->extents[i].inside,
                        request->extents[i].outside, request->extents[i].count);
  /* One write: the kernel takes a map whole or not at all. */
  if (write (fd, map, (size_t)length) != length)
    return errno;
  return 0;
}

static int
map_child (const struct helper_request *request, pid_t child, int socket, struct step_result *ret)
{
  int error = 0;
  ssize_t got = read (socket, &error, sizeof error);

  if (got != sizeof error)
    return step_fail (ret, HELPER_STEP_USERNS, ECHILD);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_USERNS, error);
  /*
   * setgroups stays allowed: only ids of the container's own are mapped, so leaving a
   * group can not open a file that the group's mode denies to the owner.
   */
  if ((error = write_map (child, "uid_map", request)) != 0 ||
      (error = write_map (child, "gid_map", request)) != 0)
    return step_fail (ret, HELPER_STEP_MAP, error);
  ret->fds[0] = open_of (child, "ns/user", O_RDONLY);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_MAP, errno);
  ret->n_fds = 1;
  return 0;
}

int
step_userns (const struct packet *packet, struct step_result *ret)
{
  const struct helper_request *request = &packet->request;
  int sockets[2];
  int error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), request->owner);
  pid_t child;

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
    return step_fail (ret, HELPER_STEP_FORK, errno);
  /* The child's pid stays its own until we have ended, even when its owner kills it. */
  signal (SIGCHLD, SIG_DFL);
  child = fork ();
  if (child < 0)
    return step_fail (ret, HELPER_STEP_FORK, errno);
  if (child == 0)
    run_child (request->owner, sockets[1]);
  close (sockets[1]);
  error = map_child (request, child, sockets[0], ret);
  /* Not waited for: the helper, or pid 1, reaps it. */
  kill (child, SIGKILL);
  return error;
}
