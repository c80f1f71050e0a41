/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* What the talker asks the service for. */
typedef struct {
  GArray *extents; /* CliExtent: the map; filled in if it is empty */
  gboolean keep;   /* whoever one is has the same ids inside */
  gboolean cgroup; /* a control group as well */
} CliTalk;

/**
 * cli_talk:
 * @pidfd: the process that becomes the command
 * @socket: to it
 *
 * The process that talks to the service about the other one: finds ids, asks for a control group, sends the map,
 * and has the namespace mapped when the other one says that it is there.
 *
 * Returns: the exit code: 0 when it is mapped
 */
int cli_talk (Cli *cli, const CliTalk *talk, int pidfd, int socket);
