/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How often containers are asked whether they are well. */

#include "core/health/health.h"

#define SECOND ((guint64)G_USEC_PER_SEC)

static void
test_pauses (void)
{
  static const struct {
    guint64 interval; /* µs, as the next */
    guint n;
    guint64 pause;
  } cases[] = {
    { 30 * SECOND, 1, 30 * SECOND },
    { 30 * SECOND, 500, 30 * SECOND },
    { 30 * SECOND, 12288, 12288 * SECOND / 20 },
    { SECOND, 1, SECOND },
    { SECOND, 20, SECOND },
    { SECOND, 40, 2 * SECOND },
    { SECOND, 500, 25 * SECOND },
    { 86400 * SECOND, 500, 86400 * SECOND },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpuint (bothy_health_get_pause (cases[i].interval, cases[i].n), ==, cases[i].pause);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/health/pauses", test_pauses);
  return g_test_run ();
}
