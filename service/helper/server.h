/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The loop: reads requests, starts a worker for each, sees to it that every request
 * is answered in time. Does nothing privileged itself.
 */

/* Serves LISTENING until it was idle for a while. Returns the exit status. */
int server_listen (int listening);

/* Serves the one CONNECTION until it is closed. Returns the exit status. */
int server_connection (int connection);
