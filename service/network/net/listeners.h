/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/*
 * Whether a process of the host listens on PORT of PROTOCOL (IPPROTO_TCP or IPPROTO_UDP), whose
 * clients a forwarded port would take away: 0, EADDRINUSE, or another errno value.
 */
int listeners_check (uint8_t protocol, uint16_t port);
