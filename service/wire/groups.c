/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

/* What the kernel's documentation (cgroup-v2, "Delegation") gives away. */
static const char *const of_group[] = { "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", NULL };

/* In the two below, the container's root does what he could do in groups that he made. */
static const char *const of_below[] = { "cgroup.procs",  "cgroup.threads", "cgroup.subtree_control",
                                        "cgroup.freeze", "cgroup.kill",    NULL };

void
groups_close (struct groups *groups)
{
  for (unsigned int i = 0; i < groups->n_fds; i++)
    close (groups->fds[i]);
  groups->n_fds = 0;
}

int
groups_write (int group, const char *name, const char *text)
{
  AUTO_FD fd = openat (group, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

  return fd < 0 || write (fd, text, strlen (text)) != (ssize_t)strlen (text) ? errno : 0;
}

/* O_PATH: cgroup.kill can not be read. */
static int
open_files (int group, const char *const *names, struct groups *ret)
{
  for (; *names; names++) {
    int fd = openat (group, *names, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
      return errno;
    ret->fds[ret->n_fds++] = fd;
  }
  return 0;
}

/* Everybody may enter it, whatever the umask is. */
static int
make_below (int group, const char *name, struct groups *ret)
{
  int fd = mkdirat (group, name, 0755) < 0 && errno != EEXIST
               ? -1
               : openat (group, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return errno;
  ret->fds[ret->n_fds++] = fd;
  return fchmod (fd, 0755) < 0 ? errno : open_files (fd, of_below, ret);
}

int
groups_make (int group, struct groups *ret)
{
  int error = groups_write (group, "cgroup.max.descendants", GROUPS_MAX_BELOW);

  if (error == 0)
    error = make_below (group, GROUPS_SUPERVISOR, ret);

  if (error == 0)
    error = make_below (group, GROUPS_PAYLOAD, ret);
  return error != 0 ? error : open_files (group, of_group, ret);
}

void
groups_enable (int group)
{
  char text[256];
  char one[64];
  AUTO_FD fd = openat (group, "cgroup.controllers", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t size = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
  char *rest = text;

  if (size <= 0)
    return;
  text[size] = '\0';
  for (char *name; (name = strsep (&rest, " \n"));)
    if (name[0] != '\0' && snprintf (one, sizeof one, "+%s", name) < (int)sizeof one)
      (void)groups_write (group, "cgroup.subtree_control", one);
}
