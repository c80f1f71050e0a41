/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdio.h>

#include "error.h"
#include "escape.h"
#include "expiry.h"
#include "listing.h"
#include "verbs.h"

/* What can be typed: aliases, and a fingerprint where there is none. */
static void
print_names (GVariant *image)
{
  g_autofree const char **aliases = NULL;
  const char *fingerprint = "";

  g_variant_lookup (image, "Aliases", "^a&s", &aliases);
  g_variant_lookup (image, "Fingerprint", "&s", &fingerprint);
  if (aliases == NULL || aliases[0] == NULL)
    printf ("%.12s\n", fingerprint);
  for (gsize i = 0; aliases && aliases[i]; i++)
    puts (aliases[i]);
}

static void
add_image (struct libscols_table *table, GVariant *image)
{
  const char *fingerprint = "", *os = "", *release = "", *architecture = "", *verified = "";
  g_autofree char *aliases = cli_property (image, "Aliases");
  g_autofree char *digits = NULL;
  g_autofree char *size = NULL;
  g_autofree char *support = cli_expiry_text (image);
  guint64 bytes = 0;

  g_variant_lookup (image, "Fingerprint", "&s", &fingerprint);
  g_variant_lookup (image, "OS", "&s", &os);
  g_variant_lookup (image, "Release", "&s", &release);
  g_variant_lookup (image, "Architecture", "&s", &architecture);
  g_variant_lookup (image, "Verified", "&s", &verified);
  g_variant_lookup (image, "Size", "t", &bytes);
  digits = g_strndup (fingerprint, 12);
  size = g_format_size (bytes);
  cli_table_add (table,
                 (const char *[]){ aliases ? aliases : "", digits, os, release, architecture, size, verified,
                                   support ? support : "", NULL },
                 6, g_str_equal (verified, "none") ? CLI_COLOUR_WARNING : CLI_COLOUR_GOOD);
}

int
cli_image_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("ALIAS"),    N_ ("FINGERPRINT"), N_ ("OS"),
                                         N_ ("RELEASE"),  N_ ("ARCH"),        N_ ("SIZE"),
                                         N_ ("VERIFIED"), N_ ("SUPPORT"),     NULL };
  static const CliListing listing = {
    .interface = IFACE_IMAGE,
    .key = "Fingerprint",
    .usage = N_ ("It takes no names: see 'bothy image info NAME'"),
    .columns = columns,
    .add = add_image,
    .print_name = print_names,
    .hint = N_ ("There are no images. 'bothy image search' shows what there is elsewhere."),
  };

  return cli_listing_run (cli, &listing, words);
}

static void
print_labels (GVariant *configuration)
{
  g_autoptr (GVariant) labels = g_variant_lookup_value (configuration, "labels", G_VARIANT_TYPE ("a{ss}"));
  GVariantIter iter;
  const char *name, *value;

  if (labels == NULL)
    return;
  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "{&s&s}", &name, &value)) {
    g_autofree char *text = g_strdup_printf ("%s=%s", name, value);
    g_autofree char *shown = cli_escape (text, -1, CLI_ESCAPE_LINE);
    cli_print_field (_ ("Label"), shown);
  }
}

static void
print_health (GVariant *configuration)
{
  g_autoptr (GVariant) health = g_variant_lookup_value (configuration, "healthcheck", G_VARIANT_TYPE_VARDICT);
  g_autofree char *test = health ? cli_property (health, "test") : NULL;
  g_autofree char *text = NULL;
  guint64 interval;

  if (health && test && g_variant_lookup (health, "interval", "t", &interval))
    text = g_strdup_printf (_ ("%s, every %g s"), test, (double)interval / G_USEC_PER_SEC);
  cli_print_field (_ ("Health check"), text ? text : test);
}

static void
print_stop_signal (GVariant *configuration)
{
  g_autofree char *text = NULL;
  int number;

  if (!g_variant_lookup (configuration, "stop-signal", "i", &number) || number <= 0)
    return;
  if (number >= SIGRTMIN)
    text = g_strdup_printf ("SIGRTMIN+%d", number - SIGRTMIN);
  else if (sigabbrev_np (number))
    text = g_strconcat ("SIG", sigabbrev_np (number), NULL);
  cli_print_field (_ ("Stop signal"), text);
}

/* What an OCI or docker image says of its containers. */
static void
print_configuration (GVariant *properties)
{
  static const struct {
    const char *key, *title;
  } fields[] = { { "entrypoint", N_ ("Entrypoint") },
                 { "command", N_ ("Command") },
                 { "environment", N_ ("Environment") },
                 { "user", N_ ("User") },
                 { "working-directory", N_ ("Directory") },
                 { "volumes", N_ ("Volumes") },
                 { "ports", N_ ("Listens at") } };
  g_autoptr (GVariant) configuration =
      g_variant_lookup_value (properties, "Configuration", G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; configuration && i < G_N_ELEMENTS (fields); i++) {
    g_autofree char *value = cli_property (configuration, fields[i].key);
    cli_print_field (_ (fields[i].title), value);
  }
  if (configuration) {
    print_stop_signal (configuration);
    print_health (configuration);
    print_labels (configuration);
  }
}

static void
print_image (GVariant *properties)
{
  static const char *const fields[] = { N_ ("Fingerprint"), N_ ("Aliases"), N_ ("OS"),
                                        N_ ("Release"),     N_ ("Variant"), N_ ("Architecture"),
                                        N_ ("Origin"),      N_ ("Verified") };
  g_autofree char *created = cli_property_time (properties, "CreatedAt");
  g_autofree char *expires = cli_expiry_text (properties);
  gboolean squashed;
  guint64 bytes;
  guint32 days;

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++) {
    g_autofree char *value = cli_property (properties, fields[i]);
    cli_print_field (_ (fields[i]), value);
  }
  if (g_variant_lookup (properties, "Size", "t", &bytes)) {
    g_autofree char *size = g_format_size (bytes);
    cli_print_field (_ ("Size"), size);
  }
  if (g_variant_lookup (properties, "SquashedOwners", "b", &squashed) && squashed)
    cli_print_field (_ ("Owners"), _ ("those above 65535 became nobody"));
  cli_print_field (_ ("Created"), created);
  cli_print_field (_ ("Supported until"), expires);
  if (g_variant_lookup (properties, "DaysLeft", "u", &days) && days > 0) {
    g_autofree char *left = g_strdup_printf (
        g_dngettext (NULL, "after %u more day without use", "after %u more days without use", days), days);

    cli_print_field (_ ("Goes"), left);
  }
  print_configuration (properties);
}

int
cli_image_info (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) properties = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 1)
    return cli_usage (cli, "%s", _ ("One image is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_image (cli, names[0], &error);
  if (path)
    properties = cli_get_all (cli, path, IFACE_IMAGE, &error);
  if (properties == NULL)
    return cli_fail (error);
  if (cli->json)
    cli_json_print_object (properties);
  else
    print_image (properties);
  return CLI_EXIT_OK;
}

static gboolean
delete_image (Cli *cli, const char *name, GError **error)
{
  g_autofree char *path = cli_find_image (cli, name, error);
  g_autoptr (GVariant) answer = NULL;

  if (path)
    answer = cli_call (cli, path, IFACE_IMAGE, "Remove", NULL, NULL, NULL, error);
  return answer != NULL;
}

int
cli_image_delete (Cli *cli, char **words)
{
  return cli_each_word (cli, words, N_ ("An image is needed"), delete_image);
}
