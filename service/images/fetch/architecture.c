/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "architecture.h"

#include <string.h>

const char *
architecture_from_debian (const char *name)
{
  static const char *const names[][2] = {
    { "amd64", "x86_64" },    { "arm64", "aarch64" }, { "armhf", "armv7l" },    { "armel", "armv6l" },
    { "i386", "i686" },       { "i686", "i686" },     { "ppc64el", "ppc64le" }, { "s390x", "s390x" },
    { "riscv64", "riscv64" }, { "x86_64", "x86_64" }, { "aarch64", "aarch64" }, { "armv7l", "armv7l" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    if (g_str_equal (name, names[i][0]))
      return names[i][1];
  }
  return NULL;
}

gboolean
architecture_is_version (const char *text)
{
  gsize length = strlen (text);

  return length >= 8 && length <= 64 && strspn (text, "0123456789") >= 8 &&
         strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:.+-") == length &&
         g_date_valid_dmy (
             (GDateDay)((text[6] - '0') * 10 + text[7] - '0'),
             (GDateMonth)((text[4] - '0') * 10 + text[5] - '0'),
             (GDateYear)g_ascii_strtoull ((char[]){ text[0], text[1], text[2], text[3], 0 }, NULL, 10));
}
