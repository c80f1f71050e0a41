/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A network that this machine knows a way to: a route of any table, or an address of an interface with its prefix. */
typedef struct {
  int family;          /* AF_INET or AF_INET6 */
  guint index;         /* of the interface; 0: it has none, such as one that leads nowhere */
  guint prefix;        /* in bits */
  gboolean is_address; /* one of the interface's own */
  guint8 address[16];  /* in network byte order; 4 bytes of it with AF_INET */
} BothyRoute;

/*
 * All networks of the kernel's routing tables, so also of those of wg-quick, Tailscale and systemd-networkd, which have tables of
 * their own and rules that lead there, and of all interfaces' addresses. Not in it are the machine's own addresses as
 * routes, link-local networks, broadcasts, and what stands for everything: default routes and those of fewer than 8 bits, which VPNs have
 * in their place, for others are nearer than they are. Does not block. (transfer full) (element-type BothyRoute) What the kernel
 * does not tell is missing, with a warning.
 */
GArray *bothy_routes_read (void);

G_END_DECLS
