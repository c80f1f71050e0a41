/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "etcfiles.h"

#include "autofd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_HOSTS_SIZE (1024 * 1024)
#define MARK_BEGIN     "# Begin of what Bothy writes\n"
#define MARK_END       "# End of what Bothy writes\n"

/* Not a link, nor on another file system: one of the container's own (FUSE) could hold us for ever. */
static int
open_etc (int root)
{
  struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  long fd = syscall (SYS_openat2, root, "etc", &how, sizeof how);

  return fd < 0 ? -errno : (int)fd;
}

/* The regular file NAME in /etc, made if it is missing and MAKE; nothing else is opened, so that nothing blocks. */
static int
open_file (int root, const char *name, bool make)
{
  struct open_how how = { .flags = O_RDWR | (make ? O_CREAT : 0) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                          .mode = make ? 0644 : 0,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  autofd etc = open_etc (root);
  struct stat st;

  if (etc < 0)
    return etc == -ELOOP || etc == -EXDEV || etc == -ENOENT ? -ENOTSUP : etc;
  autofd fd = (int)syscall (SYS_openat2, etc, name, &how, sizeof how);
  if (fd < 0)
    return errno == ELOOP || errno == EXDEV ? -ENOTSUP : -errno;
  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return -ENOTSUP;
  return steal_fd (&fd);
}

/* Not emptied first: a disk that discards freed blocks at once would be waited for, and be asked for new ones. */
static int
replace (int fd, const char *text, size_t size)
{
  if (pwrite (fd, text, size, 0) != (ssize_t)size || ftruncate (fd, (off_t)size) < 0)
    return errno ? -errno : -EIO;
  return 0;
}

int
etcfiles_write_resolv_conf (int root, const char *nameservers)
{
  char text[512] = "", list[256];
  size_t used = 0;
  char *rest = NULL;
  autofd fd = open_file (root, "resolv.conf", true);

  if (fd < 0)
    return fd == -ENOTSUP ? 0 : fd;
  if (strlen (nameservers) >= sizeof list)
    return -EINVAL;
  memcpy (list, nameservers, strlen (nameservers) + 1);
  for (char *server = strtok_r (list, " ", &rest); server; server = strtok_r (NULL, " ", &rest)) {
    int size = snprintf (text + used, sizeof text - used, "nameserver %s\n", server);

    if (size < 0 || (size_t)size >= sizeof text - used)
      return -EINVAL;
    used += (size_t)size;
  }
  return replace (fd, text, used);
}

void
etcfiles_individualize (int root, const char *hostname)
{
  char line[256];
  int size = snprintf (line, sizeof line, "%s\n", hostname);
  autofd name = open_file (root, "hostname", false);
  autofd id = open_file (root, "machine-id", false);

  /* What can not be written stays: a container with another's name is better than none. */
  if (name >= 0 && size > 0 && size < (int)sizeof line)
    (void)replace (name, line, (size_t)size);
  if (id >= 0)
    (void)replace (id, "", 0);
}

/* What stands in FD; the caller frees it. A file without an end is not read. */
static char *
read_whole (int fd)
{
  struct stat st;

  if (fstat (fd, &st) < 0 || st.st_size > MAX_HOSTS_SIZE)
    return NULL;
  char *text = calloc (1, (size_t)st.st_size + 1);
  if (text && pread (fd, text, (size_t)st.st_size, 0) < 0) {
    free (text);
    return NULL;
  }
  return text;
}

int
etcfiles_write_hosts (int root, const char *lines)
{
  autofd fd = open_file (root, "hosts", true);
  autofree char *text = NULL, *old = NULL;

  if (fd < 0)
    return fd == -ENOTSUP ? 0 : fd;
  old = read_whole (fd);
  if (!old)
    return -EFBIG;
  char *begin = strstr (old, MARK_BEGIN), *end = begin ? strstr (begin, MARK_END) : NULL;
  const char *rest = end ? end + strlen (MARK_END) : "";
  int size = asprintf (&text, "%.*s%s%s%s%s", begin && end ? (int)(begin - old) : (int)strlen (old), old,
                       MARK_BEGIN, lines, MARK_END, rest);
  return size < 0 ? -ENOMEM : replace (fd, text, (size_t)size);
}
