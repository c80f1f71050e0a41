/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "verbs.h"

static gboolean
call_alias (Cli *cli, const char *image, const char *method, const char *alias, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, image, IFACE_IMAGE, method, g_variant_new ("(s)", alias), NULL, NULL, error);

  return answer != NULL;
}

int
cli_image_tag (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *image = NULL;
  gboolean ok;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) < 2)
    return cli_usage (cli, "%s", _ ("An image and a name for it are needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  image = cli_find_image (cli, names[0], &error);
  ok = image != NULL;
  for (char **alias = names + 1; ok && *alias; alias++)
    ok = call_alias (cli, image, "AddAlias", *alias, &error);
  return ok ? CLI_EXIT_OK : cli_fail (error);
}

static gboolean
untag (Cli *cli, const char *alias, GError **error)
{
  g_autofree char *image = cli_find_image (cli, alias, error);

  return image && call_alias (cli, image, "RemoveAlias", alias, error);
}

int
cli_image_untag (Cli *cli, char **words)
{
  return cli_each_word (cli, words, N_ ("An alias is needed"), untag);
}
