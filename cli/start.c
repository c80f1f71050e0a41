/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "no-network.h"
#include "state.h"
#include "verbs.h"

static GVariant *
no_options (gpointer data)
{
  return g_variant_new ("(a{sv})", NULL);
}

int
cli_start (Cli *cli, char **words)
{
  static const char *const states[] = { "stopped", "failed", NULL };
  const CliState state = {
    .method = "Start", .states = states, .parameters = no_options, .done = cli_network_ask
  };

  return cli_state_verb (cli, words, &state);
}
