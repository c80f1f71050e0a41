/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "usage-group.h"

#include <glib/gi18n.h>

#include "plot.h"
#include "state.h"

#define PERIOD 2 /* seconds */

enum {
  ROW_MEMORY,
  ROW_PROCESSOR,
  ROW_PROCESSES,
  ROW_DISK,
  N_ROWS,
};

struct _AppUsageGroup {
  AdwPreferencesGroup parent_instance;

  AppObject *container;
  GCancellable *cancellable;
  guint timer;
  GtkWidget *rows[N_ROWS];
  AppPlot *memory, *processor;
  guint64 cpu_usec; /* of the last answer, and when that came; 0: there was none */
  gint64 asked_at;
};

G_DEFINE_FINAL_TYPE (AppUsageGroup, app_usage_group, ADW_TYPE_PREFERENCES_GROUP)

static void
show_row (AppUsageGroup *self, guint row, const char *text)
{
  gtk_widget_set_visible (self->rows[row], text != NULL);
  if (text)
    adw_action_row_set_subtitle (ADW_ACTION_ROW (self->rows[row]), text);
}

/* A value that may have a bound, as "310 MB of 512 MB". */
static char *
share_text (guint64 value, guint64 most)
{
  g_autofree char *have = g_format_size (value);
  g_autofree char *may = g_format_size (most);

  /* Translators: how much is used, and how much may be. */
  return most ? g_strdup_printf (_ ("%s of %s"), have, may) : g_steal_pointer (&have);
}

static void
show_memory (AppUsageGroup *self, GVariant *stats)
{
  guint64 memory = 0, most = 0;
  g_autofree char *text = NULL;

  if (g_variant_lookup (stats, "memory", "t", &memory)) {
    g_variant_lookup (stats, "memory-max", "t", &most);
    text = share_text (memory, most);
    app_plot_add (self->memory, (double)memory, (double)most);
  }
  show_row (self, ROW_MEMORY, text);
}

static void
show_processor (AppUsageGroup *self, GVariant *stats)
{
  guint64 usec = 0;
  gint64 now = g_get_monotonic_time ();
  double share;
  g_autofree char *text = NULL;

  if (!g_variant_lookup (stats, "cpu-usec", "t", &usec)) {
    show_row (self, ROW_PROCESSOR, NULL);
    return;
  }
  if (self->asked_at && now > self->asked_at && usec >= self->cpu_usec) {
    share = (double)(usec - self->cpu_usec) / (double)(now - self->asked_at);
    /* Translators: of one processor's time. */
    text = g_strdup_printf (_ ("%.0f %% of one processor"), share * 100);
    app_plot_add (self->processor, share, MAX (1, share));
  }
  self->cpu_usec = usec;
  self->asked_at = now;
  if (text)
    show_row (self, ROW_PROCESSOR, text);
}

static void
show_others (AppUsageGroup *self, GVariant *stats)
{
  guint64 number = 0, most = 0;
  g_autofree char *processes = NULL;
  g_autofree char *disk = NULL;

  if (g_variant_lookup (stats, "pids", "t", &number))
    processes = g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  if (g_variant_lookup (stats, "disk", "t", &number)) {
    g_variant_lookup (stats, "disk-max", "t", &most);
    disk = share_text (number, most);
  }
  show_row (self, ROW_PROCESSES, processes);
  show_row (self, ROW_DISK, disk);
}

static void
on_stats (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppUsageGroup) self = data;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, NULL);
  g_autoptr (GVariant) stats = NULL;
  gboolean any = FALSE;

  if (answer == NULL || self->container == NULL)
    return;
  stats = g_variant_get_child_value (answer, 0);
  show_memory (self, stats);
  show_processor (self, stats);
  show_others (self, stats);
  for (guint i = 0; i < N_ROWS; i++)
    any = any || gtk_widget_get_visible (self->rows[i]);
  gtk_widget_set_visible (GTK_WIDGET (self), any);
}

static gboolean
ask (gpointer data)
{
  AppUsageGroup *self = APP_USAGE_GROUP (data);

  if (app_state_is_running (self->container))
    app_object_ask (self->container, "GetStats", NULL, self->cancellable, on_stats, g_object_ref (self));
  return G_SOURCE_CONTINUE;
}

/* It asks while the page is mapped, not while the group is: without an answer there is nothing of it to see. */
static void
on_page_mapped (AppUsageGroup *self)
{
  if (self->timer == 0 && self->container)
    self->timer = g_timeout_add_seconds (PERIOD, ask, self);
  if (self->container)
    ask (self);
}

static void
on_page_unmapped (AppUsageGroup *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  self->asked_at = 0;
}

static void
on_container_changed (AppUsageGroup *self)
{
  if (app_state_is_running (self->container))
    return;
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
  app_plot_clear (self->memory);
  app_plot_clear (self->processor);
  self->asked_at = 0;
}

void
app_usage_group_set_container (AppUsageGroup *self, AppObject *container)
{
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (self), ADW_TYPE_NAVIGATION_PAGE);

  self->container = g_object_ref (container);
  g_signal_connect_object (container, "changed", G_CALLBACK (on_container_changed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (page, "map", G_CALLBACK (on_page_mapped), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (page, "unmap", G_CALLBACK (on_page_unmapped), self, G_CONNECT_SWAPPED);
  on_container_changed (self);
}

static void
app_usage_group_dispose (GObject *object)
{
  AppUsageGroup *self = APP_USAGE_GROUP (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->container);
  G_OBJECT_CLASS (app_usage_group_parent_class)->dispose (object);
}

static void
app_usage_group_finalize (GObject *object)
{
  g_object_unref (APP_USAGE_GROUP (object)->cancellable);
  G_OBJECT_CLASS (app_usage_group_parent_class)->finalize (object);
}

static void
app_usage_group_class_init (AppUsageGroupClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_usage_group_dispose;
  G_OBJECT_CLASS (class)->finalize = app_usage_group_finalize;
}

static void
app_usage_group_init (AppUsageGroup *self)
{
  static const char *const titles[N_ROWS] = { N_ ("Memory"), N_ ("Processor"), N_ ("Processes"),
                                              N_ ("Disk") };

  self->cancellable = g_cancellable_new ();
  for (guint i = 0; i < N_ROWS; i++) {
    self->rows[i] = adw_action_row_new ();
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->rows[i]), _ (titles[i]));
    adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), self->rows[i]);
    gtk_widget_add_css_class (self->rows[i], "property");
    gtk_widget_set_visible (self->rows[i], FALSE);
  }
  self->memory = g_object_new (APP_TYPE_PLOT, NULL);
  self->processor = g_object_new (APP_TYPE_PLOT, NULL);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self->rows[ROW_MEMORY]), GTK_WIDGET (self->memory));
  adw_action_row_add_suffix (ADW_ACTION_ROW (self->rows[ROW_PROCESSOR]), GTK_WIDGET (self->processor));
}
