/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "image-row.h"

#include <glib/gi18n.h>

#include "../create/create-dialog.h"
#include "../create/offer.h"
#include "../report.h"
#include "../words.h"

struct _AppImageRow {
  AdwExpanderRow parent_instance;

  AppClient *client;
  AppWorks *works;
  AppObject *image;
  AdwActionRow *names, *origin, *checked, *support, *fingerprint;
  GtkWidget *refresh, *remove;
};

G_DEFINE_FINAL_TYPE (AppImageRow, app_image_row, ADW_TYPE_EXPANDER_ROW)

static void
show_field (AdwActionRow *row, const char *text)
{
  gtk_widget_set_visible (GTK_WIDGET (row), text && text[0]);
  adw_action_row_set_subtitle (row, text ? text : "");
}

static char *
support_text (AppObject *image)
{
  guint64 end = app_object_number (image, "ExpiresAt");
  g_autoptr (GDateTime) date = end ? g_date_time_new_from_unix_local ((gint64)(end / G_USEC_PER_SEC)) : NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  if (date == NULL)
    return NULL;
  return g_date_time_format (date, g_date_time_compare (date, now) > 0
                                       ? _ ("Until %x")
                                       : _ ("Ended on %x: it gets no security updates any more"));
}

static gboolean
is_pulled (AppObject *image)
{
  const char *origin = app_object_text (image, "Origin");

  return origin[0] && !g_str_equal (origin, "builtin") && !g_str_equal (origin, "import");
}

static void
update (AppImageRow *self)
{
  g_autofree char *name = app_offer_name_image (self->image);
  g_auto (GStrv) aliases = app_object_texts (self->image, "Aliases");
  g_autofree char *all = g_strjoinv (", ", aliases);
  g_autofree char *size = g_format_size (app_object_number (self->image, "Size"));
  const char *verified = app_object_text (self->image, "Verified");
  const char *origin = app_object_text (self->image, "Origin");
  gboolean built_in = g_str_equal (origin, "builtin");
  g_autofree char *subtitle = g_strdup_printf ("%s · %s", size, app_words_verified (verified));
  g_autofree char *support = support_text (self->image);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), name);
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (self), built_in ? size : subtitle);
  show_field (self->names, all);
  show_field (self->origin, built_in                         ? _ ("Comes with Bothy")
                            : g_str_equal (origin, "import") ? _ ("A file")
                                                             : origin);
  show_field (self->checked,
              g_str_has_prefix (verified, "signature:") ? verified + strlen ("signature:") : NULL);
  show_field (self->support, support);
  show_field (self->fingerprint, app_object_text (self->image, "Fingerprint"));
  gtk_widget_set_visible (self->refresh, is_pulled (self->image));
  gtk_widget_set_visible (self->remove, !built_in);
}

static void
on_make (AppImageRow *self)
{
  adw_dialog_present (app_create_dialog_new (self->client, self->works, self->image), GTK_WIDGET (self));
}

static void
on_refresh (AppImageRow *self)
{
  g_autofree char *name = app_offer_name_image (self->image);
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not updated"), name);

  app_report_operation (GTK_WIDGET (self), self->client, self->image, "Refresh",
                        g_variant_new ("(a{sv})", NULL), NULL, what);
}

static void
remove_image (AppImageRow *self)
{
  g_autofree char *name = app_offer_name_image (self->image);
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not removed"), name);

  app_report_call (GTK_WIDGET (self), self->image, "Remove", NULL, what);
}

static void
on_remove_response (AdwAlertDialog *dialog, const char *response, AppImageRow *self)
{
  if (g_str_equal (response, "remove"))
    remove_image (self);
}

/* What a server has can be had again; what was read from a file or made here can not. */
static void
on_remove (AppImageRow *self)
{
  g_autofree char *name = app_offer_name_image (self->image);
  AdwDialog *dialog;

  if (is_pulled (self->image)) {
    remove_image (self);
    return;
  }
  dialog =
      adw_alert_dialog_new (NULL, _ ("It came from no image server, and can not be got again from one."));
  adw_alert_dialog_format_heading (ADW_ALERT_DIALOG (dialog), _ ("Remove “%s”?"), name);
  adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "remove", _ ("_Remove"),
                                  NULL);
  adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "remove", ADW_RESPONSE_DESTRUCTIVE);
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_remove_response), self, 0);
  adw_dialog_present (dialog, GTK_WIDGET (self));
}

static AdwActionRow *
add_field (AppImageRow *self, const char *title)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle_selectable (ADW_ACTION_ROW (row), TRUE);
  gtk_widget_add_css_class (row, "property");
  adw_expander_row_add_row (ADW_EXPANDER_ROW (self), row);
  return ADW_ACTION_ROW (row);
}

static GtkWidget *
add_button (AppImageRow *self, GtkWidget *box, const char *label, const char *class, GCallback clicked)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (label);

  if (class)
    gtk_widget_add_css_class (button, class);
  g_signal_connect_swapped (button, "clicked", clicked, self);
  gtk_box_append (GTK_BOX (box), button);
  return button;
}

static void
add_buttons (AppImageRow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6), *row = adw_preferences_row_new ();

  gtk_widget_set_margin_top (box, 9);
  gtk_widget_set_margin_bottom (box, 9);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);
  add_button (self, box, _ ("_New Container…"), "suggested-action", G_CALLBACK (on_make));
  self->refresh = add_button (self, box, _ ("_Update"), NULL, G_CALLBACK (on_refresh));
  self->remove = add_button (self, box, _ ("_Remove"), "destructive-action", G_CALLBACK (on_remove));
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  adw_expander_row_add_row (ADW_EXPANDER_ROW (self), row);
}

GtkWidget *
app_image_row_new (AppClient *client, AppWorks *works, AppObject *image)
{
  AppImageRow *self = g_object_new (APP_TYPE_IMAGE_ROW, NULL);

  self->client = g_object_ref (client);
  self->works = g_object_ref (works);
  self->image = g_object_ref (image);
  g_signal_connect_object (image, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return GTK_WIDGET (self);
}

static void
app_image_row_dispose (GObject *object)
{
  AppImageRow *self = APP_IMAGE_ROW (object);

  g_clear_object (&self->client);
  g_clear_object (&self->works);
  g_clear_object (&self->image);
  G_OBJECT_CLASS (app_image_row_parent_class)->dispose (object);
}

static void
app_image_row_class_init (AppImageRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_image_row_dispose;
}

static void
app_image_row_init (AppImageRow *self)
{
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self), FALSE);
  self->names = add_field (self, _ ("Names"));
  self->origin = add_field (self, _ ("Comes From"));
  self->checked = add_field (self, _ ("Signed With"));
  self->support = add_field (self, _ ("Supported"));
  self->fingerprint = add_field (self, _ ("Fingerprint"));
  add_buttons (self);
}
