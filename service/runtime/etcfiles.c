/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "etcfiles.h"

#include "autofd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_HOSTS_SIZE (1024 * 1024)
#define MARK_BEGIN     "# Begin of what Bothy writes\n"
#define MARK_END       "# End of what Bothy writes\n"

/*
 * PATH in the container, as from inside: links lead to places below ROOT, and none into /proc. Nor onto another file
 * system: one of the container's own (FUSE) could hold us for ever. An fd, or a negative errno value.
 */
static int
open_in_root (int root, const char *path, int flags)
{
  struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
                          .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
  long fd = syscall (SYS_openat2, root, path, &how, sizeof how);

  return fd < 0 ? -errno : (int)fd;
}

/* The directory /etc, made if there is nothing. -ENOTSUP where it is none. */
static int
open_etc (int root)
{
  int fd = open_in_root (root, "etc", O_PATH | O_DIRECTORY);

  if (fd == -ENOENT && mkdirat (root, "etc", 0755) == 0)
    fd = open_in_root (root, "etc", O_PATH | O_DIRECTORY);
  return fd == -ELOOP || fd == -EXDEV || fd == -ENOENT || fd == -ENOTDIR ? -ENOTSUP : fd;
}

/* The regular file NAME in ETC, made if it is missing and MAKE; nothing else is opened, so that nothing blocks. */
static int
open_file (int etc, const char *name, bool make)
{
  struct open_how how = { .flags = O_RDWR | (make ? O_CREAT : 0) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                          .mode = make ? 0644 : 0,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  struct stat st;
  autofd fd = (int)syscall (SYS_openat2, etc, name, &how, sizeof how);

  if (fd < 0)
    return errno == ELOOP || errno == EXDEV || errno == EISDIR || errno == ENXIO ? -ENOTSUP : -errno;
  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return -ENOTSUP;
  return steal_fd (&fd);
}

/* As open_file(), made if it is missing, with an empty file in place of whatever else is there, but for a full directory. */
static int
take_file (int etc, const char *name)
{
  int fd = open_file (etc, name, true);

  if (fd != -ENOTSUP)
    return fd;
  if (unlinkat (etc, name, 0) < 0 && unlinkat (etc, name, AT_REMOVEDIR) < 0)
    return -ENOTSUP;
  return open_file (etc, name, true);
}

/* Not emptied first: a disk that discards freed blocks at once would be waited for, and be asked for new ones. */
static int
replace (int fd, const char *text, size_t size)
{
  if (pwrite (fd, text, size, 0) != (ssize_t)size || ftruncate (fd, (off_t)size) < 0)
    return errno ? -errno : -EIO;
  return 0;
}

/* What stands in FD; the caller frees it. A file without an end is not read. */
static char *
read_whole (int fd)
{
  struct stat st;

  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || st.st_size > MAX_HOSTS_SIZE)
    return NULL;
  char *text = calloc (1, (size_t)st.st_size + 1);
  if (text && pread (fd, text, (size_t)st.st_size, 0) < 0) {
    free (text);
    return NULL;
  }
  return text;
}

int
etcfiles_write_resolv_conf (int root, const char *nameservers, bool is_images)
{
  char text[512] = "", list[256];
  size_t used = 0;
  char *rest = NULL;
  autofd etc = open_etc (root);
  autofd fd = etc < 0     ? etc
              : is_images ? take_file (etc, "resolv.conf")
                          : open_file (etc, "resolv.conf", true);

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

/* ---- hosts ---- */

/* Whether a line of hosts(5) in the SIZE bytes at TEXT has NAME behind its address, in whatever case. */
static bool
has_name (const char *text, size_t size, const char *name)
{
  const char *end = text + size;
  size_t length = strlen (name);

  while (text < end) {
    const char *line_end = memchr (text, '\n', (size_t)(end - text));
    const char *comment;
    size_t words = 0;

    line_end = line_end ? line_end : end;
    comment = memchr (text, '#', (size_t)(line_end - text));
    for (const char *c = text, *stop = comment ? comment : line_end; c < stop;) {
      size_t word = strcspn (c, " \t\r\n#");

      word = word < (size_t)(stop - c) ? word : (size_t)(stop - c);
      if (word == length && words > 0 && strncasecmp (c, name, length) == 0)
        return true;
      words += word > 0;
      c += word > 0 ? word : 1;
    }
    text = line_end + 1;
  }
  return false;
}

static int
write_hosts (int fd, const char *old, const char *hostname, const char *lines)
{
  autofree char *text = NULL;
  const char *begin = strstr (old, MARK_BEGIN), *end = begin ? strstr (begin, MARK_END) : NULL;
  const char *rest = end ? end + strlen (MARK_END) : "";
  size_t before = end ? (size_t)(begin - old) : strlen (old);
  bool has_localhost = has_name (old, before, "localhost") || has_name (rest, strlen (rest), "localhost");
  bool has_hostname = has_name (lines, strlen (lines), hostname);
  int size = asprintf (
      &text, "%.*s%s" MARK_BEGIN "%s%s%s%s%s" MARK_END "%s", (int)before, old,
      before > 0 && old[before - 1] != '\n' ? "\n" : "",
      has_localhost ? "" : "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
      has_hostname ? "" : "127.0.1.1\t", has_hostname ? "" : hostname, has_hostname ? "" : "\n", lines, rest);

  return size < 0 ? -ENOMEM : replace (fd, text, (size_t)size);
}

int
etcfiles_write_hosts (int root, const char *hostname, const char *lines)
{
  autofd etc = open_etc (root);
  autofd fd = etc < 0 ? etc : open_file (etc, "hosts", true);

  if (fd < 0)
    return fd == -ENOTSUP ? 0 : fd;
  autofree char *old = read_whole (fd);
  return old ? write_hosts (fd, old, hostname, lines) : -EFBIG;
}

/* ---- the first start ---- */

/* What a program inside would read there; NULL: nothing. The caller frees it. */
static char *
read_as_inside (int root, const char *path)
{
  autofd fd = open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

  return fd < 0 ? NULL : read_whole (fd);
}

/* The C library's own idea of what to do without the file was to ask DNS first, and may be so still. */
static void
begin_nsswitch (int root, int etc)
{
  static const char text[] = "hosts:\tfiles dns\n";
  autofree char *old = read_as_inside (root, "etc/nsswitch.conf");
  autofd fd = old && *old ? -1 : take_file (etc, "nsswitch.conf");

  if (fd >= 0)
    (void)replace (fd, text, sizeof text - 1);
}

static void
begin_hosts (int root, int etc, const char *hostname)
{
  autofree char *old = read_as_inside (root, "etc/hosts");
  autofd fd = take_file (etc, "hosts");

  if (fd >= 0)
    (void)write_hosts (fd, old ? old : "", hostname, "");
}

void
etcfiles_individualize (int root, const char *hostname)
{
  char line[256];
  int size = snprintf (line, sizeof line, "%s\n", hostname);
  autofd etc = open_etc (root);
  autofd name = etc < 0 ? -1 : take_file (etc, "hostname");
  autofd id = etc < 0 ? -1 : open_file (etc, "machine-id", false);

  /* What can not be written stays: a container with another's name is better than none. */
  if (name >= 0 && size > 0 && size < (int)sizeof line)
    (void)replace (name, line, (size_t)size);
  if (id >= 0)
    (void)replace (id, "", 0);
  if (etc < 0)
    return;
  begin_hosts (root, etc, hostname);
  begin_nsswitch (root, etc);
}
