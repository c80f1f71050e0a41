/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/journal.h"

#define DEED_MESSAGE_ID "0c6a2b1f5d2e4c0e9f4b8a7d13e6c952"
#define MAX_FIELDS      9

static void
add (GLogField *fields, gsize *n, const char *key, const char *value)
{
  fields[(*n)++] = (GLogField){ key, value, -1 };
}

static char *
describe (const BothyJournalEntry *entry, const char *deed)
{
  g_autofree char *about =
      entry->name ? g_strdup_printf ("Container %s of user %u: ", entry->name, entry->owner) : g_strdup ("");
  g_autofree char *by =
      entry->user != BOTHY_NO_USER ? g_strdup_printf (" by user %u", entry->user) : g_strdup ("");

  return g_strconcat (about, deed, by, *entry->grounds ? " (" : "", entry->grounds,
                      *entry->grounds ? ")" : "", NULL);
}

void
bothy_journal_write (const BothyJournalEntry *entry)
{
  GLogField fields[MAX_FIELDS];
  gsize n = 0;
  g_autofree char *deed = g_strescape (entry->deed, NULL);
  g_autofree char *text = describe (entry, deed);
  g_autofree char *user = g_strdup_printf ("%u", entry->user);
  g_autofree char *owner = g_strdup_printf ("%u", entry->owner);

  add (fields, &n, "PRIORITY", "5"); /* notice */
  add (fields, &n, "MESSAGE_ID", DEED_MESSAGE_ID);
  add (fields, &n, "MESSAGE", text);
  add (fields, &n, "BOTHY_DEED", deed);
  add (fields, &n, "BOTHY_GROUNDS", entry->grounds);
  if (entry->user != BOTHY_NO_USER)
    add (fields, &n, "BOTHY_USER", user);
  if (entry->name) {
    add (fields, &n, "BOTHY_CONTAINER", entry->name);
    add (fields, &n, "BOTHY_ID", entry->id);
    add (fields, &n, "BOTHY_OWNER", owner);
  }
  g_log_structured_array (G_LOG_LEVEL_MESSAGE, fields, n);
}
