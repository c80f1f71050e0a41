/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connections.h"

/*
 * The loop: reads requests, starts a worker for each, sees to it that every request
 * is answered in time. Does nothing privileged itself.
 */

/* Serves until the one connection is closed, or there was none for a while. Returns the exit status. */
int server_run (const struct connections *connections);
