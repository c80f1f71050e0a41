/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where images come from: bothy remote */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "output.h"
#include "verbs.h"

static void
print_table (GVariant *remotes)
{
  const char *const columns[] = { _ ("REMOTE"), _ ("URL"), _ ("PROTOCOL"), _ ("POLICY"), _ ("ORIGIN"), NULL };
  struct libscols_table *table = cli_table_new (columns);
  gsize n = g_variant_n_children (remotes);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) remote = g_variant_get_child_value (remotes, i);
    const char *name = "", *url = "", *protocol = "", *policy = "", *origin = "";
    gboolean enabled = FALSE;

    g_variant_lookup (remote, "name", "&s", &name);
    g_variant_lookup (remote, "url", "&s", &url);
    g_variant_lookup (remote, "protocol", "&s", &protocol);
    g_variant_lookup (remote, "policy", "&s", &policy);
    g_variant_lookup (remote, "origin", "&s", &origin);
    g_variant_lookup (remote, "enabled", "b", &enabled);
    cli_table_add (table,
                   (const char *[]){ name, url, protocol, enabled ? policy : _ ("(off)"), origin, NULL }, 3,
                   enabled ? CLI_COLOUR_NONE : CLI_COLOUR_DIM);
  }
  cli_table_print (table);
}

static void
print_json (GVariant *remotes)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  gsize n = g_variant_n_children (remotes);

  json_builder_begin_array (builder);
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) remote = g_variant_get_child_value (remotes, i);

    cli_json_object (builder, remote);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

static void
print_names (GVariant *remotes)
{
  gsize n = g_variant_n_children (remotes);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) remote = g_variant_get_child_value (remotes, i);
    const char *name = "";

    g_variant_lookup (remote, "name", "&s", &name);
    puts (name);
  }
}

int
cli_remote_list (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) remotes = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListRemotes", NULL, NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  remotes = g_variant_get_child_value (answer, 0);
  if (cli->json)
    print_json (remotes);
  else if (cli->quiet)
    print_names (remotes);
  else
    print_table (remotes);
  return CLI_EXIT_OK;
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

static void
add_text (GVariantBuilder *builder, const char *key, const char *value)
{
  if (value)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

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
  add_text (&builder, "protocol", options->protocol);
  add_text (&builder, "policy", options->policy);
  add_text (&builder, "proxy", options->proxy);
  if (key)
    g_variant_builder_add (&builder, "{sv}", "key",
                           g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, key, size, 1));
  if (options->timeout > 0)
    g_variant_builder_add (&builder, "{sv}", "timeout", g_variant_new_uint32 ((guint32)options->timeout));
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "AddRemote",
                     g_variant_new ("(ssa{sv})", name, url, &builder), NULL, NULL, error);
  return answer != NULL;
}

int
cli_remote_add (Cli *cli, char **words)
{
  g_auto (AddOptions) options = { 0 };
  const GOptionEntry entries[] = {
    { "protocol", 0, 0, G_OPTION_ARG_FILENAME, &options.protocol, N_ ("simplestreams or lxc"),
      N_ ("PROTOCOL") },
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
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  return add (cli, rest[0], rest[1], &options, &error) ? CLI_EXIT_OK : cli_fail (error);
}

int
cli_remote_remove (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  int code = CLI_EXIT_OK;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (names[0] == NULL)
    return cli_usage (cli, "%s", _ ("A remote is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  for (gsize i = 0; names[i]; i++) {
    g_autoptr (GError) one = NULL;
    g_autoptr (GVariant) answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "RemoveRemote",
                                            g_variant_new ("(s)", names[i]), NULL, NULL, &one);

    if (answer == NULL) {
      cli_warn (one, names[i]);
      code = CLI_EXIT_FAILED;
    }
  }
  return code;
}
