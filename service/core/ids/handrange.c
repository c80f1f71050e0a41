/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ranges that their owners use without a container. */
#include "core/ids/ranges-private.h"

#include "core/ids/conflicts.h"
#include "base/error.h"

static gboolean
count_by_hand (gpointer key, gpointer value, gpointer user_data)
{
  const BothyRange *range = value;
  guint *search = user_data; /* owner, number */

  search[1] += range->owner == search[0] && range->by_hand;
  return FALSE;
}

static void
change_taking (BothyRanges *self, guint32 owner, int by)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->taking, GUINT_TO_POINTER (owner)));

  g_hash_table_replace (self->taking, GUINT_TO_POINTER (owner), GUINT_TO_POINTER (n + (guint)by));
}

static void
write_hold (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const BothyRangeTake *take = task_data;
  BothyIdSpan span = { take->base, (gint64)take->base + BOTHY_RANGE_SIZE - 1 };
  GError *error = NULL;

  if (!take->by_hand && bothy_conflicts_running (span, &error) && !error)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_BUSY, "A process still runs with ids of the range %u",
                 take->base);
  if (error || !bothy_range_record (take, &error))
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

/* Write down whether RANGE is held. */
static void
record_hold (
    BothyRanges *self, const BothyRange *range, gboolean by_hand, GAsyncReadyCallback callback, GTask *after)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, g_object_ref (after));
  BothyRangeTake *take = g_new0 (BothyRangeTake, 1);

  take->dirfd = self->dirfd;
  take->owner = range->owner;
  take->base = range->base;
  take->by_hand = by_hand;
  g_task_set_task_data (task, take, g_free);
  g_task_run_in_thread (task, write_hold);
}

static void
on_held (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRanges *self = BOTHY_RANGES (source);
  g_autoptr (GTask) task = user_data;
  const BothyRangeTake *take = g_task_get_task_data (G_TASK (result));
  BothyRange *range = bothy_ranges_lookup (self, take->base);
  GError *error = NULL;

  change_taking (self, range->owner, -1);
  range->by_hand = g_task_propagate_boolean (G_TASK (result), &error);
  range->used = range->by_hand;
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, GUINT_TO_POINTER (range->base), NULL);
}

static void
on_taken_by_hand (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRanges *self = BOTHY_RANGES (source);
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  guint32 base = bothy_ranges_take_finish (self, result, &error);

  if (base)
    record_hold (self, bothy_ranges_lookup (self, base), TRUE, on_held, task);
  else {
    change_taking (self, GPOINTER_TO_UINT (g_task_get_task_data (task)), -1);
    g_task_return_error (task, error);
  }
}

void
bothy_ranges_take_by_hand (
    BothyRanges *self, guint32 owner, guint max, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  guint search[] = { owner, 0 };

  g_task_set_task_data (task, GUINT_TO_POINTER (owner), NULL);
  g_tree_foreach (self->by_base, count_by_hand, search);
  if (search[1] + GPOINTER_TO_UINT (g_hash_table_lookup (self->taking, GUINT_TO_POINTER (owner))) >= max) {
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
        "You hold %u id ranges by hand, and may hold %u; \"bothy range release\" gives one back", search[1],
        max);
    return;
  }
  change_taking (self, owner, 1);
  bothy_ranges_take (self, owner, on_taken_by_hand, g_object_ref (task));
}

static void
on_let_go (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const BothyRangeTake *take = g_task_get_task_data (G_TASK (result));
  BothyRange *range = bothy_ranges_lookup (BOTHY_RANGES (source), take->base);
  GError *error = NULL;

  range->by_hand = range->used = !g_task_propagate_boolean (G_TASK (result), &error);
  range->releasing = FALSE;
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
bothy_ranges_release_by_hand (
    BothyRanges *self, guint32 owner, guint32 base, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyRange *range = bothy_ranges_lookup (self, base);

  if (!range || range->owner != owner || !range->by_hand || range->releasing) {
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
        "You hold no id range by hand whose first id is %u; \"bothy range list\" shows yours", base);
    return;
  }
  if (range->maps > 0) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                             "A user namespace is being mapped to the range %u just now; try again", base);
    return;
  }
  /* From now on nothing is mapped to it. */
  range->releasing = TRUE;
  record_hold (self, range, FALSE, on_let_go, task);
}

gboolean
bothy_ranges_release_by_hand_finish (BothyRanges *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
bothy_ranges_are_by_hand (BothyRanges *self, guint32 owner, guint32 first, guint32 count)
{
  guint64 last = (guint64)first + count - 1;

  for (guint64 base = first - first % BOTHY_RANGE_SIZE; base <= last; base += BOTHY_RANGE_SIZE) {
    const BothyRange *range = base <= G_MAXUINT32 ? bothy_ranges_lookup (self, (guint32)base) : NULL;

    if (!range || range->owner != owner || !range->by_hand || range->releasing)
      return FALSE;
  }
  return TRUE;
}

gboolean
bothy_ranges_check_listed (guint32 base, GError **error)
{
  GError *unreadable = NULL;

  if (!bothy_conflicts_listed ((BothyIdSpan){ base, (gint64)base + BOTHY_RANGE_SIZE - 1 }, &unreadable))
    return TRUE;
  if (unreadable)
    g_propagate_error (error, unreadable);
  else
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
        "ids from %u to %u are given away in /etc/subuid or /etc/subgid; an administrator has to take "
        "that line out",
        base, base + BOTHY_RANGE_SIZE - 1);
  return FALSE;
}

void
bothy_ranges_count_map (BothyRanges *self, guint32 first, guint32 count, int by)
{
  guint64 last = (guint64)first + count - 1;

  for (guint64 base = first - first % BOTHY_RANGE_SIZE; base <= last; base += BOTHY_RANGE_SIZE) {
    BothyRange *range = bothy_ranges_lookup (self, (guint32)base);

    if (range)
      range->maps += (guint)by;
  }
}
