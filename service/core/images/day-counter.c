/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/day-counter.h"

#include "base/error.h"
#include "storage/record.h"

#define DAY_SECONDS (24 * 60 * 60)

#define NAME     "days"
#define GROUP    "Days"
#define MAX_SEEN 400

gint64
bothy_day_counter_today (void)
{
  return g_get_real_time () / G_USEC_PER_SEC / DAY_SECONDS;
}

/* The list of dates as it is with DAY; FALSE: it was in there. The oldest of too many goes: it was seen long
 * ago. */
static gboolean
add_day (GKeyFile *record, gint64 day)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, day);
  g_auto (GStrv) seen = g_key_file_get_string_list (record, GROUP, "Seen", NULL, NULL);
  gsize n = seen ? g_strv_length (seen) : 0;
  g_autoptr (GPtrArray) list = g_ptr_array_new ();

  if (seen && g_strv_contains ((const char *const *)seen, text))
    return FALSE;
  for (gsize i = n >= MAX_SEEN ? n - MAX_SEEN + 1 : 0; i < n; i++)
    g_ptr_array_add (list, seen[i]);
  g_ptr_array_add (list, text);
  g_key_file_set_string_list (record, GROUP, "Seen", (const char *const *)list->pdata, list->len);
  return TRUE;
}

guint64
bothy_day_counter_count (int dirfd, gint64 day)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) record = bothy_record_read (dirfd, NAME, &error);
  guint64 count;

  /* One that is damaged begins anew: then nothing was used long ago. */
  if (!record && (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
                  g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED)))
    record = g_key_file_new ();
  g_clear_error (&error);
  if (!record)
    return 0;
  count = g_key_file_get_uint64 (record, GROUP, "Count", NULL);
  if (!add_day (record, day))
    return count;
  g_key_file_set_uint64 (record, GROUP, "Count", ++count);
  return bothy_record_write (dirfd, NAME, record, BOTHY_RECORD_VOLATILE, &error) ? count : 0;
}

/* ---- what is done on each ---- */

struct _BothyDayTimer {
  int dirfd;
  void (*begin_day) (guint64 day, gpointer user_data);
  gpointer user_data;
  guint source;
};

static gboolean
on_day (gpointer user_data)
{
  BothyDayTimer *self = user_data;

  self->begin_day (bothy_day_counter_count (self->dirfd, bothy_day_counter_today ()), self->user_data);
  return G_SOURCE_CONTINUE;
}

BothyDayTimer *
bothy_day_timer_new (int dirfd, void (*begin_day) (guint64 day, gpointer user_data), gpointer user_data)
{
  BothyDayTimer *self = g_new0 (BothyDayTimer, 1);

  self->dirfd = dirfd;
  self->begin_day = begin_day;
  self->user_data = user_data;
  on_day (self);
  self->source = g_timeout_add_seconds (DAY_SECONDS, on_day, self);
  return self;
}

void
bothy_day_timer_free (BothyDayTimer *self)
{
  g_source_remove (self->source);
  g_free (self);
}
