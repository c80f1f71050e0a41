/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/*
 * Objects of users' that have ended, and can be looked at for a while still. Of one user it keeps so many and no more:
 * the one that ended first goes early, since each may hold something that is scarce.
 */
typedef struct _BothyLinger BothyLinger;

/* OBJECT has been kept long enough. It is alive during the call. */
typedef void (*BothyLingerFunc) (GObject *object, gpointer user_data);

/* Keep what is added for SECONDS, of each user at most MAX; then call GONE with USER_DATA. Free it with
   bothy_linger_free(). */
BothyLinger *bothy_linger_new (guint seconds, guint max, BothyLingerFunc gone, gpointer user_data);

/* What is kept is let go, without a call. */
void bothy_linger_free (BothyLinger *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyLinger, bothy_linger_free)

/* OBJECT of USER's has ended. A reference to it is kept. */
void bothy_linger_add (BothyLinger *self, guint32 user, GObject *object);

G_END_DECLS
