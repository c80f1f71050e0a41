/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Bytes on their way from one file descriptor to another, from the main loop. They wait in the buffer while
 * the other end takes none, and no more are read meanwhile.
 */

#define CLI_FLOW_SIZE (16 * 1024)

typedef struct CliFlow CliFlow;

/* What the owner of a flow does at it; the first two may be NULL. */
typedef struct {
  gboolean (*passes) (gpointer data, const char *bytes, gsize length); /* or they are dropped, and it ends */
  void (*in_ended) (gpointer data);
  void (*stepped) (gpointer data);
} CliFlowHooks;

struct CliFlow {
  const CliFlowHooks *hooks;
  gpointer data;
  int in;
  int out;
  char buffer[CLI_FLOW_SIZE];
  gsize start;
  gsize end;
  gboolean in_ended;
  gboolean out_ended;
  guint in_source;
  guint out_source;
};

/** cli_flow_start: lets bytes go from @in to @out, which stay the caller's; not from an @in below 0 */
void cli_flow_start (CliFlow *flow, int in, int out, const CliFlowHooks *hooks, gpointer data);

/** cli_flow_add: has @byte follow what is on its way, if there is room */
void cli_flow_add (CliFlow *flow, char byte);

/** cli_flow_over: Returns: whether nothing more will arrive at the other end */
gboolean cli_flow_over (const CliFlow *flow);

/** cli_flow_stop: lets no more bytes go */
void cli_flow_stop (CliFlow *flow);
