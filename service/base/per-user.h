/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* No account has this uid: the kernel takes it for none. */
#define BOTHY_NO_USER G_MAXUINT32

G_BEGIN_DECLS

/*
 * How many of something each user has at once: counted by uid and bounded, so that no user gets all of it. Who
 * would have too many is refused (bothy_per_user_take()) or waits for his turn (bothy_per_user_wait()).
 */
typedef struct _BothyPerUser BothyPerUser;

/* MAX_EACH: how many one user may have at once; MAX_ALL: how many all users together may. 0: any number.
   Free it with bothy_per_user_free(). */
BothyPerUser *bothy_per_user_new (guint max_each, guint max_all);

/* Whoever still waits is forgotten without having got his turn. NULL is allowed. */
void bothy_per_user_free (BothyPerUser *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyPerUser, bothy_per_user_free)

/* How many USER has now. */
guint bothy_per_user_count (BothyPerUser *self, guint32 user);

/* How many all users have now. */
guint bothy_per_user_count_all (BothyPerUser *self);

/* Give USER one more, to be returned by bothy_per_user_release(). FALSE: there are as many as there may be, and
   nothing was counted. */
gboolean bothy_per_user_take (BothyPerUser *self, guint32 user);

/* Call TURN with DATA once USER has one more: at once, or when others were released; who has waited longest
   comes first. TURN sees to it that bothy_per_user_release() is called. */
void bothy_per_user_wait (BothyPerUser *self, guint32 user, void (*turn) (gpointer data), gpointer data);

/* Who waits with DATA gets no turn any more; nothing was counted for him. FALSE: nobody waits with it. */
gboolean bothy_per_user_stop_waiting (BothyPerUser *self, gconstpointer data);

/* USER has one less. Whoever waits for it gets his turn before this returns. */
void bothy_per_user_release (BothyPerUser *self, guint32 user);

G_END_DECLS
