/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "protocol.h"
#include "wire.h"

/*
 * Whether a request makes sense by itself: 0, EINVAL, EPROTO (version or size) or E2BIG (more
 * fds than any request has). WIRE is what REQUEST came with.
 */
int request_check (const struct net_request *request, const struct wire *wire);
