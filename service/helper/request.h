/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packet.h"

/*
 * Whether a request makes sense by itself. What the kernel knows (is this fd a user
 * namespace, does this file belong to root) is asked where the step is done.
 */

/* 0, or EINVAL, EPROTO (version or size), E2BIG (too many of something), EPERM (an id never given away). */
int request_check (const struct packet *packet);
