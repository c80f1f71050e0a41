/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "doctor-page.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"
#include "../words.h"

struct _AppDoctorPage {
  AdwNavigationPage parent_instance;

  AppObject *manager;
  GCancellable *cancellable;
  AdwPreferencesGroup *wrong, *right;
  AppRows *wrong_rows, *right_rows;
  AdwBanner *banner;
  GtkButton *again;
  GtkWidget *firewalls;
};

G_DEFINE_FINAL_TYPE (AppDoctorPage, app_doctor_page, ADW_TYPE_NAVIGATION_PAGE)

static gboolean
is_well (const char *verdict)
{
  return g_str_equal (verdict, "ok") || g_str_equal (verdict, "fixed");
}

static GtkWidget *
make_row (GVariant *check, gpointer data)
{
  const char *name, *verdict, *found, *advice;
  GtkWidget *row = adw_action_row_new (), *icon;
  g_autofree char *text = NULL;

  g_variant_get (check, "(&s&s&s&s)", &name, &verdict, &found, &advice);
  icon =
      gtk_image_new_from_icon_name (is_well (verdict) ? "object-select-symbolic" : "dialog-warning-symbolic");
  gtk_widget_add_css_class (icon, is_well (verdict)                ? "success"
                                  : g_str_equal (verdict, "error") ? "error"
                                                                   : "warning");
  gtk_accessible_update_property (GTK_ACCESSIBLE (icon), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  is_well (verdict)                ? _ ("All right")
                                  : g_str_equal (verdict, "error") ? _ ("Error")
                                                                   : _ ("Warning"),
                                  -1);
  text = advice[0] && !is_well (verdict) ? g_strjoin (found[0] ? "\n" : "", found, advice, NULL)
                                         : g_strdup (found);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
  adw_action_row_set_subtitle_selectable (ADW_ACTION_ROW (row), TRUE);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
  return row;
}

/* What needs somebody comes first. */
static void
show_checks (AppDoctorPage *self, GVariant *checks)
{
  GVariantBuilder wrong, right;
  g_autoptr (GVariant) wrong_list = NULL;
  g_autoptr (GVariant) right_list = NULL;
  gboolean firewalls = FALSE;

  g_variant_builder_init (&wrong, G_VARIANT_TYPE ("a(ssss)"));
  g_variant_builder_init (&right, G_VARIANT_TYPE ("a(ssss)"));
  for (gsize i = 0; i < g_variant_n_children (checks); i++) {
    g_autoptr (GVariant) check = g_variant_get_child_value (checks, i);
    const char *name, *verdict;

    g_variant_get (check, "(&s&sss)", &name, &verdict, NULL, NULL);
    g_variant_builder_add_value (is_well (verdict) ? &right : &wrong, check);
    firewalls = firewalls || (g_str_has_prefix (name, "firewall") && g_str_equal (verdict, "warning"));
  }
  wrong_list = g_variant_ref_sink (g_variant_builder_end (&wrong));
  right_list = g_variant_ref_sink (g_variant_builder_end (&right));
  app_rows_set (self->wrong_rows, wrong_list);
  app_rows_set (self->right_rows, right_list);
  gtk_widget_set_visible (GTK_WIDGET (self->wrong), g_variant_n_children (wrong_list) > 0);
  gtk_widget_set_visible (GTK_WIDGET (self->right), g_variant_n_children (right_list) > 0);
  gtk_widget_set_visible (self->firewalls, firewalls);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppDoctorPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (GVariant) checks = NULL;

  /* The page was left, or it is asked anew. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  gtk_widget_set_sensitive (GTK_WIDGET (self->again), TRUE);
  if (answer) {
    checks = g_variant_get_child_value (answer, 0);
    show_checks (self, checks);
  } else if (!app_words_is_dismissal (error)) {
    adw_banner_set_title (self->banner, app_words_for_error (error));
  }
  adw_banner_set_revealed (self->banner, error && !app_words_is_dismissal (error));
}

/* What is still asked holds the page, which is not looked at any more. */
static void
cancel (AppDoctorPage *self)
{
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

static void
check (AppDoctorPage *self)
{
  cancel (self);
  self->cancellable = g_cancellable_new ();
  gtk_widget_set_sensitive (GTK_WIDGET (self->again), FALSE);
  app_object_call (self->manager, "Diagnose", NULL, NULL, self->cancellable, on_checked, g_object_ref (self));
}

static void
on_opened (GtkWidget *page, gboolean well, gpointer data)
{
  if (well)
    check (APP_DOCTOR_PAGE (page));
}

static void
open_firewalls (AppDoctorPage *self)
{
  app_report_call_full (GTK_WIDGET (self), self->manager, "OpenFirewalls", NULL, NULL,
                        _ ("The firewalls were not opened"), on_opened, NULL);
}

static GtkWidget *
make_firewalls (AppDoctorPage *self)
{
  GtkWidget *row = adw_action_row_new (), *button = gtk_button_new_with_mnemonic (_ ("_Open"));

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ ("Open Firewalls for Containers"));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row),
                               _ ("Lets what containers send and get pass. An administrator is asked."));
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_signal_connect_swapped (button, "clicked", G_CALLBACK (open_firewalls), self);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  return row;
}

AdwNavigationPage *
app_doctor_page_new (AppClient *client)
{
  AppDoctorPage *self = g_object_new (APP_TYPE_DOCTOR_PAGE, NULL);

  self->manager = g_object_ref (app_client_get_manager (client));
  g_signal_connect (self, "map", G_CALLBACK (check), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (cancel), NULL);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_doctor_page_dispose (GObject *object)
{
  AppDoctorPage *self = APP_DOCTOR_PAGE (object);

  cancel (self);
  g_clear_object (&self->manager);
  g_clear_pointer (&self->wrong_rows, app_rows_free);
  g_clear_pointer (&self->right_rows, app_rows_free);
  G_OBJECT_CLASS (app_doctor_page_parent_class)->dispose (object);
}

static void
app_doctor_page_class_init (AppDoctorPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_doctor_page_dispose;
}

static void
app_doctor_page_init (AppDoctorPage *self)
{
  GtkWidget *again = app_rows_button ("view-refresh-symbolic", _ ("Check Again"));
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Check This Computer"), again);
  AdwPreferencesGroup *firewalls;

  app_rows_group (body, NULL, _ ("What Bothy needs of this computer, and what to do where it is missing"));
  self->again = GTK_BUTTON (again);
  self->banner = ADW_BANNER (adw_banner_new (""));
  adw_banner_set_use_markup (self->banner, FALSE);
  /* A group of its own: one whose rows are all hidden shows the edge of its list. */
  firewalls = app_rows_group (body, NULL, NULL);
  adw_preferences_group_add (firewalls, make_firewalls (self));
  self->firewalls = GTK_WIDGET (firewalls);
  gtk_widget_set_visible (self->firewalls, FALSE);
  self->wrong = app_rows_group (body, _ ("Needs Attention"), NULL);
  self->right = app_rows_group (body, _ ("All Right"), NULL);
  self->wrong_rows = app_rows_new (self->wrong, make_row, self);
  self->right_rows = app_rows_new (self->right, make_row, self);
  adw_toolbar_view_add_top_bar (ADW_TOOLBAR_VIEW (adw_navigation_page_get_child (ADW_NAVIGATION_PAGE (self))),
                                GTK_WIDGET (self->banner));
  g_signal_connect_swapped (again, "clicked", G_CALLBACK (check), self);
}
