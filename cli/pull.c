/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "imported.h"
#include "listing.h"
#include "login.h"
#include "operation.h"
#include "pull.h"
#include "verbs.h"

/* ---- pull and refresh ---- */

static char *
follow (Cli *cli, GVariant *answer, const char *title, GError **error)
{
  g_autofree char *operation = NULL;
  char *image = NULL;

  g_variant_get (answer, "(o)", &operation);
  return cli_operation_follow (cli, operation, title, &image, error) ? image : NULL;
}

char *
cli_pull (Cli *cli,
          const char *ref,
          const char *alias,
          const char *architecture,
          gboolean squash_owners,
          GError **error)
{
  g_autofree char *title = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "alias", alias);
  cli_option_add (&options, "architecture", architecture);
  if (squash_owners)
    g_variant_builder_add (&options, "{sv}", "squash-owners", g_variant_new_boolean (TRUE));
  if (!cli_login_add (cli, ref, &options, &fds, error)) {
    g_variant_builder_clear (&options);
    return NULL;
  }
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "PullImage", g_variant_new ("(sa{sv})", ref, &options),
                     fds, NULL, error);
  title = g_strdup_printf (_ ("Pulling %s"), ref);
  return answer ? follow (cli, answer, title, error) : NULL;
}

gboolean
cli_pull_missing (Cli *cli, const char *ref, gboolean squash_owners, GError **refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *image = NULL;

  if (!cli_error_is (*refused, "NoSuchImage"))
    return FALSE;
  image = cli_pull (cli, ref, NULL, NULL, squash_owners, &error);
  if (image) {
    g_clear_error (refused);
    return TRUE;
  }
  /* What is called so nowhere is just not there; all else is worth a word. */
  if (error && !cli_error_is (error, "org.freedesktop.DBus.Error.InvalidArgs") &&
      !cli_error_is (error, "NoSuchRemote")) {
    g_autoptr (GError) local = g_steal_pointer (refused);
    gboolean aside = cli_error_is (error, "NoSuchImage") || cli_error_is (error, "RemoteFailed") ||
                     cli_error_is (error, "Failed");

    if (aside) {
      g_dbus_error_strip_remote_error (error);
      *refused = g_error_new (local->domain, local->code, "%s; %s", local->message, error->message);
    } else
      *refused = g_steal_pointer (&error);
  }
  return FALSE;
}

int
cli_image_pull (Cli *cli, char **words)
{
  g_autofree char *alias = NULL;
  g_autofree char *architecture = NULL;
  gboolean squash_owners = FALSE;
  const GOptionEntry entries[] = {
    { "alias", 0, 0, G_OPTION_ARG_FILENAME, &alias, N_ ("A name of yours for it"), N_ ("ALIAS") },
    { "architecture", 0, 0, G_OPTION_ARG_FILENAME, &architecture, N_ ("In place of this machine's"),
      N_ ("ARCH") },
    CLI_SQUASH_OWNERS (&squash_owners),
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *image = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 1)
    return cli_usage (cli, "%s", _ ("One image is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  image = cli_pull (cli, names[0], alias, architecture, squash_owners, &error);
  return image && cli_print_imported (cli, image, &error) ? CLI_EXIT_OK : cli_fail (error);
}

static GVariant *
call_refresh (Cli *cli, const char *path, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_IMAGE, error);
  g_autoptr (GUnixFDList) fds = NULL;
  const char *origin = "";
  GVariantBuilder options;

  if (!properties)
    return NULL;
  g_variant_lookup (properties, "Origin", "&s", &origin);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (strchr (origin, ':') && !cli_login_add (cli, origin, &options, &fds, error)) {
    g_variant_builder_clear (&options);
    return NULL;
  }
  return cli_call (cli, path, IFACE_IMAGE, "Refresh", g_variant_new ("(a{sv})", &options), fds, NULL, error);
}

static gboolean
refresh (Cli *cli, const char *name, GError **error)
{
  g_autofree char *title = NULL;
  g_autofree char *path = cli_find_image (cli, name, error);
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *image = NULL;

  if (path)
    answer = call_refresh (cli, path, error);
  title = g_strdup_printf (_ ("Refreshing %s"), name);
  if (answer)
    image = follow (cli, answer, title, error);
  return image && cli_print_imported (cli, image, error);
}

int
cli_image_refresh (Cli *cli, char **words)
{
  return cli_each_word (cli, words, N_ ("An image is needed"), refresh);
}

/* ---- search ---- */

static const char *
text_of (GVariant *image, const char *key)
{
  const char *text = "";

  g_variant_lookup (image, key, "&s", &text);
  return text;
}

/* The shortest name is what is typed; of two the one without digits' tail comes later in catalogues. */
static char *
name_of (GVariant *image)
{
  g_autofree const char **aliases = NULL;
  const char *best = NULL;

  g_variant_lookup (image, "aliases", "^a&s", &aliases);
  for (gsize i = 0; aliases && aliases[i]; i++)
    if (best == NULL || strlen (aliases[i]) < strlen (best))
      best = aliases[i];
  return g_strdup_printf ("%s:%s", text_of (image, "remote"), best ? best : text_of (image, "product"));
}

static void
add_found (struct libscols_table *table, GVariant *image)
{
  g_autofree char *name = name_of (image);
  g_autofree char *also = cli_property (image, "aliases");
  g_autofree char *size = NULL;
  guint64 bytes = 0;

  if (text_of (image, "error")[0])
    return;
  g_variant_lookup (image, "size", "t", &bytes);
  size = bytes ? g_format_size (bytes) : g_strdup ("");
  cli_table_add (table,
                 (const char *[]){ name, also ? also : "", text_of (image, "architecture"),
                                   text_of (image, "version"), size, NULL },
                 0, CLI_COLOUR_BOLD);
}

static void
print_found_name (GVariant *image)
{
  g_autofree char *name = name_of (image);

  if (!text_of (image, "error")[0])
    puts (name);
}

/* Of a remote that did not answer. */
static void
print_problem (GVariant *image)
{
  const char *remote = text_of (image, "remote"), *error = text_of (image, "error");
  guint64 age;

  if (!g_variant_lookup (image, "age", "t", &age))
    g_printerr ("bothy: %s: %s\n", remote, error);
  else if (age < 120 * 60)
    g_printerr (_ ("bothy: %s: %s; this is what it had %u min ago\n"), remote, error, (guint)(age / 60));
  else
    g_printerr (_ ("bothy: %s: %s; this is what it had %u h ago\n"), remote, error, (guint)(age / 3600));
}

/* Of the remotes that did not answer; they must not spoil what others found. */
static void
warn_of_failed (GVariant *images)
{
  GVariantIter iter;
  GVariant *image;

  g_variant_iter_init (&iter, images);
  while ((image = g_variant_iter_next_value (&iter))) {
    if (text_of (image, "error")[0])
      print_problem (image);
    g_variant_unref (image);
  }
}

static void
print_found (Cli *cli, GVariant *images)
{
  static const char *const columns[] = { N_ ("IMAGE"),   N_ ("ALSO"), N_ ("ARCH"),
                                         N_ ("VERSION"), N_ ("SIZE"), NULL };
  static const CliListing listing = {
    .columns = columns,
    .add = add_found,
    .print_name = print_found_name,
    .hint = N_ ("Nothing is called so on these servers. 'bothy remote list' shows them; a registry has no "
                "list, and is asked by "
                "name: 'bothy image pull docker.io/library/NAME'."),
  };

  warn_of_failed (images);
  cli_listing_print (cli, &listing, images);
}

int
cli_image_search (Cli *cli, char **words)
{
  g_autofree char *architecture = NULL;
  const GOptionEntry entries[] = {
    { "architecture", 0, 0, G_OPTION_ARG_FILENAME, &architecture,
      N_ ("In place of this machine's; \"\" for all"), N_ ("ARCH") },
    CLI_OUTPUT (cli),
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) images = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  GVariantBuilder options;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !cli_output_ok (cli))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) > 1)
    return cli_usage (cli, "%s", _ ("At most one pattern can be looked for"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "architecture", architecture);
  if (!cli_login_add (cli, rest[0] ? rest[0] : "", &options, &fds, &error)) {
    g_variant_builder_clear (&options);
    return cli_fail (error);
  }
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "SearchImages",
                     g_variant_new ("(sa{sv})", rest[0] ? rest[0] : "", &options), fds, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  images = g_variant_get_child_value (answer, 0);
  print_found (cli, images);
  return CLI_EXIT_OK;
}
