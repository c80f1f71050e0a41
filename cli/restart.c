/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "state.h"
#include "verbs.h"

typedef struct {
  int timeout;
  gboolean force;
} How;

static gboolean
restart_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  How *how = data;
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (how->timeout >= 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (how->timeout));
  if (how->force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  answer = cli_call (cli, path, IFACE_CONTAINER, "Restart", g_variant_new ("(a{sv})", &options), NULL, NULL,
                     error);
  return answer != NULL;
}

int
cli_restart (Cli *cli, char **words)
{
  static const char *const states[] = { "running", "frozen", NULL };
  How how = { -1, FALSE };
  const GOptionEntry entries[] = {
    { "timeout", 't', 0, G_OPTION_ARG_INT, &how.timeout, N_ ("How long it has to shut down"),
      N_ ("SECONDS") },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &how.force, N_ ("Kill it at once"), NULL },
    { NULL },
  };

  return cli_state_verb (cli, words, entries, states, restart_one, &how);
}
