/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "work-row.h"

#include <glib/gi18n.h>

struct _AppWorkRow {
  GtkListBoxRow parent_instance;

  AppWorks *works;
  AppWork *work;
  GtkLabel *title;
  GtkLabel *status;
  GtkProgressBar *bar;
  GtkButton *button;
};

G_DEFINE_FINAL_TYPE (AppWorkRow, app_work_row, GTK_TYPE_LIST_BOX_ROW)

static void
on_clicked (AppWorkRow *self)
{
  if (app_work_get_error (self->work))
    app_works_dismiss (self->works, self->work);
  else
    app_work_cancel (self->work);
}

static void
update (AppWorkRow *self)
{
  g_autofree char *status = app_work_dup_status (self->work);
  double fraction = app_work_get_fraction (self->work);
  const GError *error = app_work_get_error (self->work);
  const char *does = error ? _ ("Dismiss") : _ ("Cancel");

  gtk_label_set_label (self->title, app_work_get_title (self->work));
  gtk_label_set_label (self->status, status);
  gtk_widget_set_visible (GTK_WIDGET (self->bar), error == NULL);
  if (fraction >= 0)
    gtk_progress_bar_set_fraction (self->bar, fraction);
  else
    gtk_progress_bar_pulse (self->bar);
  gtk_widget_set_visible (GTK_WIDGET (self->button), error || app_work_get_operation (self->work));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->button), does);
  if (error)
    gtk_widget_add_css_class (GTK_WIDGET (self->status), "error");
}

GtkWidget *
app_work_row_new (AppWorks *works, AppWork *work)
{
  AppWorkRow *self = g_object_new (APP_TYPE_WORK_ROW, NULL);

  self->works = g_object_ref (works);
  self->work = g_object_ref (work);
  g_signal_connect_object (work, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return GTK_WIDGET (self);
}

static void
app_work_row_dispose (GObject *object)
{
  AppWorkRow *self = APP_WORK_ROW (object);

  g_clear_object (&self->works);
  g_clear_object (&self->work);
  gtk_widget_dispose_template (GTK_WIDGET (self), APP_TYPE_WORK_ROW);
  G_OBJECT_CLASS (app_work_row_parent_class)->dispose (object);
}

static void
app_work_row_class_init (AppWorkRowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = app_work_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/bothy/Bothy/list/work-row.ui");
  gtk_widget_class_bind_template_child (widget_class, AppWorkRow, title);
  gtk_widget_class_bind_template_child (widget_class, AppWorkRow, status);
  gtk_widget_class_bind_template_child (widget_class, AppWorkRow, bar);
  gtk_widget_class_bind_template_child (widget_class, AppWorkRow, button);
  gtk_widget_class_bind_template_callback (widget_class, on_clicked);
}

static void
app_work_row_init (AppWorkRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
