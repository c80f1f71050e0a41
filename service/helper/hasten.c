/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before a process changes its control group, the kernel waits for an RCU grace period,
 * a dozen milliseconds, unless somebody's change made it wait just now. systemd changes
 * that of each container's first process, some milliseconds into its start: here the
 * wait begins at once, by a change to where this process is already.
 */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "privilege.h"

#define OUR_GROUP "0::/" /* the line of cgroup2 in /proc/self/cgroup; see cgroups(7) */

/* At its usual place, or beside cgroup v1. */
static int
open_group (const char *name)
{
  static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
  char path[4096 + 64];
  int fd = -1;

  for (unsigned int i = 0; fd < 0 && i < sizeof mounts / sizeof *mounts; i++) {
    snprintf (path, sizeof path, "%s/%s/cgroup.procs", mounts[i], name);
    fd = open (path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
  }
  return fd;
}

static int
open_own_group (char *lines)
{
  char *rest = NULL;

  for (char *line = strtok_r (lines, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
    if (strncmp (line, OUR_GROUP, strlen (OUR_GROUP)) == 0)
      return open_group (line + strlen (OUR_GROUP));
  errno = ENOENT;
  return -1;
}

int
step_hasten (const struct packet *packet, struct step_result *ret)
{
  char lines[8192];
  int error = privilege_reduce (0, 0);
  AUTO_FD from = open ("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  AUTO_FD group = -1;
  ssize_t length;

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  length = from < 0 ? -1 : read (from, lines, sizeof lines - 1);
  if (length < 0)
    return step_fail (ret, HELPER_STEP_OPEN, errno);
  lines[length] = '\0';
  group = open_own_group (lines);
  if (group < 0)
    return step_fail (ret, HELPER_STEP_OPEN, errno);
  return write (group, "0", 1) == 1 ? 0 : step_fail (ret, HELPER_STEP_OWN, errno);
}
