/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads names of images: each has one form in full, which is a reference to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/images/reference.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *once = bothy_reference_canonical (text);
  g_autofree char *twice = bothy_reference_canonical (once);
  g_auto (BothyReference) found = { 0 };
  g_auto (BothyReference) again = { 0 };

  if (!g_str_equal (once, twice))
    abort ();
  if (!bothy_reference_parse (text, &found, NULL))
    return 0;
  /* Nothing of it needs quoting in a URL or a record, or leads out of a path. */
  if (!bothy_reference_parse (once, &again, NULL) || !g_str_equal (found.name, again.name) ||
      g_strcmp0 (found.registry, again.registry) != 0 || strstr (found.name, "..") ||
      strpbrk (found.name, " \\\"%?#\n;") || (found.registry && strpbrk (found.registry, "/@ ")))
    abort ();
  return 0;
}
