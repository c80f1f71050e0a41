/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "create-dialog.h"

#include <glib/gi18n.h>

#include "../words.h"
#include "offer.h"

struct _AppCreateDialog {
  AdwDialog parent_instance;

  AppClient *client;
  AppWorks *works;
  GCancellable *cancellable;
  GListStore *found; /* of servers' catalogues */
  GListStore *typed; /* the image of a registry that was typed, if it looks like one */
  GListModel *shown;
  GtkCustomFilter *filter;
  AppOffer *chosen;

  AdwNavigationView *pages;
  GtkSearchEntry *search;
  AdwBanner *banner;
  GtkStack *stack;
  GtkListView *list;
  GtkWidget *looking;
  AdwActionRow *image;
  AdwEntryRow *name;
  AdwSwitchRow *account;
  AdwSwitchRow *network;
  AdwSwitchRow *nesting;
  GtkLabel *hint;
  GtkWidget *make;
};

G_DEFINE_FINAL_TYPE (AppCreateDialog, app_create_dialog, ADW_TYPE_DIALOG)

/* ---- which images there are ---- */

static void
on_shown_changed (AppCreateDialog *self)
{
  gboolean any = g_list_model_get_n_items (self->shown) > 0 || gtk_widget_get_visible (self->looking);

  gtk_stack_set_visible_child_name (self->stack, any ? "list" : "nothing");
}

static void
on_search_changed (AppCreateDialog *self)
{
  g_autoptr (AppOffer) offer = app_offer_new_typed (gtk_editable_get_text (GTK_EDITABLE (self->search)));

  g_list_store_remove_all (self->typed);
  if (offer)
    g_list_store_append (self->typed, offer);
  gtk_filter_changed (GTK_FILTER (self->filter), GTK_FILTER_CHANGE_DIFFERENT);
  on_shown_changed (self);
}

static gboolean
matches (gpointer item, gpointer data)
{
  AppCreateDialog *self = APP_CREATE_DIALOG (data);

  return app_offer_matches (APP_OFFER (item), gtk_editable_get_text (GTK_EDITABLE (self->search)));
}

/* Of a server that did not answer there is a line that says so. */
static void
take_in_found (AppCreateDialog *self, GVariant *images)
{
  g_autoptr (GString) silent = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (images); i++) {
    g_autoptr (GVariant) found = g_variant_get_child_value (images, i);
    g_autoptr (AppOffer) offer = NULL;
    const char *remote = "", *error;

    g_variant_lookup (found, "remote", "&s", &remote);
    if (g_variant_lookup (found, "error", "&s", &error))
      g_string_append_printf (silent, "%s%s", silent->len ? ", " : "", remote);
    else if ((offer = app_offer_new_found (found)))
      g_list_store_append (self->found, offer);
  }
  if (silent->len) {
    g_autofree char *text = g_strdup_printf (_ ("Image servers that do not answer: %s"), silent->str);

    adw_banner_set_title (self->banner, text);
    adw_banner_set_revealed (self->banner, TRUE);
  }
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppCreateDialog) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (GVariant) images = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  gtk_widget_set_visible (self->looking, FALSE);
  if (answer) {
    images = g_variant_get_child_value (answer, 0);
    take_in_found (self, images);
  } else {
    adw_banner_set_title (self->banner, app_words_for_error (error));
    adw_banner_set_revealed (self->banner, TRUE);
  }
  on_shown_changed (self);
}

static gpointer
offer_of_image (gpointer image, gpointer data)
{
  g_autoptr (AppObject) taken = APP_OBJECT (image);

  return app_offer_new_image (taken);
}

/* Three lists, one below the other: what is here, what servers have, what was typed. */
static void
gather (AppCreateDialog *self)
{
  GListModel *images = app_client_get_images (self->client);
  g_autoptr (GListStore) lists = g_list_store_new (G_TYPE_LIST_MODEL);
  g_autoptr (GtkMapListModel) here =
      gtk_map_list_model_new (g_object_ref (images), offer_of_image, NULL, NULL);
  GtkFlattenListModel *all;
  GtkFilterListModel *filtered;

  g_list_store_append (lists, self->typed);
  g_list_store_append (lists, here);
  g_list_store_append (lists, self->found);
  all = gtk_flatten_list_model_new (G_LIST_MODEL (g_steal_pointer (&lists)));
  self->filter = gtk_custom_filter_new (matches, self, NULL);
  filtered = gtk_filter_list_model_new (G_LIST_MODEL (all), GTK_FILTER (g_object_ref (self->filter)));
  self->shown = G_LIST_MODEL (filtered);
  g_signal_connect_object (self->shown, "items-changed", G_CALLBACK (on_shown_changed), self,
                           G_CONNECT_SWAPPED);
}

/* ---- how they are shown ---- */

static void
on_row_setup (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  g_autoptr (GtkBuilder) builder = gtk_builder_new_from_resource ("/org/bothy/Bothy/create/offer-row.ui");

  gtk_list_item_set_child (item, GTK_WIDGET (gtk_builder_get_object (builder, "row")));
  g_object_set_data (G_OBJECT (item), "title", gtk_builder_get_object (builder, "title"));
  g_object_set_data (G_OBJECT (item), "detail", gtk_builder_get_object (builder, "detail"));
  g_object_set_data (G_OBJECT (item), "badge", gtk_builder_get_object (builder, "badge"));
}

static void
on_row_bind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  AppOffer *offer = APP_OFFER (gtk_list_item_get_item (item));
  GtkWidget *badge = g_object_get_data (G_OBJECT (item), "badge");

  gtk_label_set_label (g_object_get_data (G_OBJECT (item), "title"), app_offer_get_title (offer));
  gtk_label_set_label (g_object_get_data (G_OBJECT (item), "detail"), app_offer_get_detail (offer));
  gtk_label_set_label (GTK_LABEL (badge), app_offer_get_badge (offer));
  gtk_widget_set_css_classes (
      badge, (const char *[]){ "caption", app_offer_is_signed (offer) ? "success" : "dim-label", NULL });
  gtk_list_item_set_accessible_label (item, app_offer_get_title (offer));
  gtk_list_item_set_accessible_description (item, app_offer_get_detail (offer));
}

static void
show_list (AppCreateDialog *self)
{
  g_autoptr (GtkListItemFactory) rows = gtk_signal_list_item_factory_new ();
  g_autoptr (GtkSelectionModel) model =
      GTK_SELECTION_MODEL (gtk_no_selection_new (g_object_ref (self->shown)));

  g_signal_connect (rows, "setup", G_CALLBACK (on_row_setup), NULL);
  g_signal_connect (rows, "bind", G_CALLBACK (on_row_bind), NULL);
  gtk_list_view_set_factory (self->list, rows);
  gtk_list_view_set_model (self->list, model);
}

/* ---- what it is to be ---- */

static gboolean
name_is_taken (AppCreateDialog *self, const char *name)
{
  return app_client_find (app_client_get_containers (self->client), "Name", name) != NULL;
}

static char *
free_name (AppCreateDialog *self)
{
  g_autofree char *base = app_offer_dup_name (self->chosen);

  if (!name_is_taken (self, base))
    return g_steal_pointer (&base);
  for (guint i = 2;; i++) {
    g_autofree char *name = g_strdup_printf ("%s-%u", base, i);

    if (!name_is_taken (self, name))
      return g_steal_pointer (&name);
  }
}

static const char *
what_is_wrong (AppCreateDialog *self)
{
  const char *name = gtk_editable_get_text (GTK_EDITABLE (self->name));

  if (!g_regex_match_simple ("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name, G_REGEX_DOLLAR_ENDONLY, 0))
    return _ ("A name has small letters from a to z, digits, and dashes between them.");
  return name_is_taken (self, name) ? _ ("There is a container with this name already.") : NULL;
}

static void
on_name_changed (AppCreateDialog *self)
{
  const char *wrong = what_is_wrong (self);
  gboolean empty = gtk_editable_get_text (GTK_EDITABLE (self->name))[0] == '\0';

  gtk_label_set_label (self->hint, wrong ? wrong : "");
  gtk_widget_set_visible (GTK_WIDGET (self->hint), wrong && !empty);
  gtk_widget_set_sensitive (self->make, wrong == NULL);
  if (wrong && !empty)
    gtk_widget_add_css_class (GTK_WIDGET (self->name), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->name), "error");
}

static GVariant *
options (AppCreateDialog *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (adw_switch_row_get_active (self->account))
    g_variant_builder_add (&builder, "{sv}", "account", g_variant_new_string (g_get_user_name ()));
  if (!adw_switch_row_get_active (self->network))
    g_variant_builder_add (&builder, "{sv}", "network", g_variant_new_string ("none"));
  if (adw_switch_row_get_active (self->nesting))
    g_variant_builder_add (&builder, "{sv}", "nesting", g_variant_new_boolean (TRUE));
  return g_variant_builder_end (&builder);
}

static void
on_make (AppCreateDialog *self)
{
  if (self->chosen == NULL || what_is_wrong (self))
    return;
  app_works_make (self->works, gtk_editable_get_text (GTK_EDITABLE (self->name)),
                  app_offer_get_reference (self->chosen), options (self));
  adw_dialog_close (ADW_DIALOG (self));
}

static void
choose (AppCreateDialog *self, AppOffer *offer)
{
  g_autofree char *name = NULL;

  g_set_object (&self->chosen, offer);
  name = free_name (self);
  adw_action_row_set_subtitle (self->image, app_offer_get_title (offer));
  gtk_editable_set_text (GTK_EDITABLE (self->name), name);
  on_name_changed (self);
}

static void
on_activate (AppCreateDialog *self, guint position)
{
  g_autoptr (AppOffer) offer = g_list_model_get_item (self->shown, position);

  choose (self, offer);
  adw_navigation_view_push_by_tag (self->pages, "options");
  gtk_widget_grab_focus (GTK_WIDGET (self->name));
}

AdwDialog *
app_create_dialog_new (AppClient *client, AppWorks *works, AppObject *image)
{
  AppCreateDialog *self = g_object_new (APP_TYPE_CREATE_DIALOG, NULL);

  self->client = g_object_ref (client);
  self->works = g_object_ref (works);
  gather (self);
  if (image) {
    g_autoptr (AppOffer) offer = app_offer_new_image (image);

    choose (self, offer);
    adw_navigation_view_replace_with_tags (self->pages, (const char *const[]){ "options" }, 1);
  } else {
    show_list (self);
    app_object_ask (app_client_get_manager (client), "SearchImages", g_variant_new ("(sa{sv})", "", NULL),
                    self->cancellable, on_found, g_object_ref (self));
  }
  return ADW_DIALOG (self);
}

/* Image servers may take long to answer, and the question holds the dialog. */
static void
on_closed (AppCreateDialog *self)
{
  g_cancellable_cancel (self->cancellable);
}

static void
app_create_dialog_finalize (GObject *object)
{
  g_clear_object (&APP_CREATE_DIALOG (object)->cancellable);
  G_OBJECT_CLASS (app_create_dialog_parent_class)->finalize (object);
}

static void
app_create_dialog_dispose (GObject *object)
{
  AppCreateDialog *self = APP_CREATE_DIALOG (object);

  g_cancellable_cancel (self->cancellable);
  /* The list may be looked through once more while it goes. */
  if (self->filter)
    gtk_custom_filter_set_filter_func (self->filter, NULL, NULL, NULL);
  g_clear_object (&self->shown);
  g_clear_object (&self->filter);
  g_clear_object (&self->found);
  g_clear_object (&self->typed);
  g_clear_object (&self->chosen);
  g_clear_object (&self->works);
  g_clear_object (&self->client);
  gtk_widget_dispose_template (GTK_WIDGET (self), APP_TYPE_CREATE_DIALOG);
  G_OBJECT_CLASS (app_create_dialog_parent_class)->dispose (object);
}

static void
app_create_dialog_class_init (AppCreateDialogClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = app_create_dialog_dispose;
  G_OBJECT_CLASS (class)->finalize = app_create_dialog_finalize;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/bothy/Bothy/create/create-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, pages);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, search);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, banner);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, stack);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, list);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, looking);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, image);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, name);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, account);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, network);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, nesting);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, hint);
  gtk_widget_class_bind_template_child (widget_class, AppCreateDialog, make);
  gtk_widget_class_bind_template_callback (widget_class, on_search_changed);
  gtk_widget_class_bind_template_callback (widget_class, on_activate);
  gtk_widget_class_bind_template_callback (widget_class, on_name_changed);
  gtk_widget_class_bind_template_callback (widget_class, on_make);
}

static void
app_create_dialog_init (AppCreateDialog *self)
{
  self->cancellable = g_cancellable_new ();
  self->found = g_list_store_new (APP_TYPE_OFFER);
  self->typed = g_list_store_new (APP_TYPE_OFFER);
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (self, "closed", G_CALLBACK (on_closed), NULL);
}
