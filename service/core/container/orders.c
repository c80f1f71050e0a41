/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the supervisor of a container that is being started is told. */
#include "core/container/start-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>

static void
on_start_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  struct supervisor_message reply;
  GError *error = NULL;

  start->pending--;
  if (!bothy_supervisor_call_finish (start->supervisor, result, &reply, NULL, &error))
    bothy_start_fail (start, error);
  else if (!start->error) {
    BOTHY_FAULT_POINT ("start.running");
    bothy_start_succeed (start, &reply);
    return;
  }
  bothy_start_advance (start);
}

static void
on_prepare_reply (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyStart *start = user_data;
  GError *error = NULL;

  start->pending--;
  if (!bothy_supervisor_call_finish (start->supervisor, result, NULL, NULL, &error))
    bothy_start_fail (start, error);
  bothy_start_advance (start);
}

static int
open_log (BothyStart *start)
{
  autofd dir = openat (start->runner->state_dirfd, start->container->id,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return openat (dir, "console.log", O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void
bothy_start_send_prepare (BothyStart *start)
{
  struct supervisor_message message = { .type = SUPERVISOR_PREPARE,
                                        .n_lower = start->n_lower,
                                        .flags = SUPERVISOR_FLAG_NETNS };
  const BothyContainerSpec *spec = start->container->spec;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  autofd log = open_log (start);
  GError *error = NULL;
  int filter = spec->nesting ? start->runner->nesting_filter_fd : start->runner->filter_fd;

  start->prepare_sent = TRUE;
  if (spec->nesting)
    message.flags |= SUPERVISOR_FLAG_NESTING;
  if (spec->ephemeral)
    message.flags |= SUPERVISOR_FLAG_VOLATILE;
  bothy_supervisor_add_text (text, spec->hostname);
  if (*spec->account) {
    bothy_supervisor_add_text (text, spec->account);
    message.n_argv = 1;
    message.value = (gint32)start->container->owner;
  }
  if (log < 0)
    bothy_error_set_errno (&error, errno, "Opening the console's log");
  else if (g_unix_fd_list_append (start->layers, start->listen_fd, &error) >= 0 &&
           g_unix_fd_list_append (start->layers, filter, &error) >= 0)
    g_unix_fd_list_append (start->layers, log, &error);
  if (!error)
    bothy_start_pass_on (start->layers, start->namespaces, BOTHY_START_NETNS, &error);
  if (error) {
    bothy_start_fail (start, error);
    return;
  }
  start->pending++;
  bothy_supervisor_call (start->supervisor, message, text, start->layers, on_prepare_reply, start);
}

void
bothy_start_send_start (BothyStart *start)
{
  struct supervisor_message message = { .type = SUPERVISOR_START };
  const BothyContainerSpec *spec = start->container->spec;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  const char *mount = bothy_cgroup_manager_mount ();

  start->start_sent = TRUE;
  if (start->stdio)
    message.flags |= SUPERVISOR_FLAG_STDIO;
  bothy_supervisor_add_text (text, start->group->path);
  bothy_supervisor_add_text (text, mount ? mount : "");
  bothy_supervisor_add_text (text, spec->user);
  bothy_supervisor_add_text (text, spec->working_directory);
  bothy_supervisor_add_texts (text, (const char *const *)spec->command, &message.n_argv);
  bothy_supervisor_add_texts (text, (const char *const *)spec->environment, &message.n_env);
  start->pending++;
  bothy_supervisor_call (start->supervisor, message, text, start->stdio, on_start_reply, start);
}
