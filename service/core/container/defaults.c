/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/defaults.h"

#include <string.h>

static const char *const *
words (const GPtrArray *list)
{
  return (const char *const *)list->pdata;
}

static gboolean
has_name (const char *const *entries, const char *entry)
{
  gsize length = strcspn (entry, "=") + 1;

  for (; *entries; entries++) {
    if (strncmp (*entries, entry, length) == 0)
      return TRUE;
  }
  return FALSE;
}

char **
bothy_defaults_merge_environment (const char *const *below, const char *const *above)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (; *below; below++) {
    if (!has_name (above, *below))
      g_strv_builder_add (builder, *below);
  }
  g_strv_builder_addv (builder, (const char **)above);
  return g_strv_builder_end (builder);
}

/* Who gives another entrypoint does not want the words that were meant for the image's. */
static char **
command_of (const BothyContainerSpec *spec, const BothyImageConfig *image)
{
  static const char *const none[] = { NULL };
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *const *first = image ? words (image->entrypoint) : none;
  const char *const *rest = image && !spec->entrypoint ? words (image->command) : none;

  if (spec->entrypoint)
    first = (const char *const *)spec->entrypoint;
  if (*spec->command)
    rest = (const char *const *)spec->command;
  g_strv_builder_addv (builder, (const char **)first);
  g_strv_builder_addv (builder, (const char **)rest);
  return g_strv_builder_end (builder);
}

void
bothy_defaults_apply (BothyContainerSpec *spec, const BothyImageConfig *image)
{
  char **command = command_of (spec, image);
  char **environment;

  spec->command = (g_strfreev (spec->command), command);
  if (!image)
    return;
  environment =
      bothy_defaults_merge_environment (words (image->environment), (const char *const *)spec->environment);
  spec->environment = (g_strfreev (spec->environment), environment);
  if (!*spec->user && image->user)
    spec->user = (g_free (spec->user), g_strdup (image->user));
  if (!*spec->working_directory && image->directory)
    spec->working_directory = (g_free (spec->working_directory), g_strdup (image->directory));
  spec->stop_signal = image->stop_signal;
}
