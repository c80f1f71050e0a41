/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digest.h"

#include <string.h>

#define PREFIX "sha256:"

const char *
digest_parse (const char *text)
{
  const char *digits = g_str_has_prefix (text, PREFIX) ? text + strlen (PREFIX) : "";

  return strlen (digits) == 64 && strspn (digits, "0123456789abcdef") == 64 ? digits : NULL;
}

gboolean
digest_matches (GBytes *bytes, const char *digits)
{
  g_autofree char *found = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);

  return g_str_equal (found, digits);
}
