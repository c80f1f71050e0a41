/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A control group that is made ahead of its container lives as long as a process is in
 * it: this one, which has no capability, one fd, and sleeps. When the broker lets go of
 * the socket, also by dying, it ends, and systemd removes the group.
 */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "groups.h"
#include "privilege.h"
#include "wire.h"

#define OUR_GROUP "0::/" /* the line of cgroup2 in /proc/self/cgroup; see cgroups(7) */
#define SOCKET    0      /* where our only fd is */

/* Below MOUNT, if cgroup2 is there. */
static int
open_below (const char *mount, const char *name)
{
  char path[4096 + 64];
  int fd;

  snprintf (path, sizeof path, "%s/%s", mount, name);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0) {
    AUTO_FD file = openat (fd, "cgroup.procs", O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (file >= 0)
      return fd;
    close (fd);
  }
  return -1;
}

/* At its usual place, or beside cgroup v1. */
static int
open_group (const char *name)
{
  int fd = open_below ("/sys/fs/cgroup", name);

  return fd >= 0 ? fd : open_below ("/sys/fs/cgroup/unified", name);
}

/* The group that we have been put into. */
static int
open_own_group (void)
{
  char lines[8192];
  AUTO_FD from = open ("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  ssize_t length = from < 0 ? -1 : read (from, lines, sizeof lines - 1);
  char *rest = NULL;

  lines[length < 0 ? 0 : length] = '\0';
  for (char *line = strtok_r (lines, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
    if (strncmp (line, OUR_GROUP, strlen (OUR_GROUP)) == 0)
      return open_group (line + strlen (OUR_GROUP));
  errno = ENOENT;
  return -1;
}

static int
furnish_group (struct groups *groups)
{
  AUTO_FD group = open_own_group ();
  int error = group < 0 ? errno : groups_make (group, groups);

  if (error == 0)
    error = groups_write (groups->fds[0], "cgroup.procs", "0");
  if (error == 0)
    groups_enable (group);
  return error;
}

static void
answer_broker (uint32_t serial)
{
  struct groups groups __attribute__ ((cleanup (groups_close))) = { 0 };
  int error = furnish_group (&groups);
  struct helper_reply reply = { .version = HELPER_PROTOCOL_VERSION,
                                .serial = serial,
                                .error = error,
                                .step = error == 0 ? HELPER_STEP_NONE : HELPER_STEP_GROUP };

  (void)packet_reply (SOCKET, &reply, groups.fds, error == 0 ? groups.n_fds : 0, 0);
}

/* Leaves the socket, and nothing else. */
static int
shed_surroundings (int socket)
{
  if (setsid () < 0 || chdir ("/") < 0 || dup2 (socket, SOCKET) < 0 ||
      syscall (SYS_close_range, 1, ~0u, 0) < 0)
    return -1;
  prctl (PR_SET_NAME, "bothy-hold");
  return prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : 0;
}

void
step_hold (const struct packet *packet)
{
  struct pollfd poll_for = { .fd = SOCKET, .events = POLLIN };
  uint32_t serial;

  step_reset_process ();
  if (privilege_reduce (0, 0) != 0 || shed_surroundings (packet->fds[0]) < 0)
    return;
  for (;;) {
    struct wire wire = { .data = &serial, .capacity = sizeof serial };
    int result;

    if (poll (&poll_for, 1, -1) < 0)
      return;
    result = wire_receive (SOCKET, &wire);
    if (result == -EAGAIN)
      continue;
    if (result <= 0 || wire.size != sizeof serial)
      return;
    answer_broker (serial);
  }
}
