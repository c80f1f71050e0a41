/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "state.h"
#include "verbs.h"

int
cli_thaw (Cli *cli, char **words)
{
  static const char *const states[] = { "frozen", NULL };
  const CliState state = { .method = "Thaw", .states = states };

  return cli_state_verb (cli, words, &state);
}
