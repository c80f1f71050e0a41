/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "intent.h"

#include "config.h"
#include "core/error.h"
#include "platform/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DIRECTORY RUNTIME_DIR "/attaching"

static int
open_directory (void)
{
  return open (DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

gboolean
bothy_intent_begin (const char *id, GError **error)
{
  autofd dir = mkdir (DIRECTORY, 0700) == 0 || errno == EEXIST ? open_directory () : -1;
  autofd fd = -1;

  /* What an attempt left that did not get as far as a nic. */
  unlinkat (dir, id, 0);
  fd = openat (dir, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    bothy_error_set_errno (error, errno, DIRECTORY);
  return fd >= 0;
}

void
bothy_intent_end (const char *id)
{
  autofd dir = open_directory ();

  unlinkat (dir, id, 0);
}

char **
bothy_intent_list (void)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GDir) dir = g_dir_open (DIRECTORY, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    g_strv_builder_add (builder, name);
  return g_strv_builder_end (builder);
}
