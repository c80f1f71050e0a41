/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connections.h"

/*
 * The loop: one request after the other, so that no two ever change the same bridge at once. It
 * keeps CAP_NET_ADMIN, and CAP_NET_BIND_SERVICE to hold ports, and nothing else.
 */

/* Serves until the one connection is closed, or there was none for a while and no port to hold. Returns the exit status. */
int server_run (struct connections *connections);
