/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "output.h"
#include "verbs.h"

/* Whoever opens it goes on when we have ended. */
static gboolean
open_directory (const char *path, GError **error)
{
  const char *const argv[] = { "xdg-open", path, NULL };

  return g_spawn_async (NULL, (char **)argv, NULL,
                        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                        NULL, NULL, error);
}

static gboolean
show_files (Cli *cli, const char *container, gboolean open, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, container, IFACE_CONTAINER, "MountTree",
                                          g_variant_new ("(a{sv})", NULL), NULL, NULL, error);
  const char *path;

  if (!answer)
    return FALSE;
  g_variant_get (answer, "(&s)", &path);
  if (cli->json) {
    g_autoptr (GVariant) object = g_variant_ref_sink (g_variant_new_parsed ("{'treePath': <%s>}", path));

    cli_json_print_object (object);
  } else if (!open || !cli->quiet)
    puts (path);
  return !open || open_directory (path, error);
}

int
cli_files (Cli *cli, char **words)
{
  gboolean open = FALSE, unmount = FALSE;
  const GOptionEntry entries[] = {
    { "open", 0, 0, G_OPTION_ARG_NONE, &open, N_ ("Open them in the file manager"), NULL },
    { "unmount", 0, 0, G_OPTION_ARG_NONE, &unmount, N_ ("They shall not be there any more"), NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 1 || (open && unmount))
    return cli_usage (cli, "%s", _ ("A container is needed, and --open and --unmount exclude each other"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, names[0], &error);
  if (path && unmount)
    answer = cli_call (cli, path, IFACE_CONTAINER, "UnmountTree", NULL, NULL, NULL, &error);
  return answer || (path && !unmount && show_files (cli, path, open, &error)) ? CLI_EXIT_OK
                                                                              : cli_fail (error);
}
