/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an interface inside gets; "" where there is none. */
struct network {
  const char *interface;
  const char *address4; /* with prefix length, as the next: 10.0.0.2/16 */
  const char *gateway4;
  const char *address6;
  const char *gateway6;
};

/*
 * Gives the interface its addresses, sets it up and makes the gateways the default routes, in
 * this process's network namespace; see rtnetlink(7). What was there already is fine. Returns 0
 * or a negative errno value: -EINVAL for an address that is none, -ENODEV without the interface.
 */
int network_configure (const struct network *network);
