/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "usernet.h"

#include <string.h>

#define MAX_QUOTA 1023 /* a bridge has no more ports */

void
cli_usernet_clear (CliUsernet *entry)
{
  g_clear_pointer (&entry->principal, g_free);
  g_clear_pointer (&entry->bridge, g_free);
}

/* The words between spaces and tabs, up to a "#". */
static GPtrArray *
split (const char *line)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *bare = g_strndup (line, strcspn (line, "#\r\n"));
  g_auto (GStrv) parts = g_strsplit_set (bare, " \t", -1);

  for (gsize i = 0; parts[i]; i++)
    if (*parts[i])
      g_ptr_array_add (words, g_strdup (parts[i]));
  return words;
}

CliUsernetLine
cli_usernet_parse (const char *line, CliUsernet *entry)
{
  g_autoptr (GPtrArray) words = split (line);
  guint64 quota;

  if (words->len == 0)
    return CLI_USERNET_EMPTY;
  if (words->len != 4)
    return CLI_USERNET_BAD_FIELDS;
  if (!g_str_equal (words->pdata[1], "veth"))
    return CLI_USERNET_BAD_TYPE;
  if (!g_ascii_string_to_unsigned (words->pdata[3], 10, 1, MAX_QUOTA, &quota, NULL))
    return CLI_USERNET_BAD_COUNT;
  entry->principal = g_strdup (words->pdata[0]);
  entry->bridge = g_strdup (words->pdata[2]);
  entry->quota = (guint32)quota;
  return CLI_USERNET_ENTRY;
}
