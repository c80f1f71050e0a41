/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where images come from: bothy remote */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "listing.h"
#include "verbs.h"

static void
add_remote (struct libscols_table *table, GVariant *remote)
{
  const char *name = "", *url = "", *protocol = "", *policy = "", *origin = "";
  gboolean enabled = FALSE;

  g_variant_lookup (remote, "name", "&s", &name);
  g_variant_lookup (remote, "url", "&s", &url);
  g_variant_lookup (remote, "protocol", "&s", &protocol);
  g_variant_lookup (remote, "policy", "&s", &policy);
  g_variant_lookup (remote, "origin", "&s", &origin);
  g_variant_lookup (remote, "enabled", "b", &enabled);
  cli_table_add (table, (const char *[]){ name, url, protocol, enabled ? policy : _ ("(off)"), origin, NULL },
                 3, enabled ? CLI_COLOUR_NONE : CLI_COLOUR_DIM);
}

static void
print_name (GVariant *remote)
{
  const char *name = "";

  g_variant_lookup (remote, "name", "&s", &name);
  puts (name);
}

int
cli_remote_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("REMOTE"), N_ ("URL"),    N_ ("PROTOCOL"),
                                         N_ ("POLICY"), N_ ("ORIGIN"), NULL };
  static const CliListing listing = {
    .method = "ListRemotes",
    .columns = columns,
    .add = add_remote,
    .print_name = print_name,
    .hint = N_ ("There are no servers to get images from. 'bothy remote add NAME URL' adds one."),
  };

  return cli_listing_run (cli, &listing, words);
}

typedef struct {
  char *protocol;
  char *policy;
  char *key;
  char *proxy;
  int timeout;
} AddOptions;

static void
add_options_clear (AddOptions *options)
{
  g_free (options->protocol);
  g_free (options->policy);
  g_free (options->key);
  g_free (options->proxy);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AddOptions, add_options_clear)

static gboolean
add (Cli *cli, const char *name, const char *url, const AddOptions *options, GError **error)
{
  g_autofree char *key = NULL;
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder builder;
  gsize size;

  if (options->key && !g_file_get_contents (options->key, &key, &size, error))
    return FALSE;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&builder, "protocol", options->protocol);
  cli_option_add (&builder, "policy", options->policy);
  cli_option_add (&builder, "proxy", options->proxy);
  if (key)
    g_variant_builder_add (&builder, "{sv}", "key",
                           g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, key, size, 1));
  if (options->timeout > 0)
    g_variant_builder_add (&builder, "{sv}", "timeout", g_variant_new_uint32 ((guint32)options->timeout));
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "AddRemote",
                     g_variant_new ("(ssa{sv})", name, url, &builder), NULL, NULL, error);
  return answer != NULL;
}

/* What a catalogue's server says right away, so that a mistake is seen now and not at the first pull. A registry has no list. */
static void
look_at (Cli *cli, const char *name, const AddOptions *options)
{
  g_autofree char *all = g_strconcat (name, ":", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (options->protocol && g_str_equal (options->protocol, "oci"))
    return;
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "SearchImages", g_variant_new ("(sa{sv})", all, NULL),
                     NULL, NULL, &error);
  if (answer)
    return;
  cli_warn (error, _ ("It is added, but there is no catalogue as yet"));
  g_printerr (_ ("Hint: a registry of container images is added with \"--protocol oci\", after \"bothy "
                 "remote remove %s\"\n"),
              name);
}

int
cli_remote_add (Cli *cli, char **words)
{
  g_auto (AddOptions) options = { 0 };
  const GOptionEntry entries[] = {
    { "protocol", 0, 0, G_OPTION_ARG_FILENAME, &options.protocol,
      N_ ("simplestreams, lxc or oci, a registry"), N_ ("PROTOCOL") },
    { "policy", 0, 0, G_OPTION_ARG_FILENAME, &options.policy, N_ ("signature, checksum, tls or auto"),
      N_ ("POLICY") },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &options.key, N_ ("OpenPGP public keys that may sign"),
      N_ ("FILE") },
    { "proxy", 0, 0, G_OPTION_ARG_FILENAME, &options.proxy, N_ ("Go through a proxy"), N_ ("URL") },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &options.timeout, N_ ("Give up without an answer"), N_ ("SECONDS") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 2)
    return cli_usage (cli, "%s", _ ("A name and a URL are needed"));
  if (!cli_connect (cli, &error) || !add (cli, rest[0], rest[1], &options, &error))
    return cli_fail (error);
  look_at (cli, rest[0], &options);
  return CLI_EXIT_OK;
}

static gboolean
remove_remote (Cli *cli, const char *name, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "RemoveRemote",
                                          g_variant_new ("(s)", name), NULL, NULL, error);

  return answer != NULL;
}

int
cli_remote_remove (Cli *cli, char **words)
{
  return cli_each_word (cli, words, N_ ("A remote is needed"), remove_remote);
}
