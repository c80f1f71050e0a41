/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include <glib-unix.h>

#include "flow.h"

static gboolean on_readable (int fd, GIOCondition condition, gpointer data);
static gboolean on_writable (int fd, GIOCondition condition, gpointer data);

/* Watches exactly what can make progress, so that nothing spins. */
static void
update (CliFlow *flow)
{
  gboolean want_in = !flow->in_ended && !flow->out_ended && flow->end < CLI_FLOW_SIZE;
  gboolean want_out = !flow->out_ended && flow->start < flow->end;

  if (want_in && flow->in_source == 0)
    flow->in_source = g_unix_fd_add (flow->in, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, flow);
  else if (!want_in)
    g_clear_handle_id (&flow->in_source, g_source_remove);

  if (want_out && flow->out_source == 0)
    flow->out_source = g_unix_fd_add (flow->out, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable, flow);
  else if (!want_out)
    g_clear_handle_id (&flow->out_source, g_source_remove);
}

static gboolean
is_pause (gssize result)
{
  return result < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
flush_bytes (CliFlow *flow)
{
  while (flow->start < flow->end) {
    gssize n = write (flow->out, flow->buffer + flow->start, flow->end - flow->start);

    if (is_pause (n))
      return;
    if (n <= 0) {
      flow->out_ended = TRUE;
      break;
    }
    flow->start += n;
  }
  flow->start = flow->end = 0;
}

static void
read_bytes (CliFlow *flow)
{
  char *room = flow->buffer + flow->end;
  gssize n = read (flow->in, room, CLI_FLOW_SIZE - flow->end);

  if (is_pause (n))
    return;
  if (n <= 0) {
    flow->in_ended = TRUE;
    if (flow->hooks->in_ended)
      flow->hooks->in_ended (flow->data);
  } else if (flow->hooks->passes && !flow->hooks->passes (flow->data, room, n))
    flow->in_ended = TRUE;
  else
    flow->end += n;
}

static void
step (CliFlow *flow)
{
  flush_bytes (flow);
  update (flow);
  flow->hooks->stepped (flow->data);
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  read_bytes (data);
  step (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_writable (int fd, GIOCondition condition, gpointer data)
{
  step (data);
  return G_SOURCE_CONTINUE;
}

void
cli_flow_start (CliFlow *flow, int in, int out, const CliFlowHooks *hooks, gpointer data)
{
  flow->hooks = hooks;
  flow->data = data;
  flow->in = in;
  flow->out = out;
  flow->in_ended = in < 0;
  update (flow);
}

void
cli_flow_add (CliFlow *flow, char byte)
{
  if (flow->end < CLI_FLOW_SIZE)
    flow->buffer[flow->end++] = byte;
  update (flow);
}

gboolean
cli_flow_over (const CliFlow *flow)
{
  return flow->out_ended || (flow->in_ended && flow->start == flow->end);
}

void
cli_flow_stop (CliFlow *flow)
{
  flow->in_ended = flow->out_ended = TRUE;
  update (flow);
}
