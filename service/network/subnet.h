/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The addresses of bridges. */

/*
 * Host byte order: the bridge's own in a network of 16 bits, which neither a route of the host, of whatever table, nor an
 * address has but by INTERFACE. Where there is no such network, one that is a part of a wider route's; 0: there is none of these
 * either.
 */
guint32 bothy_subnet_choose4 (const char *interface);

/* ADDRESS/24 (transfer full) for the bridge INTERFACE, in a network that is chosen likewise; NULL: none is free. */
char *bothy_subnet_choose_small (const char *interface);

/* The network of another interface that has addresses of INTERFACE's, of IPv4 or IPv6, as words for a sentence; (transfer full)
   NULL: there is none. */
char *bothy_subnet_find_collision (const char *interface);

/* A unique local ADDRESS for the bridge INTERFACE in a network of 64 bits, random for each machine and PURPOSE but always the
   same, unless somebody has it. */
void bothy_subnet_choose6 (const char *purpose, const char *interface, guint8 address[16]);

G_END_DECLS
