/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The addresses of bridges. */

/* Host byte order: the bridge's own in a network of 16 bits; one that no route of the host goes to but by INTERFACE. */
guint32 bothy_subnet_choose4 (const char *interface);

/* ADDRESS/24 (transfer full) for the bridge INTERFACE, in a network that no route of the host goes to; NULL: none is free. */
char *bothy_subnet_choose_small (const char *interface);

/* The network of another interface that has addresses of INTERFACE's, as words for a sentence; (transfer full) NULL: there is none. */
char *bothy_subnet_find_collision (const char *interface);

/* A unique local one, random for each machine and PURPOSE but always the same. */
void bothy_subnet_derive6 (const char *purpose, guint8 address[16]);

G_END_DECLS
