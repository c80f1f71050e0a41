/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire.h"

#define PROGRESS_INTERVAL_US (100 * 1000)

/* N strings that fill TEXT, each with a NUL at its end. */
static gboolean
split (const char *text, gsize size, const char **words, guint n)
{
  const char *end = text + size;

  for (guint i = 0; i < n; i++) {
    const char *nul = memchr (text, '\0', (gsize)(end - text));

    if (!nul)
      return FALSE;
    words[i] = text;
    text = nul + 1;
  }
  return text == end;
}

static gboolean
is_sensible (const struct fetch_request *request)
{
  return request->version == FETCH_PROTOCOL_VERSION && request->op >= FETCH_RESOLVE &&
         request->op <= FETCH_DOWNLOAD && request->catalogue >= FETCH_SIMPLESTREAMS &&
         request->catalogue <= FETCH_OCI && request->policy >= FETCH_POLICY_SIGNATURE &&
         request->policy <= FETCH_POLICY_TLS && request->timeout > 0 && request->timeout <= 3600 &&
         request->size <= FETCH_MAX_IMAGE;
}

/* Each fd in its place. */
static gboolean
take_fds (Channel *self, const int *fds, guint n)
{
  guint next = 0;

  for (guint i = 0; i < FETCH_N_FDS; i++) {
    gboolean is_there = (self->request.fds & 1u << i) != 0;

    if (is_there && next == n)
      return FALSE;
    self->fds[i] = is_there ? fds[next++] : -1;
  }
  return next == n;
}

gboolean
channel_receive (Channel *self, GError **error)
{
  int fds[FETCH_N_FDS];
  g_autofree char *packet = g_malloc (sizeof self->request + FETCH_MAX_TEXT);
  struct wire wire = {
    .data = packet, .capacity = sizeof self->request + FETCH_MAX_TEXT, .fds = fds, .max_fds = FETCH_N_FDS
  };
  struct pollfd readable = { .fd = self->connection, .events = POLLIN };
  gsize text_size;

  if (poll (&readable, 1, -1) < 0 || wire_receive (self->connection, &wire) <= 0)
    _exit (EXIT_FAILURE); /* nobody is there to be told */
  text_size = wire.size - MIN (wire.size, sizeof self->request);
  if (!wire.truncated && wire.size >= sizeof self->request) {
    memcpy (&self->request, packet, sizeof self->request);
    self->text = g_memdup2 (packet + sizeof self->request, text_size + 1);
    if (is_sensible (&self->request) && take_fds (self, fds, wire.n_fds) &&
        text_size == self->request.text_size && text_size > 0 &&
        split (self->text, text_size, self->words, FETCH_N_WORDS))
      return TRUE;
  }
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "The request makes no sense to this version");
  return FALSE;
}

static gpointer
watch (gpointer data)
{
  Channel *self = data;
  struct pollfd connection = { .fd = self->connection, .events = POLLIN };
  char byte;

  for (;;) {
    if (poll (&connection, 1, -1) > 0 && recv (self->connection, &byte, 1, MSG_DONTWAIT) <= 0)
      _exit (EXIT_SUCCESS); /* cancelled */
  }
  return NULL;
}

void
channel_watch (Channel *self)
{
  g_thread_unref (g_thread_new ("watch", watch, self));
}

static void
send_message (Channel *self, struct fetch_message *message, const char *text, gsize size, int flags)
{
  struct iovec parts[2] = { { message, sizeof *message }, { (void *)text, size } };
  struct msghdr packet = { .msg_iov = parts, .msg_iovlen = 2 };

  message->version = FETCH_PROTOCOL_VERSION;
  message->text_size = (uint32_t)size;
  while (sendmsg (self->connection, &packet, flags | MSG_NOSIGNAL) < 0 && errno == EINTR)
    continue;
}

void
channel_send_progress (Channel *self, guint64 bytes, guint64 total)
{
  struct fetch_message message = { .type = FETCH_PROGRESS, .bytes = bytes, .total = total };
  gint64 now = g_get_monotonic_time ();

  if (now - self->last_progress < PROGRESS_INTERVAL_US)
    return;
  self->last_progress = now;
  /* A broker that does not read misses progress, nothing else. */
  send_message (self, &message, NULL, 0, MSG_DONTWAIT);
}

void
channel_send_strings (Channel *self,
                      enum fetch_message_type type,
                      guint32 number,
                      const char *const *strings,
                      guint n,
                      guint64 total)
{
  struct fetch_message message = { .type = type, .error = number, .total = total };
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_len (text, strings[i] ? strings[i] : "",
                         strings[i] ? (gssize)strlen (strings[i]) + 1 : 1);
  if (text->len <= FETCH_MAX_TEXT)
    send_message (self, &message, text->str, text->len, 0);
}

void
channel_send_result (Channel *self, const GError *error)
{
  struct fetch_message message = { .type = FETCH_RESULT, .bytes = self->age, .total = self->is_cached };
  const char *text = error ? error->message : self->reason ? self->reason : "";

  if (error)
    message.error = error->domain == FETCH_ERROR ? (uint32_t)error->code : FETCH_FAILED;
  send_message (self, &message, text, MIN (strlen (text), FETCH_MAX_TEXT), 0);
}
