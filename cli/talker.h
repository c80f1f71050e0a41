/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"
#include "namespaces.h"

/**
 * cli_namespaces_talk:
 * @pidfd: the process that becomes the command
 * @socket: to it
 *
 * The process that talks to the service about the other one: finds ids, asks for a control group, sends the map,
 * and has the namespace mapped when the other one says that it is there.
 *
 * Returns: the exit code: 0 when it is mapped
 */
int cli_namespaces_talk (Cli *cli, CliNamespaces *how, int pidfd, int socket);
