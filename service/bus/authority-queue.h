/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Turns to ask polkit. The bus lets a connection wait for so many answers and no more, whoever they are
 * for; so nobody gets all of them, and some are left for what else bothyd asks.
 */

/* TURN (DATA), at once or when it is USER's turn. */
void bothy_authority_queue_wait (guint32 user, void (*turn) (gpointer data), gpointer data);

/* A turn of USER's is over. */
void bothy_authority_queue_end (guint32 user);

G_END_DECLS
