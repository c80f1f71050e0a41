/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "platform/packet.h"

G_BEGIN_DECLS

/*
 * A small program at work for a GTask: it sends packets until its result, and ends when its socket is
 * closed. This is the beginning of the task's data.
 */
typedef struct {
  const char *program;
  gsize max_packet;
  guint32 user;       /* whom it works for, and whose the files are that it sends */
  gboolean takes_fds; /* FALSE: it is at its end when it sends any */
  void (*handle) (GTask *task, BothyPacket *packet);
  GSocket *socket; /* NULL: it has ended */
  GSource *source;
  gulong cancelled;
} BothyWorker;

/* The task's cancellable ends it from now on, also if it was cancelled before. */
void bothy_worker_watch (GTask *task);

/* Its packets are handled from now on. */
void bothy_worker_listen (GTask *task);

/* The one place where it ends: with RESULT, which FREE frees, or with ERROR. Takes the reference that the
 * program has had on TASK. */
void bothy_worker_end (GTask *task, gpointer result, GDestroyNotify free_result, GError *error);

/* Close its socket, and forget it. */
void bothy_worker_clear (BothyWorker *self);

/* What strangers had a part in, for a message: ASCII with escapes, and cut. */
char *bothy_worker_readable (const char *text, gsize size);

G_END_DECLS
