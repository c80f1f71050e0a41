/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "listing.h"
#include "verbs.h"

#define BY_HAND          "by hand"
#define SHUT_UNTIL_BOOT  "shut until boot"
#define SHUT_BEFORE_BOOT "shut before boot"

/* Names of containers have no spaces. */
static gboolean
is_container (const char *name)
{
  return name[0] && !strchr (name, ' ');
}

static GVariant *
range_object (GVariant *range)
{
  guint32 base, count, owner;
  const char *name;

  g_variant_get (range, "(uuu&s)", &base, &count, &owner, &name);
  return g_variant_new_parsed (
      "{'rangeBase': <%u>, 'rangeCount': <%u>, 'owner': <%u>, 'name': <%s>, 'holder': <%s>}", base, count,
      owner, is_container (name) ? name : "", is_container (name) ? "container" : name);
}

static void
add_range (struct libscols_table *table, GVariant *range)
{
  guint32 base, count, owner;
  const char *name;
  g_autofree char *first = NULL;
  g_autofree char *last = NULL;
  g_autofree char *number = NULL;
  g_autofree char *user = NULL;
  const char *holder;

  g_variant_get (range, "(uuu&s)", &base, &count, &owner, &name);
  first = g_strdup_printf ("%u", base);
  last = g_strdup_printf ("%u", base + count - 1);
  number = g_strdup_printf ("%u", count);
  user = cli_user_name (owner);
  holder = g_str_equal (name, BY_HAND)            ? _ ("(by hand)")
           : g_str_equal (name, SHUT_UNTIL_BOOT)  ? _ ("(shut: boot next)")
           : g_str_equal (name, SHUT_BEFORE_BOOT) ? _ ("(shut: look, then reclaim again)")
                                                  : name;
  cli_table_add (
      table,
      (const char *[]){ first, last, number, user, name[0] ? holder : _ ("(kept for the next)"), NULL }, 4,
      name[0] ? CLI_COLOUR_NONE : CLI_COLOUR_DIM);
}

/* What is to be given to "bothy range release". */
static void
print_first (GVariant *range)
{
  guint32 base;

  g_variant_get_child (range, 0, "u", &base);
  printf ("%u\n", base);
}

int
cli_range_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("FIRST"), N_ ("LAST"),      N_ ("COUNT"),
                                         N_ ("OWNER"), N_ ("CONTAINER"), NULL };
  static const CliListing listing = {
    .method = "ListRanges",
    .columns = columns,
    .add = add_range,
    .print_name = print_first,
    .object = range_object,
    .hint = N_ ("You have no ids to build containers with by hand. 'bothy range allocate' gives you some."),
  };

  return cli_listing_run (cli, &listing, words);
}

static void
print_allocated (Cli *cli, guint32 uid, guint32 gid, guint32 count)
{
  g_autoptr (GVariant) range = NULL;

  if (!cli->json) {
    printf (cli->quiet ? "%u\n" : _ ("First id: %u\n"), uid);
    return;
  }
  range = g_variant_ref_sink (
      g_variant_new_parsed ("{'uid': <%u>, 'gid': <%u>, 'count': <%u>}", uid, gid, count));
  cli_json_print_object (range);
}

int
cli_range_allocate (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  GVariant *options = g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
  g_autoptr (GVariant) parameters = NULL;
  guint64 count = 65536;
  guint32 uid, gid;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] && (rest[1] || !g_ascii_string_to_unsigned (rest[0], 10, 1, 65536, &count, NULL)))
    return cli_usage (cli, "%s", _ ("It takes how many ids are needed, 1 to 65536"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  parameters = g_variant_ref_sink (g_variant_new ("(u@a{sv})", (guint32)count, options));
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "AllocateRange", parameters, NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(uu)", &uid, &gid);
  print_allocated (cli, uid, gid, (guint32)count);
  return CLI_EXIT_OK;
}

/* What was done with the range BASE. */
static void
print_reclaimed (guint32 base, GVariant *answer)
{
  gboolean given;

  g_variant_get (answer, "(b)", &given);
  printf (
      given ? _ ("Others may get %u now\n")
            : _ ("%u is shut. Boot the machine, look for files with its ids (see bothy-range(1)), then call "
                 "this again\n"),
      base);
}

/* Call METHOD for each range of WORDS, and SAY what it answered, or nothing. */
static int
for_each_range (Cli *cli, char **words, const char *method, void (*say) (guint32 base, GVariant *answer))
{
  g_auto (GStrv) rest = NULL;
  g_autoptr (GError) error = NULL;
  int code = CLI_EXIT_OK;
  guint64 uid;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  for (gsize i = 0; rest[i]; i++)
    if (!g_ascii_string_to_unsigned (rest[i], 10, 0, G_MAXUINT32, &uid, NULL))
      return cli_usage (cli, "%s", _ ("It takes first ids, as 'bothy range list' shows them"));
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ ("It takes first ids, as 'bothy range list' shows them"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  for (gsize i = 0; rest[i]; i++) {
    g_autoptr (GError) refused = NULL;
    g_autoptr (GVariant) answer = NULL;

    g_ascii_string_to_unsigned (rest[i], 10, 0, G_MAXUINT32, &uid, NULL);
    answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, method, g_variant_new ("(u)", (guint32)uid), NULL,
                       NULL, &refused);
    if (answer == NULL) {
      cli_warn (refused, rest[i]);
      code = CLI_EXIT_FAILED;
    } else if (say && !cli->quiet && !cli->json)
      say ((guint32)uid, answer);
  }
  return code;
}

int
cli_range_release (Cli *cli, char **words)
{
  return for_each_range (cli, words, "ReleaseRange", NULL);
}

int
cli_range_reclaim (Cli *cli, char **words)
{
  return for_each_range (cli, words, "ReclaimRange", print_reclaimed);
}
