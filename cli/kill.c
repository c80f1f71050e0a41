/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <string.h>

#include "error.h"
#include "verbs.h"

typedef struct {
  const char *whom;
  int signal;
} How;

/* "9", "KILL" or "SIGKILL"; "RTMIN+3", "RTMAX-2". */
static int
signal_number (const char *text)
{
  guint64 number;

  if (g_ascii_string_to_unsigned (text, 10, 1, 64, &number, NULL))
    return (int)number;
  if (g_ascii_strncasecmp (text, "SIG", 3) == 0)
    text += 3;
  for (int i = 1; i < NSIG; i++) {
    const char *name = sigabbrev_np (i);
    if (name && g_ascii_strcasecmp (name, text) == 0)
      return i;
  }
  if (g_ascii_strcasecmp (text, "RTMIN") == 0)
    return SIGRTMIN;
  if (g_ascii_strcasecmp (text, "RTMAX") == 0)
    return SIGRTMAX;
  if (g_ascii_strncasecmp (text, "RTMIN+", 6) == 0 &&
      g_ascii_string_to_unsigned (text + 6, 10, 0, (guint64)(SIGRTMAX - SIGRTMIN), &number, NULL))
    return SIGRTMIN + (int)number;
  if (g_ascii_strncasecmp (text, "RTMAX-", 6) == 0 &&
      g_ascii_string_to_unsigned (text + 6, 10, 0, (guint64)(SIGRTMAX - SIGRTMIN), &number, NULL))
    return SIGRTMAX - (int)number;
  return 0;
}

static gboolean
kill_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  How *how = data;
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, "Kill",
                                          g_variant_new ("(si)", how->whom, how->signal), NULL, NULL, error);

  return answer != NULL;
}

int
cli_kill (Cli *cli, char **words)
{
  g_autofree char *signal = NULL;
  g_autofree char *whom = NULL;
  const GOptionEntry entries[] = {
    { "signal", 's', 0, G_OPTION_ARG_FILENAME, &signal, N_ ("Name or number; KILL if it is not said"),
      N_ ("SIGNAL") },
    { "whom", 0, 0, G_OPTION_ARG_FILENAME, &whom, N_ ("The first process, or all (KILL only)"),
      N_ ("leader|all") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  How how = { 0 };

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  how.signal = signal ? signal_number (signal) : SIGKILL;
  how.whom = whom ? whom : how.signal == SIGKILL ? "all" : "leader";
  if (names[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (how.signal == 0)
    return cli_usage (cli, _ ("'%s' is not a signal"), signal);
  if (!g_str_equal (how.whom, "leader") && !g_str_equal (how.whom, "all"))
    return cli_usage (cli, "%s", _ ("--whom is 'leader' or 'all'"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  return cli_each_container (cli, names, kill_one, &how);
}
