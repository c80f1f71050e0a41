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

/* A copy of FD, or /dev/null for -1, out of the way of the standard streams. */
static int
copy_stream (int fd)
{
  if (fd >= 0)
    return fcntl (fd, F_DUPFD_CLOEXEC, 3);
  autofd null = open ("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
  return null < 0 ? -1 : fcntl (null, F_DUPFD_CLOEXEC, 3);
}

int
terminal_set_stdio (const int fds[3])
{
  autofd input = copy_stream (fds[0]);
  autofd output = copy_stream (fds[1]);
  autofd error = copy_stream (fds[2]);

  if (input < 0 || output < 0 || error < 0)
    return -errno;
  if (dup2 (input, STDIN_FILENO) < 0 || dup2 (output, STDOUT_FILENO) < 0 || dup2 (error, STDERR_FILENO) < 0)
    return -errno;
  return 0;
}
