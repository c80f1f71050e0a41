/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include "autofd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>

int
terminal_open (int pts, int flags, int *slave, int *number)
{
  int unlock = 0;
  autofd master = openat (pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW | flags);

  if (master < 0 || ioctl (master, TIOCSPTLCK, &unlock) < 0)
    return -errno;
  if (number && ioctl (master, TIOCGPTN, number) < 0)
    return -errno;
  *slave = ioctl (master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return *slave < 0 ? -errno : steal_fd (&master);
}

int
terminal_control (int slave)
{
  return ioctl (slave, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

int
terminal_set_stdio (const int fds[3])
{
  int copies[3] = { -1, -1, -1 };

  /* Out of the way first: one of FDS may be 0, 1 or 2 itself. */
  for (int i = 0; i < 3; i++) {
    copies[i] =
        fds[i] >= 0 ? fcntl (fds[i], F_DUPFD_CLOEXEC, 3) : open ("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (copies[i] < 0)
      return -errno;
    if (copies[i] < 3) {
      copies[i] = fcntl (copies[i], F_DUPFD_CLOEXEC, 3);
      if (copies[i] < 0)
        return -errno;
    }
  }
  for (int i = 0; i < 3; i++)
    if (dup2 (copies[i], i) < 0)
      return -errno;
  return 0;
}
