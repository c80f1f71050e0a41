/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "escape.h"
#include "output.h"
#include "verbs.h"

static CliColour
colour_of (const char *verdict)
{
  if (g_str_equal (verdict, "ok") || g_str_equal (verdict, "fixed"))
    return CLI_COLOUR_GOOD;
  return g_str_equal (verdict, "warning") || g_str_equal (verdict, "left") ? CLI_COLOUR_WARNING
                                                                           : CLI_COLOUR_BAD;
}

static void
add_json (JsonBuilder *builder, const char *check, const char *verdict, const char *found, const char *advice)
{
  const char *const pairs[][2] = {
    { "check", check }, { "verdict", verdict }, { "found", found }, { "advice", advice }
  };

  json_builder_begin_object (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++) {
    json_builder_set_member_name (builder, pairs[i][0]);
    json_builder_add_string_value (builder, pairs[i][1]);
  }
  json_builder_end_object (builder);
}

static void
print_check (const char *check, const char *verdict, const char *found, const char *advice)
{
  g_autofree char *safe_check = cli_escape (check, -1, CLI_ESCAPE_LINE);
  g_autofree char *safe_verdict = cli_escape (verdict, -1, CLI_ESCAPE_LINE);
  g_autofree char *safe_found = cli_escape (found, -1, CLI_ESCAPE_LINE);
  g_autofree char *safe_advice = cli_escape (advice, -1, CLI_ESCAPE_LINE);

  printf ("%s%-8s%s %s%s%s%s%s\n", cli_colour (colour_of (verdict)), safe_verdict, cli_colour_off (),
          cli_colour (CLI_COLOUR_BOLD), safe_check, cli_colour_off (), safe_found[0] ? ": " : "", safe_found);
  if (safe_advice[0] != '\0' && !g_str_equal (verdict, "ok"))
    printf ("%8s %s\n", "", safe_advice);
}

static GVariant *
ask (Cli *cli, const char *method, GError **error)
{
  if (!cli_connect (cli, error))
    return NULL;
  return cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, method, NULL, NULL, NULL, error);
}

/* Without the service there is one thing to say; who asks for a diagnosis gets it as one. */
static GVariant *
diagnose_absence (GError *error)
{
  g_dbus_error_strip_remote_error (error);
  return g_variant_ref_sink (
      g_variant_new_parsed ("([('service', 'error', %s, %s)],)", error->message,
                            _ ("Is bothyd installed? See 'systemctl status bothyd'.")));
}

int
cli_doctor (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *check, *verdict, *found, *advice;
  gboolean healthy = TRUE, fix = FALSE;
  const GOptionEntry entries[] = {
    { "fix", 0, 0, G_OPTION_ARG_NONE, &fix, N_ ("Let other firewalls pass what containers send and get"),
      NULL },
    G_OPTION_ENTRY_NULL,
  };

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names"));
  answer = ask (cli, fix ? "OpenFirewalls" : "Diagnose", &error);
  if (answer == NULL && fix)
    return cli_fail (error);
  if (answer == NULL)
    answer = diagnose_absence (error);

  json_builder_begin_array (builder);
  g_variant_get (answer, "(a(ssss))", &iter);
  while (g_variant_iter_next (iter, "(&s&s&s&s)", &check, &verdict, &found, &advice)) {
    /* With --fix a warning is of what could not be looked into, and is left as well. */
    healthy = healthy && (g_str_equal (verdict, "ok") || g_str_equal (verdict, fix ? "fixed" : "warning"));
    if (cli->json)
      add_json (builder, check, verdict, found, advice);
    else if (!cli->quiet || !g_str_equal (verdict, "ok"))
      print_check (check, verdict, found, advice);
  }
  json_builder_end_array (builder);
  if (cli->json)
    cli_json_print (builder, TRUE);
  return healthy ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
