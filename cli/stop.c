/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "no-network.h"
#include "shutdown.h"
#include "state.h"
#include "verbs.h"

typedef struct {
  int timeout;
  gboolean force;
} How;

static GVariant *
options_of (gpointer data)
{
  How *how = data;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (how->timeout >= 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (how->timeout));
  if (how->force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  return g_variant_new ("(a{sv})", &options);
}

int
cli_shutdown_verb (Cli *cli, char **words, const char *method)
{
  static const char *const states[] = { "running", "frozen", NULL };
  gboolean restarts = g_str_equal (method, "Restart");
  How how = { -1, FALSE };
  const GOptionEntry entries[] = {
    { "timeout", 't', 0, G_OPTION_ARG_INT, &how.timeout, N_ ("How long it has to shut down"),
      N_ ("SECONDS") },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &how.force, N_ ("Kill it at once"), NULL },
    { NULL },
  };
  const CliState state = { .method = method,
                           .states = states,
                           .entries = entries,
                           .parameters = options_of,
                           .data = &how,
                           .done = restarts ? cli_network_ask : NULL,
                           .patience = restarts ? NULL : _ ("Still stopping; Ctrl-C once more kills it") };

  return cli_state_verb (cli, words, &state);
}

int
cli_stop (Cli *cli, char **words)
{
  return cli_shutdown_verb (cli, words, "Stop");
}
