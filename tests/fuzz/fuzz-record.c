/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads records: the bytes as they are, and as the body of a record whose checksum is right. */
#include <stdint.h>

#include "storage/record.c"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_autofree char *sealed = g_strconcat (HEADER, digest, "\n", text, NULL);
  g_autoptr (GKeyFile) as_is G_GNUC_UNUSED = unseal (text);
  g_autoptr (GKeyFile) content = unseal (sealed);
  g_autofree char *again = content ? seal (content) : NULL;
  g_autoptr (GKeyFile) reread = again ? unseal (again) : NULL;

  /* What was understood can be written, and is understood again. */
  if (content && !reread)
    abort ();
  return 0;
}
