/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "state.h"
#include "verbs.h"

static gboolean
thaw_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, "Thaw", NULL, NULL, NULL, error);

  return answer != NULL;
}

int
cli_thaw (Cli *cli, char **words)
{
  static const char *const states[] = { "frozen", NULL };

  return cli_state_verb (cli, words, NULL, states, thaw_one, NULL);
}
