/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads subuid(5), subgid(5) and uid_map: no span ends beyond 32 bits or before it begins. */
#include <stdint.h>
#include <stdlib.h>

#include "core/ids/conflicts.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_span (BothyIdSpan span, gpointer user_data)
{
  if (span.first < 0 || span.last < span.first || span.last > G_MAXUINT32)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  /* As g_file_get_contents() gives it: ended by a NUL that does not count. */
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *exact = g_malloc (size + 1);
  g_autoptr (GError) error = NULL;
  gboolean fine;

  for (size_t i = 0; i < size; i++)
    exact[i] = (char)data[i];
  exact[size] = '\0';
  fine = bothy_conflicts_parse_subids (exact, size, check_span, NULL, &error);
  if (fine == (error != NULL))
    abort ();
  bothy_conflicts_parse_map (text, check_span, NULL);
  return 0;
}
