/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Turns to ask polkit. The bus lets a connection wait for so many answers and no more, whoever they are
 * for; so nobody gets all of them, and some are left for what else bothyd asks.
 */

/* Call TURN with DATA, at once or when it is the turn of the uid USER. Each turn has to end. */
void bothy_authority_queue_wait (guint32 user, void (*turn) (gpointer data), gpointer data);

/* A turn of the uid USER is over: the next one who waits is called. */
void bothy_authority_queue_end (guint32 user);

G_END_DECLS
