/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "error.h"
#include "signals.h"
#include "state.h"

/* How many calls are on their way at once: the service bounds what one user may ask at a time. */
#define AT_ONCE 8

typedef struct {
  Cli *cli;
  const CliState *state;
  GMainLoop *loop;
  GPtrArray *running; /* Item, each its callback's */
  guint interrupts;
  int code;
} Work;

typedef struct {
  Work *work;
  char *name;
  char *path;
} Item;

static void
item_free (Item *item)
{
  g_free (item->name);
  g_free (item->path);
  g_free (item);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Item, item_free)

static GVariant *
parameters_of (const CliState *state)
{
  return state->parameters ? state->parameters (state->data) : NULL;
}

static GDBusCallFlags
call_flags (Cli *cli)
{
  return cli->asked ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION : G_DBUS_CALL_FLAGS_NONE;
}

static void
fail_item (Work *work, const char *name, const GError *error)
{
  cli_warn (error, name);
  work->code = CLI_EXIT_FAILED;
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Item) item = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  Work *work = item->work;

  /* Somebody has to authenticate: one after the other, then. */
  if (cli_error_is (error, "NotAuthorizedCanObtain")) {
    g_clear_error (&error);
    answer = cli_call (work->cli, item->path, IFACE_CONTAINER, work->state->method,
                       parameters_of (work->state), NULL, NULL, &error);
  }
  if (answer == NULL)
    fail_item (work, item->name, error);
  else if (work->state->done)
    work->state->done (work->cli, item->path, item->name);
  g_ptr_array_remove (work->running, item);
  g_main_loop_quit (work->loop);
}

static void
begin (Work *work, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = cli_find_container (work->cli, name, &error);
  Item *item;

  if (path == NULL) {
    fail_item (work, name, error);
    return;
  }
  item = g_new0 (Item, 1);
  item->work = work;
  item->name = g_strdup (name);
  item->path = g_steal_pointer (&path);
  g_ptr_array_add (work->running, item);
  g_dbus_connection_call (work->cli->bus, BOTHY_NAME, item->path, IFACE_CONTAINER, work->state->method,
                          parameters_of (work->state), NULL, call_flags (work->cli), G_MAXINT, NULL,
                          on_answer, item);
}

/* The call that is under way answers when that is done. */
static void
kill_running (Work *work)
{
  for (guint i = 0; i < work->running->len; i++) {
    const Item *item = work->running->pdata[i];
    GVariantBuilder options;

    g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
    g_dbus_connection_call (work->cli->bus, BOTHY_NAME, item->path, IFACE_CONTAINER, work->state->method,
                            g_variant_new ("(a{sv})", &options), NULL, call_flags (work->cli), G_MAXINT, NULL,
                            NULL, NULL);
  }
}

static void
on_interrupt (int number, gpointer data)
{
  Work *work = data;

  switch (++work->interrupts) {
  case 1:
    g_printerr ("%s\n", work->state->patience);
    break;
  case 2:
    kill_running (work);
    break;
  default:
    cli_signals_release ();
    raise (number);
  }
}

static int
call_each (Cli *cli, const CliState *state, char **names)
{
  static const int interrupt[] = { SIGINT, 0 };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GPtrArray) running = g_ptr_array_new ();
  Work work = { .cli = cli, .state = state, .loop = loop, .running = running, .code = CLI_EXIT_OK };

  if (state->patience && isatty (STDERR_FILENO))
    cli_signals_catch (interrupt, on_interrupt, &work);
  for (gsize i = 0; names[i]; i++) {
    begin (&work, names[i]);
    /* Passwords are asked for one by one. */
    while (running->len >= (cli->asked ? 1 : AT_ONCE))
      g_main_loop_run (loop);
    if (work.interrupts >= 2)
      kill_running (&work);
  }
  while (running->len > 0)
    g_main_loop_run (loop);
  cli_signals_release ();
  return work.code;
}

static GArray *
with_all (const GOptionEntry *entries, gboolean *all)
{
  GArray *array = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
  const GOptionEntry shared[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, all, N_ ("All of yours that it makes sense for"), NULL },
  };

  g_array_append_vals (array, shared, G_N_ELEMENTS (shared));
  for (; entries && entries->long_name; entries++)
    g_array_append_val (array, *entries);
  return array;
}

int
cli_state_verb (Cli *cli, char **words, const CliState *state)
{
  gboolean all = FALSE;
  g_autoptr (GArray) entries = with_all (state->entries, &all);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  if (!cli_parse (cli, (const GOptionEntry *)(void *)entries->data, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (all == (names[0] != NULL))
    return cli_usage (cli, "%s", _ ("Names are needed, or --all"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (all) {
    g_strfreev (names);
    names = cli_own_containers (cli, state->states, &error);
    if (names == NULL)
      return cli_fail (error);
  }
  return call_each (cli, state, names);
}
