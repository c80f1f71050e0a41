/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_FDS 4

static int
keep_fds (const int *fds, int n_fds)
{
  int kept[MOST_FDS];

  if (n_fds > MOST_FDS)
    return EINVAL;
  for (int i = 0; i < n_fds; i++)
    if ((kept[i] = fcntl (fds[i], F_DUPFD_CLOEXEC, MOST_FDS)) < 0)
      return errno;
  for (int i = 0; i < n_fds; i++)
    if (dup2 (kept[i], i) < 0)
      return errno;
  return syscall (SYS_close_range, n_fds, ~0u, 0) < 0 ? errno : 0;
}

int
child_end_with_parent (void)
{
  return prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? errno : 0;
}

int
child_become (uint32_t owner, uint32_t gid, const int *fds, int n_fds)
{
  int error = keep_fds (fds, n_fds);

  if (error != 0)
    return error;
  if (syscall (SYS_setgroups, 0, NULL) < 0 || syscall (SYS_setresgid, gid, gid, gid) < 0 ||
      syscall (SYS_setresuid, owner, owner, owner) < 0)
    return errno;
  return child_end_with_parent ();
}
