/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The loop: one request after the other, so that no two ever change the same bridge at once. It
 * keeps CAP_NET_ADMIN and nothing else.
 */

/* Serves LISTENING until it was idle for a while. Returns the exit status. */
int server_listen (int listening);

/* Serves the one CONNECTION until it is closed. Returns the exit status. */
int server_connection (int connection);
