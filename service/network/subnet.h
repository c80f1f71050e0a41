/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The addresses of the default bridge. */

/* Host byte order: the bridge's own in a network of 16 bits; one that no route of the host goes to but by INTERFACE. */
guint32 bothy_subnet_choose4 (const char *interface);

/* A unique local one, random for each machine and PURPOSE but always the same. */
void bothy_subnet_derive6 (const char *purpose, guint8 address[16]);

G_END_DECLS
