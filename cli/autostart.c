/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "autostart.h"
#include "error.h"
#include "limitspec.h"
#include "output.h"
#include "verbs.h"

char *
cli_autostart_text (GVariant *autostart)
{
  const char *mode = "no", *after = "";
  guint32 delay = 0;
  GString *text;

  g_variant_lookup (autostart, "mode", "&s", &mode);
  g_variant_lookup (autostart, "after", "&s", &after);
  g_variant_lookup (autostart, "delay", "u", &delay);
  if (g_str_equal (mode, "no"))
    return NULL;
  if (g_str_equal (mode, "on-demand"))
    return g_strdup (_ ("on demand"));
  text = g_string_new (g_str_equal (mode, "boot") ? _ ("at boot") : _ ("at login"));
  if (*after)
    g_string_append_printf (text, _ (", after %s"), after);
  if (delay > 0)
    g_string_append_printf (text, g_dngettext (NULL, ", %u second later", ", %u seconds later", delay),
                            delay);
  return g_string_free (text, FALSE);
}

char *
cli_autostart_restart (GVariant *autostart)
{
  const char *restart = "no";

  g_variant_lookup (autostart, "restart", "&s", &restart);
  return g_str_equal (restart, "no") ? NULL : g_strdup (restart);
}

static int
show (Cli *cli, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, &error);
  g_autoptr (GVariant) autostart = NULL;
  g_autofree char *text = NULL, *restart = NULL;

  if (properties == NULL)
    return cli_fail (error);
  autostart = g_variant_lookup_value (properties, "Autostart", G_VARIANT_TYPE_VARDICT);
  if (autostart == NULL)
    return CLI_EXIT_OK;
  if (cli->json) {
    g_autoptr (JsonBuilder) builder = json_builder_new ();
    cli_json_object (builder, autostart);
    cli_json_print (builder, TRUE);
    return CLI_EXIT_OK;
  }
  text = cli_autostart_text (autostart);
  restart = cli_autostart_restart (autostart);
  cli_print_field (_ ("Started"), text ? text : _ ("no"));
  cli_print_field (_ ("Restarted"), restart ? restart : _ ("no"));
  return CLI_EXIT_OK;
}

int
cli_autostart (Cli *cli, char **words)
{
  int delay = -1;
  g_autofree char *after = NULL, *restart = NULL, *path = NULL;
  const GOptionEntry entries[] = {
    { "delay", 0, 0, G_OPTION_ARG_INT, &delay, N_ ("How long after that it is started"), N_ ("SECONDS") },
    { "after", 0, 0, G_OPTION_ARG_FILENAME, &after, N_ ("Which one is started before; '' for none"),
      N_ ("OTHER") },
    { "restart", 0, 0, G_OPTION_ARG_FILENAME, &restart, N_ ("What is done when it ends"),
      N_ ("no|on-failure[:MAX]|always") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_auto (GStrv) rest = NULL;
  GVariantBuilder options;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (rest[1] && rest[2])
    return cli_usage (cli, "%s", _ ("One container at a time"));
  if (delay < -1)
    return cli_usage (cli, "%s", _ ("--delay takes seconds"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  if (path == NULL)
    return cli_fail (error);
  if (!rest[1] && delay < 0 && !after && !restart)
    return show (cli, path);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (delay >= 0)
    g_variant_builder_add (&options, "{sv}", "delay", g_variant_new_uint32 ((guint32)delay));
  cli_option_add (&options, "after", after);
  cli_option_add (&options, "restart", restart);
  answer = cli_call_over_quota (cli, path, IFACE_CONTAINER, "SetAutostart",
                                g_variant_new ("(sa{sv})", rest[1] ? rest[1] : "", &options), NULL, &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}
