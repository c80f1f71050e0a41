/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/catalogue-cache.h"

#include "base/fault.h"
#include "images/fetch/protocol.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* No remote's name has a dot. */
static char *
name_of (const char *remote)
{
  return g_strconcat (remote, ".catalogue", NULL);
}

/* A registry has none. */
int
bothy_catalogue_cache_open (int dirfd, const BothyRemote *remote)
{
  g_autofree char *name = name_of (remote->name);

  return openat (dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int
bothy_catalogue_cache_make (int dirfd)
{
  return openat (dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

/* Between the two there is none, which is as well: nothing is left over of what a kill interrupts, and who
   else was quicker has the newer one. */
void
bothy_catalogue_cache_keep (int dirfd, const char *remote, int fd)
{
  g_autofree char *name = name_of (remote);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  struct stat st;

  if (fstat (fd, &st) < 0 || st.st_size > (off_t)FETCH_MAX_CACHE)
    return;
  BOTHY_FAULT_POINT ("catalogue.written");
  unlinkat (dirfd, name, 0);
  BOTHY_FAULT_POINT ("catalogue.replaced");
  if (linkat (AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0)
    g_debug ("%s: %m", name);
}

void
bothy_catalogue_cache_remove (int dirfd, const char *remote)
{
  g_autofree char *name = name_of (remote);

  unlinkat (dirfd, name, 0);
}
