/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads an image's os-release(5), which reaches it as valid UTF-8: so do its values the bus. */
#include <stdint.h>
#include <stdlib.h>

#include "core/images/image.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const keys[] = { "ID", "VERSION_ID", "VERSION_CODENAME", "PRETTY_NAME", "" };
  g_autofree char *text = g_utf8_make_valid ((const char *)data, (gssize)size);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *value = bothy_image_os_release_value (text, keys[i]);

    if (!value || !g_utf8_validate (value, -1, NULL))
      abort ();
  }
  return 0;
}
