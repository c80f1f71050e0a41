/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "limitspec.h"
#include "output.h"
#include "signals.h"
#include "verbs.h"

#define INTERVAL_SECONDS 2
#define FIRST_MS         500 /* between the two looks that a share of time takes, where there is only one table */

typedef struct {
  Cli *cli;
  GMainLoop *loop;
  GHashTable *cpu; /* path → Sample: at the last look */
  gboolean all;
  gboolean repeat;
  int code;
} Top;

typedef struct {
  guint64 cpu; /* µs of processor time */
  gint64 time; /* µs of the clock */
} Sample;

/* "-" is what the kernel or the state does not tell. */
static char *
cell_size (GVariant *stats, const char *key)
{
  guint64 bytes;

  return stats && g_variant_lookup (stats, key, "t", &bytes) ? cli_limits_size (bytes) : g_strdup ("-");
}

static char *
cell_memory (GVariant *stats)
{
  g_autofree char *used = cell_size (stats, "memory");
  guint64 limit;
  g_autofree char *most =
      stats && g_variant_lookup (stats, "memory-max", "t", &limit) ? cli_limits_size (limit) : NULL;

  return most ? g_strdup_printf ("%s/%s", used, most) : g_steal_pointer (&used);
}

static char *
cell_number (GVariant *stats, const char *key)
{
  guint64 number;

  return stats && g_variant_lookup (stats, key, "t", &number) ? g_strdup_printf ("%" G_GUINT64_FORMAT, number)
                                                              : g_strdup ("-");
}

static char *
cell_io (GVariant *stats)
{
  g_autofree char *in = cell_size (stats, "io-read");
  g_autofree char *out = cell_size (stats, "io-write");

  return g_strdup_printf ("%s/%s", in, out);
}

/* Percent of one processor since the last look, or below 0. */
static double
cpu_share (Top *top, const char *path, GVariant *stats)
{
  Sample *before = g_hash_table_lookup (top->cpu, path);
  Sample *now = g_new0 (Sample, 1);
  double share = -1;

  now->time = g_get_monotonic_time ();
  if (!stats || !g_variant_lookup (stats, "cpu-usec", "t", &now->cpu)) {
    g_free (now);
    return -1;
  }
  if (before && now->time > before->time && now->cpu >= before->cpu)
    share = 100.0 * (double)(now->cpu - before->cpu) / (double)(now->time - before->time);
  g_hash_table_insert (top->cpu, g_strdup (path), now);
  return share;
}

static GVariant *
get_stats (Top *top, const char *path, const char *state)
{
  g_autoptr (GVariant) answer = NULL;

  if (g_str_equal (state, "stopped") || g_str_equal (state, "failed"))
    return NULL;
  answer = cli_call (top->cli, path, IFACE_CONTAINER, "GetStats", NULL, NULL, NULL, NULL);
  return answer ? g_variant_get_child_value (answer, 0) : NULL;
}

static void
add_line (Top *top, struct libscols_table *table, const char *name, const char *state, const char *path)
{
  g_autoptr (GVariant) stats = get_stats (top, path, state);
  double share = cpu_share (top, path, stats);
  g_autofree char *cpu = share < 0 ? g_strdup ("-") : g_strdup_printf ("%.1f", share);
  g_autofree char *memory = cell_memory (stats);
  g_autofree char *pids = cell_number (stats, "pids");
  g_autofree char *io = cell_io (stats);
  const char *cells[] = { name, state, cpu, memory, pids, io, NULL };

  cli_table_add (table, cells, 1, cli_colour_of_state (state));
}

static void
add_json (Top *top, JsonBuilder *builder, const char *name, const char *state, const char *path)
{
  g_autoptr (GVariant) stats = get_stats (top, path, state);
  double share = cpu_share (top, path, stats);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (stats);
  g_autoptr (GVariant) all = NULL;

  g_variant_dict_insert (&dict, "name", "s", name);
  g_variant_dict_insert (&dict, "state", "s", state);
  if (share >= 0)
    g_variant_dict_insert (&dict, "cpu-percent", "d", share);
  all = g_variant_ref_sink (g_variant_dict_end (&dict));
  cli_json_object (builder, all);
}

static GVariantIter *
list (Top *top, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (top->cli, BOTHY_ROOT, IFACE_MANAGER, "ListContainers", NULL, NULL, NULL, error);
  GVariantIter *iter = NULL;

  if (answer)
    g_variant_get (answer, "(a(sussso))", &iter);
  return iter;
}

static void
fill (Top *top, GVariantIter *iter, struct libscols_table *table, JsonBuilder *builder)
{
  const char *name, *state, *path;
  guint32 owner;

  while (g_variant_iter_next (iter, "(&su&s&s&s&o)", &name, &owner, &state, NULL, NULL, &path)) {
    g_autofree char *user = owner == getuid () ? NULL : cli_user_name (owner);
    g_autofree char *full = user ? g_strdup_printf ("%s/%s", user, name) : g_strdup (name);

    if (user && !top->all)
      continue;
    if (builder)
      add_json (top, builder, full, state, path);
    else
      add_line (top, table, full, state, path);
  }
}

/* @shown: or only looked at, so that there is something to compare with. */
static gboolean
look (Top *top, gboolean shown, GError **error)
{
  const char *const columns[] = { _ ("NAME"), _ ("STATE"),  _ ("CPU%"), _ ("MEMORY"),
                                  _ ("PIDS"), _ ("IO R/W"), NULL };
  g_autoptr (GVariantIter) iter = list (top, error);
  g_autoptr (JsonBuilder) builder = top->cli->json ? json_builder_new () : NULL;
  struct libscols_table *table;

  if (iter == NULL)
    return FALSE;
  table = cli_table_new (columns);
  if (builder)
    json_builder_begin_array (builder);
  fill (top, iter, table, builder);
  if (builder)
    json_builder_end_array (builder);
  if (!shown || builder) {
    if (shown)
      cli_json_print (builder, TRUE);
    scols_unref_table (table);
    return TRUE;
  }
  if (top->repeat)
    fputs ("\033[H\033[J", stdout);
  cli_table_print (top->cli, table);
  fflush (stdout);
  return TRUE;
}

static gboolean
on_tick (gpointer data)
{
  Top *top = data;
  g_autoptr (GError) error = NULL;

  if (!look (top, TRUE, &error))
    top->code = cli_fail (error);
  if (top->repeat && top->code == CLI_EXIT_OK)
    return G_SOURCE_CONTINUE;
  g_main_loop_quit (top->loop);
  return G_SOURCE_REMOVE;
}

static void
on_signal (int number, gpointer data)
{
  g_main_loop_quit (((Top *)data)->loop);
}

static int
run (Top *top)
{
  static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
  g_autoptr (GError) error = NULL;

  if (!look (top, top->repeat, &error))
    return cli_fail (error);
  top->loop = g_main_loop_new (NULL, FALSE);
  cli_signals_catch (signals, on_signal, top);
  if (top->repeat)
    g_timeout_add_seconds (INTERVAL_SECONDS, on_tick, top);
  else
    g_timeout_add (FIRST_MS, on_tick, top);
  g_main_loop_run (top->loop);
  cli_signals_release ();
  g_main_loop_unref (top->loop);
  return top->code;
}

int
cli_top (Cli *cli, char **words)
{
  gboolean once = FALSE;
  Top top = { .cli = cli };
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &top.all, N_ ("Those of other users too, as far as you may see them"),
      NULL },
    { "once", '1', 0, G_OPTION_ARG_NONE, &once, N_ ("Show it once"), NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  int code;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names: see 'bothy info NAME'"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (top.all)
    cli_allow_asking (cli);
  top.repeat = !once && !cli->json && isatty (STDOUT_FILENO);
  top.cpu = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  code = run (&top);
  g_hash_table_unref (top.cpu);
  return code;
}
