/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "state.h"
#include "verbs.h"

int
cli_freeze (Cli *cli, char **words)
{
  static const char *const states[] = { "running", NULL };
  const CliState state = { .method = "Freeze", .states = states };

  return cli_state_verb (cli, words, &state);
}
