/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the C library's module asks the broker: one packet of a SOCK_SEQPACKET socket with a host name, without a
 * NUL, and one packet back. The broker answers by the user that the kernel says the other end has: of his own
 * containers he gets the addresses, of others' nothing.
 */

#include <stdint.h>

#define NAMES_SOCKET        "names.sock" /* below the runtime directory; there while bothyd runs */
#define NAMES_SUFFIX        ".bothy"
#define NAMES_MAX_NAME      253
#define NAMES_MAX_ADDRESSES 8

struct names_address {
  uint8_t family; /* 4 or 6 */
  uint8_t bytes[16];
};

struct names_reply {
  uint8_t n_addresses; /* 0: there is no such name */
  struct names_address addresses[NAMES_MAX_ADDRESSES];
};
