/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "rows.h"

struct AppRows {
  AdwPreferencesGroup *group;
  AppRowsMake make;
  gpointer data;
  GVariant *shown;
  GPtrArray *rows;
};

AppRows *
app_rows_new (AdwPreferencesGroup *group, AppRowsMake make, gpointer data)
{
  AppRows *self = g_new0 (AppRows, 1);

  self->group = group;
  self->make = make;
  self->data = data;
  self->rows = g_ptr_array_new ();
  return self;
}

void
app_rows_free (AppRows *self)
{
  g_clear_pointer (&self->shown, g_variant_unref);
  g_ptr_array_unref (self->rows);
  g_free (self);
}

void
app_rows_set (AppRows *self, GVariant *array)
{
  if (self->shown && array && g_variant_equal (self->shown, array))
    return;
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->group, self->rows->pdata[i]);
  g_ptr_array_set_size (self->rows, 0);
  app_rows_forget (self);
  for (gsize i = 0; array && i < g_variant_n_children (array); i++) {
    g_autoptr (GVariant) item = g_variant_get_child_value (array, i);
    GtkWidget *row = self->make (item, self->data);

    adw_preferences_group_add (self->group, row);
    g_ptr_array_add (self->rows, row);
  }
  self->shown = array ? g_variant_ref (array) : NULL;
}

void
app_rows_forget (AppRows *self)
{
  g_clear_pointer (&self->shown, g_variant_unref);
}

GtkWidget *
app_rows_button (const char *icon, const char *label)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_tooltip_text (button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  return button;
}

GtkWidget *
app_rows_link (const char *title, GCallback activated, gpointer data)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("go-next-symbolic"));
  g_signal_connect_swapped (row, "activated", activated, data);
  return row;
}

AdwActionRow *
app_rows_none (AdwPreferencesGroup *group)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  gtk_widget_set_visible (row, FALSE);
  adw_preferences_group_add (group, row);
  return ADW_ACTION_ROW (row);
}

AdwPreferencesPage *
app_rows_page (AdwNavigationPage *page, const char *title, GtkWidget *button)
{
  GtkWidget *view = adw_toolbar_view_new (), *body = adw_preferences_page_new (),
            *header = adw_header_bar_new ();

  if (button)
    adw_header_bar_pack_end (ADW_HEADER_BAR (header), button);
  adw_toolbar_view_add_top_bar (ADW_TOOLBAR_VIEW (view), header);
  adw_toolbar_view_set_content (ADW_TOOLBAR_VIEW (view), body);
  adw_navigation_page_set_title (page, title);
  adw_navigation_page_set_child (page, view);
  return ADW_PREFERENCES_PAGE (body);
}

AdwPreferencesGroup *
app_rows_group (AdwPreferencesPage *body, const char *title, const char *description)
{
  GtkWidget *group = adw_preferences_group_new ();

  if (title)
    adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (group), title);
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (group), description);
  adw_preferences_page_add (body, ADW_PREFERENCES_GROUP (group));
  return ADW_PREFERENCES_GROUP (group);
}
