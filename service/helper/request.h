/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packet.h"

/*
 * Whether a request makes sense by itself. What the kernel knows (is this fd a user
 * namespace, does this file belong to root) is asked where the step is done.
 */

/*
 * Checks PACKET. Returns 0, or EPROTO (version or size), E2BIG (too many fds or layers), EPERM (an id that is
 * never given away), or EINVAL for everything else.
 */
int request_check (const struct packet *packet);
