/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Process */
#include "bus/handlers.h"

#include "base/error.h"
#include "base/fd.h"

#include <signal.h>

/* The signal's number. */
static gpointer
parse_kill (BothyArguments *arguments, GError **error)
{
  g_autofree int *number = g_new0 (int, 1);

  bothy_arguments_get (arguments, "(i)", number);
  if (*number >= 1 && *number <= SIGRTMAX)
    return g_steal_pointer (&number);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "signal: 1 to %d", SIGRTMAX);
  return NULL;
}

const BothyRequestType bothy_process_kill_request = { parse_kill, g_free };

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_process_kill_finish (BOTHY_PROCESS (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_process_handle_kill (BothyCall *call)
{
  const int *number = call->request;

  bothy_process_kill (BOTHY_PROCESS (call->node->target), *number, on_killed, bothy_call_ref (call));
}

void
bothy_process_handle_open_pty (BothyCall *call)
{
  BothyProcess *process = BOTHY_PROCESS (call->node->target);
  GError *error = NULL;
  int fd = process->pty_fd >= 0 ? bothy_fd_dup (process->pty_fd, &error) : -1;

  if (fd >= 0)
    bothy_call_return_fd (call, g_variant_new ("(h)", 0), fd);
  else if (error)
    bothy_call_return_error (call, error);
  else
    bothy_call_return_error (call, g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                                                "The process was not started with a terminal"));
}
