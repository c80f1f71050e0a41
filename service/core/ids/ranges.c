/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/ranges.h"

#include "core/ids/clear.h"
#include "core/ids/conflicts.h"
#include "core/ids/range-record.h"
#include "base/error.h"
#include "base/per-user.h"
#include "config.h"
#include "platform/userdb.h"

#include <string.h>

struct _BothyRanges {
  GObject parent;
  int dirfd;
  guint32 pool_base;
  guint32 pool_count;
  BothyRangesChecks checks;
  guint max_all;        /* how many a user may have */
  GTree *by_base;       /* base → BothyRange */
  BothyClear *clear;    /* ranges with accounts in them */
  BothyPerUser *taking; /* ranges that users are getting by hand just now */
  guint32 next;         /* index in the pool where the search for a new one begins */
  gboolean degraded;
};

/* What a thread is told of a range, and says of it. */
typedef struct {
  int dirfd;
  BothyRangeRecord record;
  gboolean taken_elsewhere;
} Take;

/* Who asks for a range, and how many he was granted. */
typedef struct {
  guint32 owner;
  guint granted;
} Asked;

G_DEFINE_FINAL_TYPE (BothyRanges, bothy_ranges, G_TYPE_OBJECT)

static int
compare_bases (gconstpointer a, gconstpointer b, gpointer user_data)
{
  guint32 left = GPOINTER_TO_UINT (a), right = GPOINTER_TO_UINT (b);

  return (left > right) - (left < right);
}

static BothyIdSpan
get_span (guint32 base)
{
  return (BothyIdSpan){ base, (gint64)base + BOTHY_RANGE_SIZE - 1 };
}

/* NULL: nobody ever got it. */
static BothyRange *
find_range (BothyRanges *self, guint32 base)
{
  return g_tree_lookup (self->by_base, GUINT_TO_POINTER (base));
}

static guint32
base_of (guint32 id)
{
  return id - id % BOTHY_RANGE_SIZE;
}

/* Who has one is somebody, so nobody gets ids among which is his own. */
static BothyRange *
enter_range (BothyRanges *self, guint32 base, guint32 owner)
{
  BothyRange *range = g_new0 (BothyRange, 1);

  bothy_clear_add (self->clear, base_of (owner));
  range->base = base;
  range->owner = owner;
  g_tree_insert (self->by_base, GUINT_TO_POINTER (base), range);
  return range;
}

static gboolean
load_range (BothyRanges *self, const char *name)
{
  BothyRangeRecord record;
  BothyRange *range;

  if (!bothy_range_record_read (self->dirfd, name, &record))
    return FALSE;
  range = enter_range (self, record.base, record.owner);
  range->by_hand = record.by_hand;
  range->shut = record.shut;
  range->shut_before_boot = record.shut_before_boot;
  range->used = range->by_hand || range->shut;
  bothy_userdb_publish (range->base, BOTHY_RANGE_SIZE);
  return TRUE;
}

static void
load_ranges (BothyRanges *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  if (!dir)
    self->degraded = TRUE;
  while (dir && (name = g_dir_read_name (dir))) {
    if (!bothy_clear_load (self->clear, name) &&
        (strstr (name, ".corrupt-") || (name[0] != '.' && !load_range (self, name))))
      self->degraded = TRUE;
  }
}

BothyRanges *
bothy_ranges_new (int dirfd, const BothyConfiguration *configuration, const BothyRangesChecks *checks)
{
  static const BothyRangesChecks of_machine = { bothy_conflicts_overlap, bothy_accounts_are_among };
  BothyRanges *self = g_object_new (BOTHY_TYPE_RANGES, NULL);

  self->dirfd = dirfd;
  self->checks = checks ? *checks : of_machine;
  self->pool_base = configuration->range_base;
  self->pool_count = configuration->range_count;
  self->max_all = configuration->max_all_ranges;
  self->clear = bothy_clear_new (dirfd, self->pool_base,
                                 (guint64)self->pool_base + (guint64)self->pool_count * BOTHY_RANGE_SIZE);
  load_ranges (self);
  return self;
}

gboolean
bothy_ranges_is_degraded (BothyRanges *self)
{
  return self->degraded;
}

void
bothy_ranges_set_degraded (BothyRanges *self)
{
  self->degraded = TRUE;
}

static gboolean
is_free_of (gpointer key, gpointer value, gpointer user_data)
{
  const BothyRange *range = value;
  BothyRange **found = ((gpointer *)user_data)[0];
  guint32 owner = GPOINTER_TO_UINT (((gpointer *)user_data)[1]);

  if (range->owner == owner && !range->used && !range->clashes &&
      bothy_conflicts_check_listed (range->base, BOTHY_RANGE_SIZE, NULL))
    *found = value;
  return *found != NULL;
}

static BothyRange *
find_free_of (BothyRanges *self, guint32 owner)
{
  BothyRange *found = NULL;
  gpointer search[] = { &found, GUINT_TO_POINTER (owner) };

  g_tree_foreach (self->by_base, is_free_of, search);
  return found;
}

typedef struct {
  guint32 owner;
  gboolean by_hand; /* only those that he holds */
  guint number;
} Count;

static gboolean
count_one (gpointer key, gpointer value, gpointer user_data)
{
  const BothyRange *range = value;
  Count *count = user_data;

  count->number += range->owner == count->owner && !range->shut && (range->by_hand || !count->by_hand);
  return FALSE;
}

static guint
count_ranges (BothyRanges *self, guint32 owner, gboolean by_hand)
{
  Count count = { .owner = owner, .by_hand = by_hand };

  g_tree_foreach (self->by_base, count_one, &count);
  return count.number;
}

gboolean
bothy_ranges_check_all (BothyRanges *self, guint32 owner, guint granted, guint *ret_count, GError **error)
{
  guint count = count_ranges (self, owner, FALSE);

  if (ret_count)
    *ret_count = count;
  if (count < MAX (self->max_all, granted) || find_free_of (self, owner))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "You have %u id ranges in use, and may have %u; delete a container, or give one back "
               "that you hold by hand (\"bothy range list\")",
               count, self->max_all);
  return FALSE;
}

/* The next base that no record names, or 0. It is entered at once, so that two calls never get the same. */
static BothyRange *
reserve_new (BothyRanges *self, guint32 owner)
{
  for (; self->next < self->pool_count; self->next++) {
    guint32 base = self->pool_base + self->next * BOTHY_RANGE_SIZE;

    if (!find_range (self, base) && base != base_of (owner) && !bothy_clear_has (self->clear, base)) {
      BothyRange *range = enter_range (self, base, owner);

      range->used = TRUE;
      return range;
    }
  }
  return NULL;
}

/* Write down whose it is. In a thread. */
static gboolean
record_range (const Take *take, GError **error)
{
  if (!bothy_range_record_write (take->dirfd, &take->record, error))
    return FALSE;
  bothy_userdb_publish (take->record.base, BOTHY_RANGE_SIZE);
  return TRUE;
}

static void
check_and_record_new (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Take *take = task_data;
  GError *error = NULL;

  take->taken_elsewhere = BOTHY_RANGES (source)->checks.overlap (get_span (take->record.base), &error);
  if (error || (!take->taken_elsewhere && !record_range (take, &error)))
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void try_next_new (BothyRanges *self, GTask *task);

static void
on_new_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRanges *self = BOTHY_RANGES (source);
  g_autoptr (GTask) task = user_data;
  Take *take = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    g_tree_remove (self->by_base, GUINT_TO_POINTER (take->record.base));
    self->next = 0;
    g_prefix_error (&error, "No id range was given out: ");
    g_task_return_error (task, error);
  } else if (take->taken_elsewhere) {
    g_tree_remove (self->by_base, GUINT_TO_POINTER (take->record.base));
    self->next = (take->record.base - self->pool_base) / BOTHY_RANGE_SIZE + 1;
    try_next_new (self, task);
  } else
    g_task_return_pointer (task, GUINT_TO_POINTER (take->record.base), NULL);
}

static void
try_next_new (BothyRanges *self, GTask *task)
{
  guint32 owner = ((const Asked *)g_task_get_task_data (task))->owner;
  BothyRange *range = reserve_new (self, owner);
  g_autoptr (GTask) check = NULL;
  Take *take;

  if (!range) {
    self->next = 0;
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NO_FREE_RANGE,
        "All %u id ranges are taken; an administrator can add some ([Ranges] in bothyd.conf)",
        self->pool_count);
    return;
  }
  take = g_new0 (Take, 1);
  take->dirfd = self->dirfd;
  take->record.owner = owner;
  take->record.base = range->base;
  check = g_task_new (self, NULL, on_new_recorded, g_object_ref (task));
  g_task_set_task_data (check, take, g_free);
  g_task_run_in_thread (check, check_and_record_new);
}

static void
check_again (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;
  gboolean clashes = BOTHY_RANGES (source)->checks.accounts (get_span (GPOINTER_TO_UINT (task_data)), &error);

  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, !clashes);
}

static void take_any (BothyRanges *self, GTask *task);

static void
on_checked_again (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  guint32 base = GPOINTER_TO_UINT (g_task_get_task_data (G_TASK (result)));
  BothyRange *range = find_range (BOTHY_RANGES (source), base);
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    g_task_return_pointer (task, GUINT_TO_POINTER (base), NULL);
    return;
  }
  range->used = FALSE;
  if (error) {
    g_prefix_error (&error, "No id range was given out: ");
    g_task_return_error (task, error);
    return;
  }
  range->clashes = TRUE;
  take_any (BOTHY_RANGES (source), task);
}

/* RANGE is its owner's already; since it was given out, somebody may have got an account in it. */
static void
take_again (BothyRange *range, GTask *task)
{
  g_autoptr (GTask) check =
      g_task_new (g_task_get_source_object (task), NULL, on_checked_again, g_object_ref (task));

  range->used = TRUE;
  g_task_set_task_data (check, GUINT_TO_POINTER (range->base), NULL);
  g_task_run_in_thread (check, check_again);
}

/* One of his that is free, or a new one. */
static void
take_any (BothyRanges *self, GTask *task)
{
  const Asked *asked = g_task_get_task_data (task);
  BothyRange *range = find_free_of (self, asked->owner);
  GError *error = NULL;

  if (range)
    take_again (range, task);
  /* Others of his calls may have been granted the same number. */
  else if (bothy_ranges_check_all (self, asked->owner, asked->granted, NULL, &error))
    try_next_new (self, task);
  else
    g_task_return_error (task, error);
}

void
bothy_ranges_take (
    BothyRanges *self, guint32 owner, guint granted, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Asked *asked;

  if (self->degraded) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                             "Records in " STATE_DIR
                             " are damaged, so no ids are given out; an administrator "
                             "has to look at the files named *.corrupt-N there");
    return;
  }
  asked = g_new (Asked, 1);
  *asked = (Asked){ .owner = owner, .granted = granted };
  g_task_set_task_data (task, asked, g_free);
  take_any (self, task);
}

guint32
bothy_ranges_take_finish (BothyRanges *self, GAsyncResult *result, GError **error)
{
  return GPOINTER_TO_UINT (g_task_propagate_pointer (G_TASK (result), error));
}

gboolean
bothy_ranges_mark_used (BothyRanges *self, guint32 owner, guint32 base)
{
  BothyRange *range = find_range (self, base);

  if (!range || range->owner != owner || range->used)
    return FALSE;
  range->used = TRUE;
  return TRUE;
}

void
bothy_ranges_release (BothyRanges *self, guint32 base)
{
  BothyRange *range = find_range (self, base);

  if (range)
    range->used = FALSE;
}

/* ---- ranges that their owners use without a container ---- */

static gboolean
check_not_running (const Take *take, GError **error)
{
  g_autoptr (GError) failed = NULL;

  if (bothy_conflicts_running (get_span (take->record.base), &failed) && !failed)
    g_set_error (&failed, BOTHY_ERROR, BOTHY_ERROR_BUSY, "A process still runs with ids of the range %u",
                 take->record.base);
  if (!failed)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

static void
write_hold (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Take *take = task_data;
  GError *error = NULL;

  if ((take->record.by_hand || check_not_running (take, &error)) && record_range (take, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Write down whether RANGE is held. */
static void
record_hold (
    BothyRanges *self, const BothyRange *range, gboolean by_hand, GAsyncReadyCallback callback, GTask *after)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, g_object_ref (after));
  Take *take = g_new0 (Take, 1);

  take->dirfd = self->dirfd;
  take->record.owner = range->owner;
  take->record.base = range->base;
  take->record.by_hand = by_hand;
  g_task_set_task_data (task, take, g_free);
  g_task_run_in_thread (task, write_hold);
}

static void
on_hold_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRanges *self = BOTHY_RANGES (source);
  g_autoptr (GTask) task = user_data;
  const Take *take = g_task_get_task_data (G_TASK (result));
  BothyRange *range = find_range (self, take->record.base);
  GError *error = NULL;

  bothy_per_user_release (self->taking, range->owner);
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
    record_hold (self, find_range (self, base), TRUE, on_hold_recorded, task);
  else {
    bothy_per_user_release (self->taking, GPOINTER_TO_UINT (g_task_get_task_data (task)));
    g_task_return_error (task, error);
  }
}

gboolean
bothy_ranges_check_by_hand (BothyRanges *self, guint32 owner, guint max, GError **error)
{
  guint held = count_ranges (self, owner, TRUE);

  if (held + bothy_per_user_count (self->taking, owner) < max)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "You hold %u id ranges by hand, and may hold %u; \"bothy range release\" gives one back", held,
               max);
  return FALSE;
}

void
bothy_ranges_take_by_hand (BothyRanges *self,
                           guint32 owner,
                           guint max,
                           guint granted,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;

  g_task_set_task_data (task, GUINT_TO_POINTER (owner), NULL);
  if (!bothy_ranges_check_by_hand (self, owner, max, &error)) {
    g_task_return_error (task, error);
    return;
  }
  bothy_per_user_take (self->taking, owner);
  bothy_ranges_take (self, owner, granted, on_taken_by_hand, g_object_ref (task));
}

static void
on_release_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Take *take = g_task_get_task_data (G_TASK (result));
  BothyRange *range = find_range (BOTHY_RANGES (source), take->record.base);
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
  BothyRange *range = find_range (self, base);

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
  record_hold (self, range, FALSE, on_release_recorded, task);
}

gboolean
bothy_ranges_release_by_hand_finish (BothyRanges *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- ranges that go to others ---- */

/* An error says that it is not certain, or not done. In a thread. */
static void
write_shut (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Take *take = task_data;
  GError *error = NULL;

  if (check_not_running (take, &error) && record_range (take, &error)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  take->record.shut = bothy_range_record_may_be_shut (take->dirfd, take->record.base);
  g_task_return_error (task, error);
}

static void
on_shut (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Take *take = g_task_get_task_data (G_TASK (result));
  BothyRange *range = find_range (BOTHY_RANGES (source), take->record.base);
  GError *error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  range->shut = range->used = take->record.shut;
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, BOTHY_RECLAIM_SHUT);
}

/* In a thread. */
static void
remove_record (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Take *take = task_data;
  GError *error = NULL;

  if (check_not_running (take, &error) &&
      bothy_range_record_remove (take->dirfd, take->record.base, &error)) {
    bothy_userdb_withdraw (take->record.base, BOTHY_RANGE_SIZE);
    g_task_return_boolean (task, TRUE);
  } else
    g_task_return_error (task, error);
}

static void
on_record_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRanges *self = BOTHY_RANGES (source);
  g_autoptr (GTask) task = user_data;
  const Take *take = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    find_range (self, take->record.base)->releasing = FALSE;
    g_task_return_error (task, error);
    return;
  }
  g_tree_remove (self->by_base, GUINT_TO_POINTER (take->record.base));
  self->next = 0;
  g_task_return_int (task, BOTHY_RECLAIM_GIVEN);
}

static gboolean
check_reclaimable (BothyRanges *self, const BothyRange *range, guint32 base, GError **error)
{
  if (self->degraded)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                 "Records in " STATE_DIR " are damaged, so it is not known who uses the range %u", base);
  else if (!range)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Nobody has an id range whose first id is %u; \"bothy range list --all\" shows all", base);
  else if (range->releasing)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY, "The range %u is being given back just now", base);
  else if (range->shut && !range->shut_before_boot)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                 "The range %u is shut; boot the machine anew, look for files with its ids, and then "
                 "reclaim it again",
                 base);
  else if (range->used && !range->shut)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                 "User %u uses the range %u: its container has to be deleted, or it has to be given back "
                 "(\"bothy range release\")",
                 range->owner, base);
  else
    return TRUE;
  return FALSE;
}

void
bothy_ranges_reclaim (BothyRanges *self, guint32 base, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyRange *range = find_range (self, base);
  g_autoptr (GTask) thread = NULL;
  GError *error = NULL;
  Take *take;

  if (!check_reclaimable (self, range, base, &error)) {
    g_task_return_error (task, error);
    return;
  }
  take = g_new0 (Take, 1);
  take->dirfd = self->dirfd;
  take->record.owner = range->owner;
  take->record.base = base;
  take->record.shut = TRUE;
  thread = g_task_new (self, NULL, range->shut ? on_record_removed : on_shut, g_object_ref (task));
  g_task_set_task_data (thread, take, g_free);
  if (range->shut) {
    range->releasing = TRUE;
    g_task_run_in_thread (thread, remove_record);
  } else {
    /* From now on its owner does not get it, either. */
    range->used = TRUE;
    g_task_run_in_thread (thread, write_shut);
  }
}

BothyReclaim
bothy_ranges_reclaim_finish (BothyRanges *self, GAsyncResult *result, GError **error)
{
  return (BothyReclaim)g_task_propagate_int (G_TASK (result), error);
}

/* ---- maps ---- */

gboolean
bothy_ranges_are_by_hand (BothyRanges *self, guint32 owner, guint32 first, guint32 count)
{
  guint64 last = (guint64)first + count - 1;

  for (guint64 base = first - first % BOTHY_RANGE_SIZE; base <= last; base += BOTHY_RANGE_SIZE) {
    const BothyRange *range = base <= G_MAXUINT32 ? find_range (self, (guint32)base) : NULL;

    if (!range || range->owner != owner || !range->by_hand || range->releasing)
      return FALSE;
  }
  return TRUE;
}

void
bothy_ranges_count_map (BothyRanges *self, guint32 first, guint32 count, int by)
{
  guint64 last = (guint64)first + count - 1;

  for (guint64 base = first - first % BOTHY_RANGE_SIZE; base <= last; base += BOTHY_RANGE_SIZE) {
    BothyRange *range = find_range (self, (guint32)base);

    if (range)
      range->maps += (guint)by;
  }
}

/* ---- */

gboolean
bothy_ranges_is_given (BothyRanges *self, guint32 id)
{
  guint32 base = base_of (id);

  return base == BOTHY_NEUTRAL_BASE || find_range (self, base) != NULL;
}

static void
on_clear_noted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRanges *self = g_task_get_source_object (task);

  /* A disk that is full keeps nobody from deleting what fills it; as long as this process lives, it is known. */
  bothy_clear_note_finish (self->clear, result);
  g_task_return_boolean (task, TRUE);
}

void
bothy_ranges_keep_clear_of (BothyRanges *self, guint32 uid, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  if (find_range (self, base_of (uid)))
    g_task_return_boolean (task, FALSE);
  else
    bothy_clear_note (self->clear, base_of (uid), on_clear_noted, g_steal_pointer (&task));
}

gboolean
bothy_ranges_keep_clear_of_finish (BothyRanges *self, GAsyncResult *result)
{
  return g_task_propagate_boolean (G_TASK (result), NULL);
}

static gboolean
append_range (gpointer key, gpointer value, gpointer user_data)
{
  g_ptr_array_add (user_data, value);
  return FALSE;
}

GPtrArray *
bothy_ranges_list (BothyRanges *self)
{
  GPtrArray *list = g_ptr_array_new ();

  g_tree_foreach (self->by_base, append_range, list);
  return list;
}

static void
bothy_ranges_finalize (GObject *object)
{
  g_tree_unref (BOTHY_RANGES (object)->by_base);
  bothy_per_user_free (BOTHY_RANGES (object)->taking);
  bothy_clear_free (BOTHY_RANGES (object)->clear);
  G_OBJECT_CLASS (bothy_ranges_parent_class)->finalize (object);
}

static void
bothy_ranges_class_init (BothyRangesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_ranges_finalize;
}

static void
bothy_ranges_init (BothyRanges *self)
{
  self->by_base = g_tree_new_full (compare_bases, NULL, NULL, g_free);
  self->taking = bothy_per_user_new (0, 0);
}
