/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kept.h"

#include <string.h>

#define TYPE   "a(ssxxbay)"
#define DIGITS 64 /* of the SHA-256 before all else */

void
kept_free (gpointer data)
{
  Kept *self = data;

  g_bytes_unref (self->bytes);
  g_free (self->tag);
  g_free (self);
}

Kept *
kept_new (const char *tag, gint64 asked, gint64 until, gboolean is_missing, GBytes *bytes)
{
  Kept *self = g_new0 (Kept, 1);

  self->tag = g_strdup (tag);
  self->asked = asked;
  self->until = until;
  self->is_missing = is_missing;
  self->bytes = g_bytes_ref (bytes);
  return self;
}

GHashTable *
kept_table (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, kept_free);
}

static gboolean
is_whole (const char *text, gsize size)
{
  g_autofree char *digest =
      size > DIGITS
          ? g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)text + DIGITS, size - DIGITS)
          : NULL;

  return digest && strncmp (digest, text, DIGITS) == 0;
}

void
kept_parse (const char *text, gsize size, GHashTable *answers)
{
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GVariantIter iter;
  GVariant *data;
  const char *url, *tag;
  gint64 asked, until;
  gboolean is_missing;

  if (!is_whole (text, size))
    return;
  bytes = g_bytes_new (text + DIGITS, size - DIGITS);
  list = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (TYPE), bytes, FALSE));
  g_variant_iter_init (&iter, list);
  while (g_variant_iter_loop (&iter, "(&s&sxxb@ay)", &url, &tag, &asked, &until, &is_missing, &data)) {
    g_autoptr (GBytes) content = g_variant_get_data_as_bytes (data);

    /* Nobody asked before 1970; what is reckoned with it must not overflow. */
    if (asked >= 0 && until >= 0)
      g_hash_table_replace (answers, g_strdup (url), kept_new (tag, asked, until, is_missing, content));
  }
}

GBytes *
kept_format (GHashTable *answers)
{
  g_autoptr (GVariant) list = NULL;
  g_autofree char *digest = NULL;
  GVariantBuilder builder;
  GHashTableIter iter;
  GByteArray *text;
  gpointer url, value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (TYPE));
  g_hash_table_iter_init (&iter, answers);
  while (g_hash_table_iter_next (&iter, &url, &value)) {
    const Kept *kept = value;

    g_variant_builder_add (&builder, "(ssxxb@ay)", url, kept->tag, kept->asked, kept->until, kept->is_missing,
                           g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, kept->bytes, TRUE));
  }
  list = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_get_size (list) > FETCH_MAX_CACHE - DIGITS)
    return NULL;
  digest =
      g_compute_checksum_for_data (G_CHECKSUM_SHA256, g_variant_get_data (list), g_variant_get_size (list));
  text = g_byte_array_sized_new (DIGITS + (guint)g_variant_get_size (list));
  g_byte_array_append (text, (const guint8 *)digest, DIGITS);
  g_byte_array_append (text, g_variant_get_data (list), (guint)g_variant_get_size (list));
  return g_byte_array_free_to_bytes (text);
}
