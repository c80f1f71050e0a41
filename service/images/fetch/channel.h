/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "images/fetch/protocol.h"
#include "images/json/error.h"

/* The connection to the broker, and what it asked. */
typedef struct {
  int connection;
  int fds[FETCH_N_FDS]; /* that came with the request, or -1 */
  struct fetch_request request;
  char *text;
  const char *words[FETCH_N_WORDS];
  gint64 last_progress;

  /* For the result. */
  gboolean is_cached; /* FETCH_FD_NEW is whole */
  guint64 age;        /* of what is old, in seconds, because */
  char *reason;
} Channel;

/* Takes the request. FALSE: it makes no sense. */
gboolean channel_receive (Channel *self, GError **error);

/* From now on this process ends when the broker closes the connection. */
void channel_watch (Channel *self);

/* Say that BYTES of TOTAL (0: not known) have come; not more often than the broker needs it. */
void channel_send_progress (Channel *self, guint64 bytes, guint64 total);

/* N strings, each of which may be NULL; what is too long for a packet is left out. */
void channel_send_strings (Channel *self,
                           enum fetch_message_type type,
                           guint32 number,
                           const char *const *strings,
                           guint n,
                           guint64 total);

/* The last message; ERROR is NULL when it worked. */
void channel_send_result (Channel *self, const GError *error);
