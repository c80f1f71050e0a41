/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "container-row.h"

#include <glib/gi18n.h>

#include "../container/share.h"
#include "../container/state.h"

struct _AppContainerRow {
  GtkListBoxRow parent_instance;

  AppObject *container;
  GtkWidget *dot;
  GtkLabel *name;
  GtkLabel *status;
  GtkStack *stack;
  GtkButton *button;
  GtkSpinner *spinner;
};

G_DEFINE_FINAL_TYPE (AppContainerRow, app_container_row, GTK_TYPE_LIST_BOX_ROW)

static void
on_clicked (AppContainerRow *self)
{
  app_state_toggle (GTK_WIDGET (self), self->container);
}

static void
show_button (AppContainerRow *self)
{
  const char *name = app_object_text (self->container, "Name");
  gboolean frozen = g_str_equal (app_object_text (self->container, "State"), "frozen");
  gboolean stops = app_state_is_running (self->container) && !frozen;
  /* Translators: what a button does, with a container's name. */
  g_autofree char *label = g_strdup_printf (frozen  ? _ ("Thaw %s")
                                            : stops ? _ ("Stop %s")
                                                    : _ ("Start %s"),
                                            name);
  gboolean moving = app_state_is_moving (self->container);

  gtk_button_set_icon_name (self->button,
                            stops ? "media-playback-stop-symbolic" : "media-playback-start-symbolic");
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->button), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_spinner_set_spinning (self->spinner, moving);
  gtk_stack_set_visible_child_name (self->stack, moving ? "spinner" : "button");
}

static void
update (AppContainerRow *self)
{
  const char *state = app_object_text (self->container, "State");
  const char *name = app_object_text (self->container, "Name");
  g_autofree char *line = app_state_dup_line (self->container);
  g_autofree char *spoken = g_strdup_printf ("%s, %s", name, line);

  gtk_label_set_label (self->name, name);
  gtk_label_set_label (self->status, line);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->status), line);
  gtk_widget_set_css_classes (self->dot, (const char *[]){ "dot", state, NULL });
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
  show_button (self);
}

GtkWidget *
app_container_row_new (AppObject *container)
{
  AppContainerRow *self = g_object_new (APP_TYPE_CONTAINER_ROW, NULL);

  self->container = g_object_ref (container);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  app_share_accept_drops (GTK_WIDGET (self), container);
  update (self);
  return GTK_WIDGET (self);
}

AppObject *
app_container_row_get_container (AppContainerRow *self)
{
  return self->container;
}

static void
app_container_row_dispose (GObject *object)
{
  AppContainerRow *self = APP_CONTAINER_ROW (object);

  g_clear_object (&self->container);
  gtk_widget_dispose_template (GTK_WIDGET (self), APP_TYPE_CONTAINER_ROW);
  G_OBJECT_CLASS (app_container_row_parent_class)->dispose (object);
}

static void
app_container_row_class_init (AppContainerRowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = app_container_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/bothy/Bothy/list/container-row.ui");
  gtk_widget_class_bind_template_child (widget_class, AppContainerRow, dot);
  gtk_widget_class_bind_template_child (widget_class, AppContainerRow, name);
  gtk_widget_class_bind_template_child (widget_class, AppContainerRow, status);
  gtk_widget_class_bind_template_child (widget_class, AppContainerRow, stack);
  gtk_widget_class_bind_template_child (widget_class, AppContainerRow, button);
  gtk_widget_class_bind_template_child (widget_class, AppContainerRow, spinner);
  gtk_widget_class_bind_template_callback (widget_class, on_clicked);
}

static void
app_container_row_init (AppContainerRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
