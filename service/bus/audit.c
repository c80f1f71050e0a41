/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/audit.h"

#include "base/journal.h"
#include "core/container/history.h"

#define WINDOW_SECONDS 10
#define MAX_IN_WINDOW  60

/* The deeds of USER with what is OWNER's, in the window that is open. Each pair is counted for itself: what somebody does with
   his own things hides nothing of what he does with others'. */
typedef struct {
  guint64 pair;
  guint n;
} Count;

static GHashTable *counts; /* Count: a set */
static guint window;       /* the timer of its end, 0: none is open */

static void
write_overrun (gpointer key, gpointer value, gpointer user_data)
{
  const Count *count = value;
  g_autofree char *deed = NULL;

  if (count->n <= MAX_IN_WINDOW)
    return;
  deed = g_strdup_printf ("%u more calls, about things of user %u", count->n - MAX_IN_WINDOW,
                          (guint32)count->pair);
  bothy_journal_write (
      &(BothyJournalEntry){ .user = (guint32)(count->pair >> 32), .deed = deed, .grounds = "" });
}

static gboolean
on_window_over (gpointer user_data)
{
  window = 0;
  g_hash_table_foreach (counts, write_overrun, NULL);
  g_hash_table_remove_all (counts);
  return G_SOURCE_REMOVE;
}

/* FALSE: there were enough. */
static gboolean
count (guint32 user, guint32 owner)
{
  const guint64 pair = (guint64)user << 32 | owner;
  Count *found;

  if (!counts)
    counts = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  if (!window)
    window = g_timeout_add_seconds (WINDOW_SECONDS, on_window_over, NULL);
  found = g_hash_table_lookup (counts, &pair);
  if (!found) {
    found = g_new0 (Count, 1);
    found->pair = pair;
    g_hash_table_insert (counts, &found->pair, found);
  }
  return ++found->n <= MAX_IN_WINDOW;
}

void
bothy_audit_note (const BothyAuditDeed *deed)
{
  if (!count (deed->user, deed->container ? deed->container->owner : deed->user))
    return;
  if (deed->container)
    bothy_history_note (deed->containers_fd, deed->container, deed->user, deed->deed, deed->grounds);
  else
    bothy_journal_write (
        &(BothyJournalEntry){ .user = deed->user, .deed = deed->deed, .grounds = deed->grounds });
}
