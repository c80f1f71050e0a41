/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "volumes-page.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"
#include "../words.h"

struct _AppVolumesPage {
  AdwNavigationPage parent_instance;

  AppObject *manager;
  GCancellable *cancellable;
  GtkEditable *name;
  AdwActionRow *none; /* in place of rows, where there are none */
  AppRows *rows;
};

G_DEFINE_FINAL_TYPE (AppVolumesPage, app_volumes_page, ADW_TYPE_NAVIGATION_PAGE)

static const char *
name_of (GVariant *volume)
{
  const char *name = "";

  g_variant_lookup (volume, "name", "&s", &name);
  return name;
}

/* ---- what there is ---- */

static void
on_listed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppVolumesPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (GVariant) volumes = answer ? g_variant_get_child_value (answer, 0) : NULL;

  /* The page was left, or it is asked anew. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->none),
                                 volumes ? _ ("No Volumes") : _ ("Your Volumes Can Not Be Listed"));
  adw_action_row_set_subtitle (self->none, volumes ? _ ("Make one here, or add one to a container.")
                                                   : app_words_for_error (error));
  gtk_widget_set_visible (GTK_WIDGET (self->none), !volumes || g_variant_n_children (volumes) == 0);
  /* Their sizes are asked for with the rows. */
  app_rows_forget (self->rows);
  app_rows_set (self->rows, volumes);
}

static void
cancel (AppVolumesPage *self)
{
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

static void
look (AppVolumesPage *self)
{
  cancel (self);
  if (!gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  self->cancellable = g_cancellable_new ();
  app_object_ask (self->manager, "ListVolumes", NULL, self->cancellable, on_listed, g_object_ref (self));
}

/* ---- what is done ---- */

/* Whatever came of it, that is what there is now. */
static void
on_done (GtkWidget *page, gboolean well, gpointer data)
{
  look (APP_VOLUMES_PAGE (page));
}

static void
on_made (GtkWidget *page, gboolean well, gpointer data)
{
  if (well)
    gtk_editable_set_text (APP_VOLUMES_PAGE (page)->name, "");
  look (APP_VOLUMES_PAGE (page));
}

static void
on_make (AppVolumesPage *self)
{
  app_report_call_full (GTK_WIDGET (self), self->manager, "CreateVolume",
                        g_variant_new ("(sa{sv})", gtk_editable_get_text (self->name), NULL), NULL,
                        _ ("No volume was made"), on_made, NULL);
}

static void
on_delete_response (AdwAlertDialog *dialog, const char *response, AppVolumesPage *self)
{
  const char *name = g_object_get_data (G_OBJECT (dialog), "volume");
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not deleted"), name);

  if (g_str_equal (response, "delete"))
    app_report_call_full (GTK_WIDGET (self), self->manager, "DeleteVolume", g_variant_new ("(s)", name), NULL,
                          what, on_done, NULL);
}

static void
on_delete (GtkButton *button, GVariant *volume)
{
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_VOLUMES_PAGE);
  AdwDialog *dialog = adw_alert_dialog_new (NULL, _ ("All files in it are lost."));

  adw_alert_dialog_format_heading (ADW_ALERT_DIALOG (dialog), _ ("Delete “%s”?"), name_of (volume));
  adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "delete", _ ("_Delete"),
                                  NULL);
  adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "delete", ADW_RESPONSE_DESTRUCTIVE);
  g_object_set_data_full (G_OBJECT (dialog), "volume", g_strdup (name_of (volume)), g_free);
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_delete_response), page, 0);
  adw_dialog_present (dialog, page);
}

/* ---- how it looks ---- */

/* Its size, where that is counted, and who has it. */
static char *
describe (GVariant *volume)
{
  g_autofree const char **containers = NULL;
  g_autofree char *size = NULL, *list = NULL, *users = NULL, *when = NULL, *made = NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  guint64 disk, max, created = 0;

  g_variant_lookup (volume, "created-at", "t", &created);
  when = app_words_when (created, now);
  if (g_variant_lookup (volume, "disk", "t", &disk)) {
    g_autofree char *used = g_format_size (disk);
    g_autofree char *bound = g_variant_lookup (volume, "disk-max", "t", &max) ? g_format_size (max) : NULL;

    /* Translators: how large a volume is, and how large it may become. */
    size = bound ? g_strdup_printf (_ ("%s of %s"), used, bound) : g_strdup (used);
  }
  g_variant_lookup (volume, "containers", "^a&s", &containers);
  list = containers ? g_strjoinv (", ", (char **)containers) : g_strdup ("");
  /* Translators: of a volume, with the names of containers. */
  users = list[0] ? g_strdup_printf (_ ("In %s"), list) : g_strdup (_ ("In no container"));
  /* Translators: of a volume, with a moment such as "today at 10:45". */
  made = g_strdup_printf (_ ("made %s"), when);
  return size ? g_strjoin (" · ", size, users, made, NULL) : g_strjoin (" · ", users, made, NULL);
}

static void
on_size (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AdwActionRow) row = data;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, NULL);
  g_autoptr (GVariant) volume = answer ? g_variant_get_child_value (answer, 0) : NULL;
  g_autofree char *subtitle = volume ? describe (volume) : NULL;

  if (subtitle)
    adw_action_row_set_subtitle (row, subtitle);
}

static GtkWidget *
make_row (GVariant *volume, gpointer data)
{
  AppVolumesPage *self = APP_VOLUMES_PAGE (data);
  GtkWidget *row = adw_action_row_new (), *button;
  g_autofree const char **containers = NULL;
  g_autofree char *subtitle = describe (volume);
  g_autofree char *label = g_strdup_printf (_ ("Delete %s"), name_of (volume));

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name_of (volume));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  button = app_rows_button ("user-trash-symbolic", label);
  g_signal_connect_data (button, "clicked", G_CALLBACK (on_delete), g_variant_ref (volume),
                         (GClosureNotify)(void (*) (void))g_variant_unref, 0);
  g_variant_lookup (volume, "containers", "^a&s", &containers);
  gtk_widget_set_sensitive (button, !containers || !containers[0]);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  app_object_ask (self->manager, "GetVolume", g_variant_new ("(s)", name_of (volume)), NULL, on_size,
                  g_object_ref_sink (row));
  return row;
}

static void
build (AppVolumesPage *self)
{
  GtkWidget *again = app_rows_button ("view-refresh-symbolic", _ ("Look Again"));
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Volumes"), again);
  AdwPreferencesGroup *making = app_rows_group (
      body, NULL,
      _ ("Folders that belong to no container, and stay when containers go. One that a container has "
         "can not be deleted."));
  AdwPreferencesGroup *group = app_rows_group (body, NULL, NULL);
  GtkWidget *name = adw_entry_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (name), _ ("Name"));
  adw_preferences_group_add (making, name);
  adw_preferences_group_add (making, app_rows_link (_ ("Make a Volume"), G_CALLBACK (on_make), self));
  self->name = GTK_EDITABLE (name);
  self->none = app_rows_none (group);
  self->rows = app_rows_new (group, make_row, self);
  g_signal_connect_swapped (again, "clicked", G_CALLBACK (look), self);
}

AdwNavigationPage *
app_volumes_page_new (AppClient *client)
{
  AppVolumesPage *self = g_object_new (APP_TYPE_VOLUMES_PAGE, NULL);

  self->manager = g_object_ref (app_client_get_manager (client));
  build (self);
  g_signal_connect_after (self, "map", G_CALLBACK (look), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (cancel), NULL);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_volumes_page_dispose (GObject *object)
{
  AppVolumesPage *self = APP_VOLUMES_PAGE (object);

  cancel (self);
  g_clear_pointer (&self->rows, app_rows_free);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (app_volumes_page_parent_class)->dispose (object);
}

static void
app_volumes_page_class_init (AppVolumesPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_volumes_page_dispose;
}

static void
app_volumes_page_init (AppVolumesPage *self)
{
}
