/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cgroup.h"

#include "autofd.h"
#include "groups.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static int
write_file (int directory, const char *name, const char *text)
{
  autofd fd = openat (directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0 || write (fd, text, strlen (text)) < 0)
    return -errno;
  return 0;
}

static int
open_group (int directory, const char *name)
{
  if (mkdirat (directory, name, 0755) < 0 && errno != EEXIST)
    return -errno;
  int fd = openat (directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  return fd < 0 ? -errno : fd;
}

static int
open_scope (const char *mount, const char *path)
{
  struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  struct statfs fs;
  autofd top = open (mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (top < 0 || fstatfs (top, &fs) < 0)
    return -errno;
  if (fs.f_type != CGROUP2_SUPER_MAGIC)
    return -ENODEV;
  while (*path == '/')
    path++;
  long fd = syscall (SYS_openat2, top, path, &how, sizeof how);
  return fd < 0 ? -errno : (int)fd;
}

struct fault
cgroup_open (struct cgroup *cgroup, const char *mount, const char *path)
{
  if (path[0] == '\0')
    return NO_FAULT;
  autofd scope = open_scope (mount, path);
  if (scope < 0)
    return fault_at (SUPERVISOR_STEP_CGROUP, scope);
  cgroup->payload = open_group (scope, "payload");
  return cgroup->payload < 0 ? fault_at (SUPERVISOR_STEP_CGROUP, cgroup->payload) : NO_FAULT;
}

static pid_t
clone_into (int group)
{
  struct clone_args arguments = { .flags = CLONE_INTO_CGROUP,
                                  .exit_signal = SIGCHLD,
                                  .cgroup = (unsigned)group };

  return (pid_t)syscall (SYS_clone3, &arguments, sizeof arguments);
}

pid_t
cgroup_fork (const struct cgroup *cgroup, bool *joined)
{
  autofd leaf = -1;

  *joined = true;
  if (cgroup->payload < 0)
    return fork ();
  pid_t pid = clone_into (cgroup->payload);
  if (pid < 0 && errno == EBUSY) {
    leaf = open_group (cgroup->payload, "bothy");
    pid = leaf < 0 ? -1 : clone_into (leaf);
  }
  if (pid >= 0)
    return pid;
  *joined = false;
  return fork ();
}

int
cgroup_join (const struct cgroup *cgroup)
{
  if (cgroup->payload < 0)
    return 0;
  int r = write_file (cgroup->payload, "cgroup.procs", "0");
  if (r != -EBUSY)
    return r;
  autofd leaf = open_group (cgroup->payload, "bothy");
  return leaf < 0 ? leaf : write_file (leaf, "cgroup.procs", "0");
}

int
cgroup_kill (const struct cgroup *cgroup)
{
  return cgroup->payload < 0 ? -ENODEV : write_file (cgroup->payload, "cgroup.kill", "1");
}

void
cgroup_clear (const struct cgroup *cgroup)
{
  if (cgroup->payload >= 0)
    groups_clear (cgroup->payload, false);
}

int
cgroup_set_frozen (const struct cgroup *cgroup, bool frozen)
{
  return cgroup->payload < 0 ? -EOPNOTSUPP
                             : write_file (cgroup->payload, "cgroup.freeze", frozen ? "1" : "0");
}

int
cgroup_open_events (const struct cgroup *cgroup)
{
  if (cgroup->payload < 0)
    return -EOPNOTSUPP;
  int fd = openat (cgroup->payload, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  return fd < 0 ? -errno : fd;
}

int
cgroup_is_frozen (int events)
{
  char text[256];
  ssize_t size = pread (events, text, sizeof text - 1, 0);

  if (size < 0)
    return -errno;
  text[size] = '\0';
  return strstr (text, "frozen 1\n") != NULL;
}
