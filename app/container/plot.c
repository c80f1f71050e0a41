/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "plot.h"

/* Two minutes, at a value every other second. */
#define VALUES 60

struct _AppPlot {
  GtkWidget parent_instance;

  GArray *values;
  double most;
};

G_DEFINE_FINAL_TYPE (AppPlot, app_plot, GTK_TYPE_WIDGET)

static double
full_height (AppPlot *self)
{
  double highest = self->most;

  for (guint i = 0; self->most <= 0 && i < self->values->len; i++)
    highest = MAX (highest, g_array_index (self->values, double, i));
  return highest > 0 ? highest : 1;
}

static void
app_plot_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  AppPlot *self = APP_PLOT (widget);
  float width = (float)gtk_widget_get_width (widget), height = (float)gtk_widget_get_height (widget);
  double full = full_height (self);
  guint first = VALUES - self->values->len;
  GdkRGBA colour;
  cairo_t *cr;

  gtk_widget_get_color (widget, &colour);
  cr = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  for (guint i = 0; i < self->values->len; i++) {
    double share = MIN (g_array_index (self->values, double, i) / full, 1);
    double x = (double)width * (first + i) / (VALUES - 1);

    cairo_line_to (cr, x, 1 + (height - 2) * (1 - share));
  }
  cairo_set_line_width (cr, 1.5);
  gdk_cairo_set_source_rgba (cr, &colour);
  if (self->values->len > 1) {
    cairo_stroke_preserve (cr);
    cairo_line_to (cr, width, height);
    cairo_line_to (cr, (double)width * first / (VALUES - 1), height);
    colour.alpha *= 0.15f;
    gdk_cairo_set_source_rgba (cr, &colour);
    cairo_fill (cr);
  }
  cairo_destroy (cr);
}

void
app_plot_add (AppPlot *self, double value, double most)
{
  if (self->values->len == VALUES)
    g_array_remove_index (self->values, 0);
  g_array_append_val (self->values, value);
  self->most = most;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
app_plot_clear (AppPlot *self)
{
  g_array_set_size (self->values, 0);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
app_plot_finalize (GObject *object)
{
  g_array_unref (APP_PLOT (object)->values);
  G_OBJECT_CLASS (app_plot_parent_class)->finalize (object);
}

static void
app_plot_class_init (AppPlotClass *class)
{
  G_OBJECT_CLASS (class)->finalize = app_plot_finalize;
  GTK_WIDGET_CLASS (class)->snapshot = app_plot_snapshot;
  gtk_widget_class_set_accessible_role (GTK_WIDGET_CLASS (class), GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
app_plot_init (AppPlot *self)
{
  self->values = g_array_new (FALSE, FALSE, sizeof (double));
  gtk_widget_set_size_request (GTK_WIDGET (self), 120, 32);
  gtk_widget_set_valign (GTK_WIDGET (self), GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (GTK_WIDGET (self), "accent");
}
