/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "readiness.h"

#include "autofd.h"
#include "clock.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "/run/systemd"
#define SOCKET    DIRECTORY "/private"

static bool
is_ready (void)
{
  struct stat st;

  return fstatat (AT_FDCWD, SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK (st.st_mode);
}

static void
watch (const struct readiness *readiness)
{
  inotify_add_watch (readiness->inotify, "/run", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
  inotify_add_watch (readiness->inotify, DIRECTORY, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW);
}

bool
readiness_begin (struct readiness *readiness)
{
  readiness->inotify = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (readiness->inotify < 0)
    return false;
  readiness->deadline = clock_ms () + READINESS_DEADLINE_MS;
  watch (readiness);
  if (!is_ready ())
    return true;
  readiness_end (readiness);
  return false;
}

bool
readiness_check (struct readiness *readiness)
{
  char events[1024];

  while (read (readiness->inotify, events, sizeof events) > 0)
    continue;
  watch (readiness);
  return is_ready () || clock_ms () >= readiness->deadline;
}

int
readiness_timeout (const struct readiness *readiness)
{
  return readiness->inotify < 0 ? -1 : clock_until (readiness->deadline);
}

void
readiness_end (struct readiness *readiness)
{
  drop_fd (&readiness->inotify);
}
