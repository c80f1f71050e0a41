/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "state.h"
#include "verbs.h"

static gboolean
start_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, path, IFACE_CONTAINER, "Start", g_variant_new ("(a{sv})", NULL), NULL, NULL, error);

  return answer != NULL;
}

int
cli_start (Cli *cli, char **words)
{
  static const char *const states[] = { "stopped", "failed", NULL };

  return cli_state_verb (cli, words, NULL, states, start_one, NULL);
}
