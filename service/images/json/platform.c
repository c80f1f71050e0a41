/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform.h"

/* From the best to what will do. */
static const struct {
  const char *machine, *architecture;
  const char *variants[5];
} platforms[] = {
  /* amd64/v3 and the like need processors that not everybody has. */
  { "x86_64", "amd64", { "", "v1" } },
  { "aarch64", "arm64", { "v8", "" } },
  { "armv7l", "arm", { "v7", "", "v6", "v5" } },
  { "armv6l", "arm", { "v6", "v5" } },
  { "i686", "386", { "" } },
  { "ppc64le", "ppc64le", { "" } },
  { "s390x", "s390x", { "" } },
  { "riscv64", "riscv64", { "" } },
};

guint
platform_rank (const char *machine, const char *os, const char *architecture, const char *variant)
{
  const guint n = G_N_ELEMENTS (platforms[0].variants);

  if (!g_str_equal (os, "linux"))
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS (platforms); i++) {
    if (!g_str_equal (platforms[i].machine, machine) ||
        !g_str_equal (platforms[i].architecture, architecture))
      continue;
    for (guint j = 0; j < n && platforms[i].variants[j]; j++) {
      if (g_str_equal (platforms[i].variants[j], variant))
        return n - j;
    }
  }
  return 0;
}
