/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/defaults.h"

#include "base/error.h"

#include <string.h>

static const char *const *
words (const GPtrArray *list)
{
  return (const char *const *)list->pdata;
}

/* Of the variable that ENTRY is about. (transfer full) */
static char *
name_of (const char *entry)
{
  return g_strndup (entry, strcspn (entry, "="));
}

/* By each name in ENTRIES the last of those that have it: one call may bring tens of thousands. */
static GHashTable *
last_of_each (const char *const *entries)
{
  GHashTable *last = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; *entries; entries++)
    g_hash_table_replace (last, name_of (*entries), (gpointer)*entries);
  return last;
}

char **
bothy_defaults_merge_environment (const char *const *below, const char *const *above)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GHashTable) last = last_of_each (above);

  for (; *below; below++) {
    g_autofree char *name = name_of (*below);

    if (!g_hash_table_contains (last, name))
      g_strv_builder_add (builder, *below);
  }
  for (; *above; above++) {
    g_autofree char *name = name_of (*above);

    if (g_hash_table_lookup (last, name) == *above)
      g_strv_builder_add (builder, *above);
  }
  return g_strv_builder_end (builder);
}

/* An entrypoint of one empty word is docker's way to say that there is none. */
static gboolean
is_nothing (const char *const *words)
{
  return words[0] && !*words[0] && !words[1];
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
  if (is_nothing (first))
    first = none;
  g_strv_builder_addv (builder, (const char **)first);
  g_strv_builder_addv (builder, (const char **)rest);
  return g_strv_builder_end (builder);
}

/* As the container keeps it. */
static void
complete_health (BothyContainerSpec *spec, const BothyImageConfig *image)
{
  const BothyHealthCheck nothing = { NULL };
  const BothyHealthCheck said = image ? (BothyHealthCheck){ .test = (char **)image->health.test->pdata,
                                                            .interval = image->health.interval,
                                                            .timeout = image->health.timeout,
                                                            .start_period = image->health.start_period,
                                                            .start_interval = image->health.start_interval,
                                                            .retries = image->health.retries }
                                      : nothing;

  bothy_health_check_complete (&spec->health, &said);
}

void
bothy_defaults_apply (BothyContainerSpec *spec, const BothyImageConfig *image)
{
  char **command = command_of (spec, image);
  static const char *const none[] = { NULL };
  char **environment = bothy_defaults_merge_environment (image ? words (image->environment) : none,
                                                         (const char *const *)spec->environment);

  spec->command = (g_strfreev (spec->command), command);
  spec->environment = (g_strfreev (spec->environment), environment);
  complete_health (spec, image);
  if (!image)
    return;
  if (!*spec->user && image->user)
    spec->user = (g_free (spec->user), g_strdup (image->user));
  if (!*spec->working_directory && image->directory)
    spec->working_directory = (g_free (spec->working_directory), g_strdup (image->directory));
  spec->stop_signal = image->stop_signal;
}

void
bothy_defaults_explain_user (GError **error, const char *user, BothyImage *image, guint32 owner)
{
  char *text;

  if (!g_error_matches (*error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER))
    return;
  if (image && image->defaults && g_strcmp0 (image->defaults->user, user) == 0)
    text = g_strdup_printf ("User \"%s\", as image %.64s says: %s; say who it is instead (\"--user\")", user,
                            bothy_image_label (image, owner), (*error)->message);
  else
    text = g_strdup_printf ("User \"%s\": %s", user, (*error)->message);
  g_free ((*error)->message);
  (*error)->message = text;
}

void
bothy_defaults_explain_program (GError **error, const char *program)
{
  g_autofree char *start = program ? g_strndup (program, 255) : NULL;
  /* It is any bytes, and the message is read on terminals. */
  g_autofree char *shown = start ? g_strescape (start, NULL) : NULL;

  if (shown && *shown != '\0' &&
      (g_error_matches (*error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM) ||
       g_error_matches (*error, BOTHY_ERROR, BOTHY_ERROR_NOT_EXECUTABLE)))
    g_prefix_error (error, "Program \"%.255s\": ", shown);
}
