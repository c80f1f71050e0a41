/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exec and OpenShell of org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "bus/exec.h"
#include "bus/paths.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/registry/run.h"

#include <string.h>

/* The program and its arguments: the argument argv, or the option in place of it, GIVEN, which is taken over. */
static gboolean
take_argv (BothyProcessSpec *spec, char ***given, GError **error)
{
  if (*given && spec->argv[0]) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"argv\": the argument argv has to be empty then");
    return FALSE;
  }
  if (*given)
    spec->argv = (g_strfreev (spec->argv), g_steal_pointer (given));
  if (spec->argv[0] && *spec->argv[0])
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "argv: a program is wanted");
  return FALSE;
}

BothyProcessSpec *
bothy_process_spec_new (void)
{
  BothyProcessSpec *spec = g_new0 (BothyProcessSpec, 1);

  spec->environment = g_new0 (char *, 1);
  spec->user = g_strdup ("");
  spec->working_directory = g_strdup ("");
  return spec;
}

static gboolean
check_process_spec (const BothyProcessSpec *spec, GError **error)
{
  return bothy_validate_user (spec->user, error) &&
         bothy_validate_environment ((const char *const *)spec->environment, error) &&
         (!*spec->working_directory || bothy_validate_path (spec->working_directory, error));
}

void
bothy_process_spec_fill_options (BothyProcessSpec *spec, char ***given, BothyOption *table)
{
  const BothyOption options[BOTHY_PROCESS_N_OPTIONS] = {
    { "argv", BOTHY_OPTION_WORDS, given },
    { "environment", BOTHY_OPTION_WORDS, &spec->environment },
    { "working-directory", BOTHY_OPTION_BYTES, &spec->working_directory },
    { "user", "s", &spec->user },
  };

  memcpy (table, options, sizeof options);
}

gboolean
bothy_process_spec_settle (BothyProcessSpec *spec, char ***given, GError **error)
{
  return take_argv (spec, given, error) && check_process_spec (spec, error);
}

static gpointer
parse_exec (BothyArguments *arguments, GError **error)
{
  g_autoptr (BothyProcessSpec) spec = bothy_process_spec_new ();
  g_autoptr (GVariant) handles = NULL;
  g_autoptr (GVariant) options = NULL;
  guint32 rows = 0, columns = 0;
  g_auto (GStrv) argv = NULL;
  BothyOption table[BOTHY_PROCESS_N_OPTIONS + 4] = {
    { "tty", "b", &spec->tty },
    { "rows", "u", &rows },
    { "columns", "u", &columns },
  };

  bothy_process_spec_fill_options (spec, &argv, table + 3);
  bothy_arguments_get (arguments, "(^as@ah@a{sv})", &spec->argv, &handles, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_process_spec_settle (spec, &argv, error) ||
      !bothy_arguments_dup_stdio (arguments, handles, &spec->stdio, error))
    return NULL;
  if (spec->stdio && spec->tty) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "stdio and tty exclude each other");
    return NULL;
  }
  spec->rows = (guint16)MIN (rows, G_MAXUINT16);
  spec->columns = (guint16)MIN (columns, G_MAXUINT16);
  return g_steal_pointer (&spec);
}

const BothyRequestType bothy_container_exec_request = { parse_exec, (GDestroyNotify)bothy_process_spec_free };

static void
on_exec (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyProcess) process = bothy_registry_run_finish (BOTHY_REGISTRY (source), result, &error);
  g_autofree char *path = process ? bothy_path_of_process (process->id) : NULL;

  if (process)
    bothy_call_return (call, g_variant_new ("(o)", path));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_exec (BothyCall *call)
{
  bothy_registry_run (call->registry, BOTHY_CONTAINER (call->node->target), call->user,
                      g_steal_pointer (&call->request), on_exec, bothy_call_ref (call));
}

static gpointer
parse_open_shell (BothyArguments *arguments, GError **error)
{
  g_autoptr (BothyProcessSpec) spec = bothy_process_spec_new ();
  g_autofree char *path = NULL;
  g_auto (GStrv) args = NULL;

  g_strfreev (g_steal_pointer (&spec->environment));
  g_free (g_steal_pointer (&spec->user));
  bothy_arguments_get (arguments, "(ss^as^as)", &spec->user, &path, &args, &spec->environment);
  spec->tty = TRUE;
  spec->login = !*path;
  if ((*path && !bothy_validate_path (path, error)) || !check_process_spec (spec, error))
    return NULL;
  if (*path && args[0]) {
    /* The supervisor looks the program up by argv[0]. */
    g_free (args[0]);
    args[0] = g_steal_pointer (&path);
    spec->argv = g_steal_pointer (&args);
  } else {
    spec->argv = g_new0 (char *, 2);
    spec->argv[0] = g_steal_pointer (&path);
  }
  return g_steal_pointer (&spec);
}

const BothyRequestType bothy_container_open_shell_request = { parse_open_shell,
                                                              (GDestroyNotify)bothy_process_spec_free };

static void
on_shell (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyProcess) process = bothy_registry_run_finish (BOTHY_REGISTRY (source), result, &error);
  g_autofree char *name = process ? g_strdup_printf ("pts/%d", process->pts) : NULL;

  if (process)
    /* The caller has the only copy: closing it hangs up. */
    bothy_call_return_fd (call, g_variant_new ("(hs)", 0, name), g_steal_fd (&process->pty_fd));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_open_shell (BothyCall *call)
{
  bothy_registry_run (call->registry, BOTHY_CONTAINER (call->node->target), call->user,
                      g_steal_pointer (&call->request), on_shell, bothy_call_ref (call));
}
