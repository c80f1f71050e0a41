/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "terminal.h"

/* What the user or the distribution chose comes first; then GNOME's, from new to old. "kgx -e" would go through a shell. */
static const struct {
  const char *program;
  const char *options[4]; /* what comes before the command; the title goes behind "--title=" */
} terminals[] = {
  { "xdg-terminal-exec", { NULL } },
  { "ptyxis", { "--new-window", "--title=", "--", NULL } },
  { "kgx", { "--tab", "--title=", "--", NULL } },
  { "gnome-terminal", { "--tab", "--title=", "--", NULL } },
};

GStrv
app_terminal_command (AppTerminalFind find, const char *title, const char *const *command)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (terminals); i++) {
    g_autofree char *path = find (terminals[i].program);

    if (path == NULL)
      continue;
    g_strv_builder_add (words, path);
    for (gsize j = 0; terminals[i].options[j]; j++) {
      g_autofree char *option = g_str_equal (terminals[i].options[j], "--title=")
                                    ? g_strconcat (terminals[i].options[j], title, NULL)
                                    : g_strdup (terminals[i].options[j]);
      g_strv_builder_add (words, option);
    }
    g_strv_builder_addv (words, (const char **)command);
    return g_strv_builder_end (words);
  }
  return NULL;
}

/* GLib has a list of its own, of what other desktops have. It takes a line, and splits it as a shell would. */
static gboolean
open_by_glib (GAppLaunchContext *context, const char *const *command, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_autoptr (GAppInfo) info = NULL;

  for (gsize i = 0; command[i]; i++) {
    g_autofree char *word = g_shell_quote (command[i]);

    g_string_append_printf (line, "%s%s", i ? " " : "", word);
  }
  info = g_app_info_create_from_commandline (line->str, NULL, G_APP_INFO_CREATE_NEEDS_TERMINAL, error);
  return info && g_app_info_launch (info, NULL, context, error);
}

gboolean
app_terminal_open (GAppLaunchContext *context, const char *title, const char *const *command, GError **error)
{
  g_auto (GStrv) words = app_terminal_command (g_find_program_in_path, title, command);
  g_auto (GStrv) environment = NULL;

  if (words == NULL)
    return open_by_glib (context, command, error);
  environment = context ? g_app_launch_context_get_environment (context) : g_get_environ ();
  return g_spawn_async (NULL, words, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, error);
}
