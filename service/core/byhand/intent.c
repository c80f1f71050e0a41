/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/byhand/intent.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>

gboolean
bothy_intent_begin (int dirfd, const char *id, GError **error)
{
  autofd fd = -1;

  /* What an attempt left that did not get as far as a nic. */
  unlinkat (dirfd, id, 0);
  fd = openat (dirfd, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    bothy_error_set_errno (error, errno, "Writing down that a nic is being made");
  return fd >= 0;
}

void
bothy_intent_end (int dirfd, const char *id)
{
  unlinkat (dirfd, id, 0);
}

char **
bothy_intent_list (int dirfd)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    g_strv_builder_add (builder, name);
  return g_strv_builder_end (builder);
}
