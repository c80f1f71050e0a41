/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "body.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
body_open (Body *self, guint64 size, guint64 max, int fd)
{
  *self = (Body){ .fd = fd, .size = size, .max = max };
  if (fd < 0)
    self->array = g_byte_array_new ();
  sha256_init (&self->hash);
}

GBytes *
body_close (Body *self)
{
  GBytes *bytes = self->array ? g_byte_array_free_to_bytes (g_steal_pointer (&self->array)) : NULL;

  self->fd = -1;
  return bytes;
}

char *
body_sha256 (Body *self)
{
  unsigned char digest[SHA256_DIGEST_SIZE];
  GString *digits = g_string_sized_new (2 * sizeof digest);

  sha256_digest (&self->hash, sizeof digest, digest);
  for (gsize i = 0; i < sizeof digest; i++)
    g_string_append_printf (digits, "%02x", digest[i]);
  return g_string_free (digits, FALSE);
}

static gboolean
refuse_body (const char *what, GError **error)
{
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The server %s", what);
  return FALSE;
}

gboolean
body_look (Body *self, long code, gint64 length, GError **error)
{
  self->looked = TRUE;
  self->skip = code == 200 ? self->offset : 0;
  if (code == 206 && self->offset == 0)
    return refuse_body ("sends a part where all was asked for", error);
  if (length < 0)
    return TRUE;
  length += (gint64)(self->offset - self->skip);
  if ((guint64)length > self->max)
    return refuse_body ("wants to send more than there can be", error);
  if (self->size > 0 && (guint64)length != self->size)
    return refuse_body ("says another size than its catalogue", error);
  return TRUE;
}

static gboolean
write_all (int fd, const char *bytes, gsize size, GError **error)
{
  while (size > 0) {
    gssize n = write (fd, bytes, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_set_error (error, FETCH_ERROR, errno == EPIPE ? FETCH_CLOSED : FETCH_FAILED, "Writing: %s",
                   g_strerror (errno));
      return FALSE;
    }
    bytes += n;
    size -= (gsize)n;
  }
  return TRUE;
}

gboolean
body_take (Body *self, const char *bytes, gsize size, GError **error)
{
  gsize known = MIN (size, self->skip);

  self->skip -= known;
  bytes += known;
  size -= known;
  if (size > self->max - self->got || (self->size > 0 && size > self->size - self->got))
    return refuse_body ("sends more than there can be", error);
  if (self->array)
    g_byte_array_append (self->array, (const guint8 *)bytes, (guint)size);
  else if (!write_all (self->fd, bytes, size, error))
    return FALSE;
  else
    sha256_update (&self->hash, size, (const guint8 *)bytes);
  self->got += size;
  return TRUE;
}
