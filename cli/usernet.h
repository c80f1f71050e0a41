/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What a line of lxc-usernet(5) says. */
typedef struct {
  char *principal; /* USER or @GROUP */
  char *bridge;
  guint32 quota;
} CliUsernet;

typedef enum {
  CLI_USERNET_EMPTY, /* nothing, or a comment */
  CLI_USERNET_ENTRY,
  CLI_USERNET_BAD_FIELDS,
  CLI_USERNET_BAD_TYPE, /* not veth */
  CLI_USERNET_BAD_COUNT,
} CliUsernetLine;

/**
 * cli_usernet_parse:
 * @line: without its end
 * @entry: filled in for CLI_USERNET_ENTRY; the caller clears it in any case
 */
CliUsernetLine cli_usernet_parse (const char *line, CliUsernet *entry);

/** cli_usernet_clear: frees what cli_usernet_parse() filled in; @entry itself is the caller's */
void cli_usernet_clear (CliUsernet *entry);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliUsernet, cli_usernet_clear)
