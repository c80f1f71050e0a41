/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#include "privilege.h"

int
step_netns (const struct packet *packet, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  /* Nobody inside may trace us: we have root's ids outside. */
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setns (packet->fds[0], CLONE_NEWUSER) < 0)
    return step_fail (ret, HELPER_STEP_JOIN, errno);
  if (unshare (CLONE_NEWNET) < 0 || (ret->fds[0] = open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
    return step_fail (ret, HELPER_STEP_NETNS, errno);
  ret->n_fds = 1;
  return 0;
}
