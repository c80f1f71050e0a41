/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "volume.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "../report.h"

/* A volume on its way into a container. */
typedef struct {
  GWeakRef near, overlay; /* who asked may have left the page since */
  AppObject *manager;
  AppObject *container;
  GtkStringList *volumes; /* names, and a last line for a new one */
  AdwComboRow *which;     /* these are the dialog's, as long as it is there */
  AdwEntryRow *name, *inside;
  AdwSwitchRow *read_only;
  char *suggested; /* the place that was proposed last */
  char *volume, *destination;
  gboolean reads_only;
  gboolean made; /* it was made for this, and goes again if it can not be added */
} Adding;

static void
adding_free (Adding *adding)
{
  g_weak_ref_clear (&adding->near);
  g_weak_ref_clear (&adding->overlay);
  g_object_unref (adding->manager);
  g_object_unref (adding->container);
  g_clear_object (&adding->volumes);
  g_free (adding->suggested);
  g_free (adding->volume);
  g_free (adding->destination);
  g_free (adding);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Adding, adding_free)

static void
tell_failure (Adding *adding, const GError *error)
{
  g_autoptr (AdwToastOverlay) overlay = g_weak_ref_get (&adding->overlay);
  g_autofree char *what = g_strdup_printf (_ ("The volume “%s” was not added"), adding->volume);

  if (overlay)
    app_report_in (overlay, what, error);
}

static void
on_unmade (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, NULL);
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Adding) adding = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);

  if (answer)
    return;
  tell_failure (adding, error);
  if (adding->made)
    app_object_ask (adding->manager, "DeleteVolume", g_variant_new ("(s)", adding->volume), NULL, on_unmade,
                    NULL);
}

static void
add (Adding *adding)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "read-only", g_variant_new_boolean (adding->reads_only));
  app_object_call (adding->container, "AddVolume",
                   g_variant_new ("(ssa{sv})", adding->volume, adding->destination, &options), NULL, NULL,
                   on_added, adding);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Adding) adding = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);

  if (answer == NULL) {
    tell_failure (adding, error);
    return;
  }
  adding->made = TRUE;
  add (g_steal_pointer (&adding));
}

/* ---- the question ---- */

static gboolean
is_new (Adding *adding)
{
  return adw_combo_row_get_selected (adding->which) + 1 ==
         g_list_model_get_n_items (G_LIST_MODEL (adding->volumes));
}

static const char *
chosen_name (Adding *adding)
{
  return is_new (adding)
             ? gtk_editable_get_text (GTK_EDITABLE (adding->name))
             : gtk_string_list_get_string (adding->volumes, adw_combo_row_get_selected (adding->which));
}

/* A place is proposed until the person writes another one. */
static void
on_chosen (Adding *adding)
{
  GtkEditable *inside = GTK_EDITABLE (adding->inside);
  gboolean proposed = g_strcmp0 (gtk_editable_get_text (inside), adding->suggested) == 0;

  gtk_widget_set_visible (GTK_WIDGET (adding->name), is_new (adding));
  g_free (adding->suggested);
  adding->suggested = g_strconcat ("/mnt/", chosen_name (adding), NULL);
  if (proposed)
    gtk_editable_set_text (inside, adding->suggested);
}

static void
on_response (AdwAlertDialog *dialog, const char *response, gpointer data)
{
  g_autoptr (Adding) adding = data;

  g_signal_handlers_disconnect_by_func (adding->which, on_chosen, adding);
  g_signal_handlers_disconnect_by_func (adding->name, on_chosen, adding);
  if (!g_str_equal (response, "add"))
    return;
  adding->volume = g_strdup (chosen_name (adding));
  adding->destination = g_strdup (gtk_editable_get_text (GTK_EDITABLE (adding->inside)));
  adding->reads_only = adw_switch_row_get_active (adding->read_only);
  if (is_new (adding))
    app_object_call (adding->manager, "CreateVolume", g_variant_new ("(sa{sv})", adding->volume, NULL), NULL,
                     NULL, on_made, adding);
  else
    add (adding);
  g_steal_pointer (&adding);
}

static GtkWidget *
add_row (GtkWidget *list, GtkWidget *row, const char *title)
{
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  gtk_list_box_append (GTK_LIST_BOX (list), row);
  return row;
}

static GtkWidget *
make_fields (Adding *adding)
{
  GtkWidget *list = gtk_list_box_new ();

  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  adding->which = ADW_COMBO_ROW (add_row (list, adw_combo_row_new (), _ ("Volume")));
  adding->name = ADW_ENTRY_ROW (add_row (list, adw_entry_row_new (), _ ("Name of the New Volume")));
  adding->inside = ADW_ENTRY_ROW (add_row (list, adw_entry_row_new (), _ ("Folder inside")));
  adding->read_only = ADW_SWITCH_ROW (add_row (list, adw_switch_row_new (), _ ("Read only")));
  adw_combo_row_set_model (adding->which, G_LIST_MODEL (adding->volumes));
  gtk_widget_set_visible (GTK_WIDGET (adding->which),
                          g_list_model_get_n_items (G_LIST_MODEL (adding->volumes)) > 1);
  gtk_editable_set_text (GTK_EDITABLE (adding->name), "data");
  adding->suggested = g_strdup ("");
  on_chosen (adding);
  g_signal_connect_swapped (adding->which, "notify::selected", G_CALLBACK (on_chosen), adding);
  g_signal_connect_swapped (adding->name, "changed", G_CALLBACK (on_chosen), adding);
  return list;
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Adding) adding = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (GVariant) volumes = answer ? g_variant_get_child_value (answer, 0) : NULL;
  g_autoptr (GtkWidget) near = g_weak_ref_get (&adding->near);
  AdwDialog *dialog;

  if (near == NULL)
    return;
  if (volumes == NULL) {
    app_report (near, _ ("Your volumes can not be listed"), error);
    return;
  }
  for (gsize i = 0; i < g_variant_n_children (volumes); i++) {
    g_autoptr (GVariant) volume = g_variant_get_child_value (volumes, i);
    const char *name = "";

    g_variant_lookup (volume, "name", "&s", &name);
    gtk_string_list_append (adding->volumes, name);
  }
  gtk_string_list_append (adding->volumes, _ ("A new one"));
  dialog = adw_alert_dialog_new (
      NULL, _ ("A volume keeps its files when the container goes, and several containers can have it."));
  adw_alert_dialog_format_heading (ADW_ALERT_DIALOG (dialog), _ ("Add a Volume to “%s”?"),
                                   app_object_text (adding->container, "Name"));
  adw_alert_dialog_set_extra_child (ADW_ALERT_DIALOG (dialog), make_fields (adding));
  adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "add", _ ("_Add"),
                                  NULL);
  adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "add", ADW_RESPONSE_SUGGESTED);
  adw_alert_dialog_set_default_response (ADW_ALERT_DIALOG (dialog), "add");
  g_signal_connect (dialog, "response", G_CALLBACK (on_response), g_steal_pointer (&adding));
  adw_dialog_present (dialog, near);
}

void
app_volume_choose (GtkWidget *near, AppClient *client, AppObject *container)
{
  Adding *adding = g_new0 (Adding, 1);

  g_weak_ref_init (&adding->near, near);
  g_weak_ref_init (&adding->overlay, app_report_overlay (near));
  adding->manager = g_object_ref (app_client_get_manager (client));
  adding->container = g_object_ref (container);
  adding->volumes = gtk_string_list_new (NULL);
  app_object_ask (adding->manager, "ListVolumes", NULL, NULL, on_listed, adding);
}
