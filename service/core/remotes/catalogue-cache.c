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

/* Between unlinkat() and linkat() there is no catalogue, which does no harm: it is only a cache. A bothyd
   that is killed here leaves no half file, as FD has no name yet; if linkat() finds that another one has been
   put there meanwhile, that one stays. */
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
