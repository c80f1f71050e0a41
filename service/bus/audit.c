/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/audit.h"

#include "base/journal.h"
#include "core/container/history.h"

#define WINDOW_SECONDS 10
#define MAX_IN_WINDOW  60 /* deeds of one user */

static GHashTable *counts; /* of deeds in the window that is open: uid → number */
static guint window;       /* the timer of its end, 0: none is open */

static void
write_overrun (gpointer key, gpointer value, gpointer user_data)
{
  guint n = GPOINTER_TO_UINT (value);
  g_autofree char *deed = NULL;

  if (n <= MAX_IN_WINDOW)
    return;
  deed = g_strdup_printf ("%u more calls", n - MAX_IN_WINDOW);
  bothy_journal_write (&(BothyJournalEntry){ .user = GPOINTER_TO_UINT (key), .deed = deed, .grounds = "" });
}

static gboolean
on_window_over (gpointer user_data)
{
  window = 0;
  g_hash_table_foreach (counts, write_overrun, NULL);
  g_hash_table_remove_all (counts);
  return G_SOURCE_REMOVE;
}

static gboolean
count (guint32 user)
{
  guint n;

  if (!counts)
    counts = g_hash_table_new (NULL, NULL);
  if (!window)
    window = g_timeout_add_seconds (WINDOW_SECONDS, on_window_over, NULL);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (counts, GUINT_TO_POINTER (user))) + 1;
  g_hash_table_insert (counts, GUINT_TO_POINTER (user), GUINT_TO_POINTER (n));
  return n <= MAX_IN_WINDOW;
}

void
bothy_audit_note (const BothyAuditDeed *deed)
{
  if (!count (deed->user))
    return;
  if (deed->container)
    bothy_history_note (deed->containers_fd, deed->container, deed->user, deed->deed, deed->grounds);
  else
    bothy_journal_write (
        &(BothyJournalEntry){ .user = deed->user, .deed = deed->deed, .grounds = deed->grounds });
}
