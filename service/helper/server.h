/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connections.h"

/*
 * The loop: reads requests, starts a worker for each, sees to it that every request
 * is answered in time. Does nothing privileged itself.
 */

/*
 * Serves CONNECTIONS, which it owns from now on, until the one connection is closed, or for 30 seconds there
 * was none. Returns the status to exit with; what went wrong is said on stderr.
 */
int server_run (const struct connections *connections);
