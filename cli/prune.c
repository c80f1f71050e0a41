/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "objects.h"
#include "output.h"
#include "usage.h"
#include "verbs.h"

typedef struct {
  gboolean all;
  gboolean dry_run;
  gboolean force;
} How;

/* Those that nothing stands on; without --all, only those that have no name (any more). */
static GPtrArray *
choose (GVariant *managed, gboolean all)
{
  g_autoptr (GPtrArray) images = cli_objects_of (managed, IFACE_IMAGE, "Fingerprint");
  g_autoptr (GHashTable) used = cli_usage_images (managed);
  GPtrArray *chosen = g_ptr_array_new_with_free_func ((GDestroyNotify)g_variant_unref);

  for (guint i = 0; i < images->len; i++) {
    GVariant *image = images->pdata[i];
    g_autofree const char **aliases = NULL;

    g_variant_lookup (image, "Aliases", "^a&s", &aliases);
    if (cli_usage_is_removable (image, used) && (all || aliases == NULL || aliases[0] == NULL))
      g_ptr_array_add (chosen, g_variant_ref (image));
  }
  return chosen;
}

static guint64
total_size (GPtrArray *images)
{
  guint64 total = 0;

  for (guint i = 0; i < images->len; i++)
    total += cli_usage_size (images->pdata[i]);
  return total;
}

/* Whoever is there to be asked is asked; a script that calls this means it. */
static gboolean
confirm (GPtrArray *images)
{
  g_autofree char *size = g_format_size (total_size (images));
  char answer[16] = "";

  if (!isatty (STDIN_FILENO) || !isatty (STDERR_FILENO))
    return TRUE;
  for (guint i = 0; i < images->len; i++) {
    g_autofree char *fingerprint = cli_property (images->pdata[i], "Fingerprint");
    g_autofree char *aliases = cli_property (images->pdata[i], "Aliases");

    g_printerr ("  %.12s  %s\n", fingerprint, aliases ? aliases : "");
  }
  g_printerr (
      g_dngettext (NULL, "Remove %u image (%s)? [y/N] ", "Remove %u images (%s)? [y/N] ", images->len),
      images->len, size);
  if (fgets (answer, sizeof answer, stdin) == NULL)
    return FALSE;
  return rpmatch (answer) == 1; /* in the user's language */
}

static gboolean
remove_image (Cli *cli, GVariant *image, GError **error)
{
  const char *fingerprint = "";
  g_autofree char *path = NULL;
  g_autoptr (GVariant) answer = NULL;

  g_variant_lookup (image, "Fingerprint", "&s", &fingerprint);
  path = cli_find_image (cli, fingerprint, error);
  if (path)
    answer = cli_call (cli, path, IFACE_IMAGE, "Remove", NULL, NULL, NULL, error);
  return answer != NULL;
}

/* Keeps those that are gone. */
static int
remove_all (Cli *cli, GPtrArray *images)
{
  int code = CLI_EXIT_OK;

  for (guint i = 0; i < images->len;) {
    g_autoptr (GError) error = NULL;
    g_autofree char *name = cli_property (images->pdata[i], "Fingerprint");

    if (remove_image (cli, images->pdata[i], &error)) {
      i++;
      continue;
    }
    cli_warn (error, name);
    code = CLI_EXIT_FAILED;
    g_ptr_array_remove_index (images, i);
  }
  return code;
}

static void
print_removed (Cli *cli, GPtrArray *images, const How *how)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *size = g_format_size (total_size (images));

  json_builder_begin_array (builder);
  for (guint i = 0; i < images->len; i++) {
    g_autofree char *fingerprint = cli_property (images->pdata[i], "Fingerprint");

    if (!cli->json)
      puts (fingerprint);
    cli_json_object (builder, images->pdata[i]);
  }
  json_builder_end_array (builder);
  if (cli->json)
    cli_json_print (builder, TRUE);
  else if (!cli->quiet && images->len > 0)
    g_printerr (how->dry_run ? _ ("Your images would take %s less\n") : _ ("Your images take %s less\n"),
                size);
}

int
cli_image_prune (Cli *cli, char **words)
{
  How how = { 0 };
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &how.all, N_ ("Those with aliases as well"), NULL },
    { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &how.dry_run, N_ ("Only show them"), NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &how.force, N_ ("Don't ask"), NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) managed = NULL;
  g_autoptr (GPtrArray) images = NULL;
  g_auto (GStrv) rest = NULL;
  int code = CLI_EXIT_OK;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names: see 'bothy image delete IMAGE'"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  managed = cli_get_managed (cli, &error);
  if (managed == NULL)
    return cli_fail (error);
  images = choose (managed, how.all);
  if (!how.dry_run && images->len > 0) {
    if (!how.force && !confirm (images))
      return CLI_EXIT_FAILED;
    code = remove_all (cli, images);
  }
  print_removed (cli, images, &how);
  return code;
}
