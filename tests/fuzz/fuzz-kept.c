/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads the answers that were kept: with the digest that a whole file has, or with what there is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What was understood is of a shape that can be used, and is understood again. */
static void
look (GHashTable *answers)
{
  g_autoptr (GHashTable) again = kept_table ();
  g_autoptr (GBytes) file = kept_format (answers);
  GHashTableIter iter;
  gpointer url, value;
  const char *text;
  gsize size;

  g_hash_table_iter_init (&iter, answers);
  while (g_hash_table_iter_next (&iter, &url, &value)) {
    const Kept *kept = value;

    if (kept->asked < 0 || kept->until < 0 || !g_utf8_validate (url, -1, NULL) ||
        !g_utf8_validate (kept->tag, -1, NULL) || !kept->bytes)
      abort ();
  }
  if (!file)
    return;
  text = g_bytes_get_data (file, &size);
  kept_parse (text, size, again);
  if (g_hash_table_size (again) != g_hash_table_size (answers))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GHashTable) answers = kept_table ();
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, size);
  g_autofree char *file = g_malloc (size + 64);

  kept_parse ((const char *)data, size, answers);
  memcpy (file, digest, 64);
  if (size > 0)
    memcpy (file + 64, data, size);
  kept_parse (file, size + 64, answers);
  look (answers);
  return 0;
}
