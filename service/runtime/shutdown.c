/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shutdown.h"

#include "autofd.h"
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INITTAB "/etc/inittab"

/* runit(8): on SIGCONT the system goes down if "stopit" may be executed, and comes up again if "reboot" may. */
static const struct {
  const char *stopit, *reboot;
} runit_files[] = {
  { "/run/runit.stopit", "/run/runit.reboot" }, /* Debian's */
  { "/etc/runit/stopit", "/etc/runit/reboot" },
};

/* The request of initctl(5): "go to runlevel 0". */
#define INITCTL_MAGIC    0x03091969
#define INITCTL_RUNLEVEL 1

struct initctl_request {
  uint32_t magic;
  uint32_t command;
  uint32_t runlevel;
  uint32_t pause; /* seconds between SIGTERM and SIGKILL; 0: as usual */
  char unused[368];
};

/* Where sysvinit has its FIFO: since 2.88dsf-44 of Debian's, and before. */
static const char *const fifos[] = { "/run/initctl", "/dev/initctl" };

int
shutdown_find (const char *path, int otherwise)
{
  char link[32], real[PATH_MAX];
  autofd fd = open (path, O_PATH | O_CLOEXEC);

  if (fd < 0)
    return otherwise;
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink (link, real, sizeof real - 1);
  if (length <= 0)
    return otherwise;
  real[length] = '\0';
  const char *slash = strrchr (real, '/');
  const char *name = slash ? slash + 1 : real;
  if (strcmp (name, "systemd") == 0)
    return SHUTDOWN_OF_SYSTEMD;
  if (strncmp (name, "busybox", strlen ("busybox")) == 0)
    return SIGUSR2;
  /* Others are called init as well; none but sysvinit's, and OpenRC's where it runs below that, is here and has such a
     file. */
  if ((strcmp (real, "/sbin/init") == 0 || strcmp (real, "/usr/sbin/init") == 0) &&
      access (INITTAB, F_OK) == 0)
    return SHUTDOWN_BY_INITCTL;
  return strcmp (name, "runit") == 0 || strcmp (name, "runit-init") == 0 ? SHUTDOWN_BY_STOPIT : otherwise;
}

/* What else the container may have there is not for this process to write to. */
static int
open_fifo (const char *path)
{
  autofd fd = launch_open (path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0);
  struct stat st;

  if (fd < 0 || fstat (fd, &st) < 0)
    return -errno;
  return S_ISFIFO (st.st_mode) ? steal_fd (&fd) : -EINVAL;
}

static int
ask_by_initctl (void)
{
  static const struct initctl_request request = { .magic = INITCTL_MAGIC,
                                                  .command = INITCTL_RUNLEVEL,
                                                  .runlevel = '0' };

  for (size_t i = 0; i < sizeof fifos / sizeof *fifos; i++) {
    autofd fd = open_fifo (fifos[i]);

    if (fd >= 0 && write (fd, &request, sizeof request) == sizeof request)
      return 0;
  }
  return -ENXIO;
}

/* Gives PATH the mode MODE; one that is not there is made if MODE is any. */
static int
set_mode (const char *path, mode_t mode)
{
  autofd fd = launch_open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (mode != 0 ? O_CREAT : 0), mode);

  return fd < 0 || fchmod (fd, mode) < 0 ? -errno : 0;
}

static int
ask_by_stopit (pid_t pid)
{
  bool set = false;

  for (size_t i = 0; i < sizeof runit_files / sizeof *runit_files; i++) {
    set |= set_mode (runit_files[i].stopit, 0500) == 0;
    (void)set_mode (runit_files[i].reboot, 0);
  }
  if (!set)
    return -EIO;
  return kill (pid, SIGCONT) < 0 ? -errno : 0;
}

int
shutdown_ask (pid_t pid, int how)
{
  if (how == SHUTDOWN_BY_STOPIT)
    return ask_by_stopit (pid);
  if (how == SHUTDOWN_BY_INITCTL && ask_by_initctl () == 0)
    return 0;
  /* What sysvinit is told at a power failure: an inittab made for containers shuts down then. */
  return kill (pid, how == SHUTDOWN_BY_INITCTL ? SIGPWR : how) < 0 ? -errno : 0;
}
