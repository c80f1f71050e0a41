/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "packet.h"

/*
 * Whether a request makes sense by itself. What the kernel knows (is this fd a user
 * namespace, does this file belong to root) is asked where the step is done.
 */

/* 0, or EINVAL, EPROTO (version or size), E2BIG (too many of something), EPERM (an id never given away). */
int request_check (const struct packet *packet);

/* The same for the lines of a map: 0, EINVAL or EPERM. */
int request_check_extents (const struct helper_extent *extents, uint32_t n_extents);

/* Whether ID may be a directory's name: hexadecimal digits and dashes, ended within its field. */
bool request_id_is_valid (const char id[68]);
