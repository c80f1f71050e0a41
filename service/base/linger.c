/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/linger.h"

struct _BothyLinger {
  guint seconds, max;
  BothyLingerFunc gone;
  gpointer user_data;
  GQueue ended; /* Ended, the oldest first */
};

typedef struct {
  BothyLinger *linger;
  GObject *object;
  guint32 user;
  guint timer;
} Ended;

static void
ended_free (gpointer data)
{
  Ended *ended = data;

  if (ended->timer)
    g_source_remove (ended->timer);
  g_object_unref (ended->object);
  g_free (ended);
}

static void
let_go (Ended *ended)
{
  BothyLinger *self = ended->linger;

  g_queue_remove (&self->ended, ended);
  self->gone (ended->object, self->user_data);
  ended_free (ended);
}

static gboolean
on_timer (gpointer user_data)
{
  Ended *ended = user_data;

  ended->timer = 0;
  let_go (ended);
  return G_SOURCE_REMOVE;
}

static void
bound_user (BothyLinger *self, guint32 user)
{
  Ended *oldest = NULL;
  guint n = 0;

  for (GList *l = self->ended.tail; l; l = l->prev) {
    if (((const Ended *)l->data)->user != user)
      continue;
    oldest = l->data;
    n++;
  }
  if (n > self->max)
    let_go (oldest);
}

void
bothy_linger_add (BothyLinger *self, guint32 user, GObject *object)
{
  Ended *ended = g_new0 (Ended, 1);

  ended->linger = self;
  ended->object = g_object_ref (object);
  ended->user = user;
  ended->timer = g_timeout_add_seconds_full (G_PRIORITY_LOW, self->seconds, on_timer, ended, NULL);
  g_queue_push_tail (&self->ended, ended);
  bound_user (self, user);
}

BothyLinger *
bothy_linger_new (guint seconds, guint max, BothyLingerFunc gone, gpointer user_data)
{
  BothyLinger *self = g_new0 (BothyLinger, 1);

  self->seconds = seconds;
  self->max = max;
  self->gone = gone;
  self->user_data = user_data;
  g_queue_init (&self->ended);
  return self;
}

void
bothy_linger_free (BothyLinger *self)
{
  g_queue_clear_full (&self->ended, ended_free);
  g_free (self);
}
