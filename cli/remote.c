/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "remote.h"

/* Words of the command line without the first -H and its host. */
static char **
words_without_host (char **argv)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  gboolean found = FALSE;

  for (gsize i = 1; argv[i]; i++) {
    const char *word = argv[i];

    if (found)
      g_strv_builder_add (words, word);
    else if (g_str_equal (word, "-H") || g_str_equal (word, "--host")) {
      found = TRUE;
      i += argv[i + 1] != NULL;
    } else if (g_str_has_prefix (word, "-H") || g_str_has_prefix (word, "--host="))
      found = TRUE;
    else
      g_strv_builder_add (words, word);
  }
  return g_strv_builder_end (words);
}

gboolean
cli_remote_run (Cli *cli, GError **error)
{
  g_auto (GStrv) words = words_without_host (cli->argv);
  gboolean terminal = isatty (STDIN_FILENO) && isatty (STDOUT_FILENO);
  /* ssh hands one line to the other machine's shell. */
  g_autoptr (GString) line = g_string_new ("exec bothy");
  const char *argv[] = { "ssh", terminal ? "-xt" : "-xT", "--", cli->host, NULL, NULL };

  if (cli->host[0] == '\0' || cli->host[0] == '-') {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _ ("'%s' is not a host"), cli->host);
    return FALSE;
  }
  for (gsize i = 0; words[i]; i++) {
    g_autofree char *quoted = g_shell_quote (words[i]);
    g_string_append_printf (line, " %s", quoted);
  }
  argv[4] = line->str;
  execvp (argv[0], (char **)argv);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), _ ("Can not run ssh: %s"),
               g_strerror (errno));
  return FALSE;
}
