/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "holds.h"
#include "protocol.h"

/*
 * Connections that came before their container ran, and that the kernel can lead nowhere else any more: a process of its own
 * passes on what is said. It has no capability, no file, no program to start and no other socket, and reads nothing of it.
 */

/* Whether the process that PROXY, of proxy_start() or -1, keeps is still there. */
bool proxy_is_there (int proxy);

/*
 * Has CONNECTIONS (N of them, which stay the caller's to close, and do not block) led to the inside port and the
 * addresses of REQUEST, each once that answers. HOLDS are closed in the process that does so. Returns an fd, the
 * caller's, that ends all of it when it is closed; or -1, and errno says why there is none.
 */
int
proxy_start (struct holds *holds, const int *connections, unsigned int n, const struct net_request *request);
