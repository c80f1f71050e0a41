/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "images-page.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>

#include "../create/offer.h"
#include "../report.h"
#include "../rows.h"
#include "image-row.h"

struct _AppImagesPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppWorks *works;
  GtkListBox *list;
  GtkSorter *sorter; /* by names */
};

G_DEFINE_FINAL_TYPE (AppImagesPage, app_images_page, ADW_TYPE_NAVIGATION_PAGE)

/* It may have another name, and its place with that. */
static void
on_image_changed (AppObject *image, GtkWidget *row)
{
  GtkWidget *page = gtk_widget_get_ancestor (row, APP_TYPE_IMAGES_PAGE);

  if (page)
    gtk_sorter_changed (APP_IMAGES_PAGE (page)->sorter, GTK_SORTER_CHANGE_DIFFERENT);
}

static GtkWidget *
make_row (gpointer item, gpointer data)
{
  AppImagesPage *self = APP_IMAGES_PAGE (data);
  GtkWidget *row = app_image_row_new (self->client, self->works, APP_OBJECT (item));

  g_signal_connect_object (item, "changed", G_CALLBACK (on_image_changed), row, 0);
  return row;
}

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  g_autofree char *first = app_offer_name_image (APP_OBJECT ((gpointer)a));
  g_autofree char *second = app_offer_name_image (APP_OBJECT ((gpointer)b));

  return g_utf8_collate (first, second);
}

/* A name of the file's that images can have: its beginning, up to the first dot. */
static char *
alias_of (GFile *file)
{
  g_autofree char *path = g_file_get_path (file);
  g_autofree char *base = g_filename_display_basename (path ? path : "");

  base[strcspn (base, ".")] = '\0';
  return app_offer_plain_name (base);
}

static void
open_file (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_autofree char *path = g_file_get_path (G_FILE (data));
  int fd = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  int number = path ? errno : EOPNOTSUPP;

  if (fd < 0)
    g_task_return_new_error (task, G_IO_ERROR, (int)g_io_error_from_errno (number), "%s",
                             g_strerror (number));
  else
    g_task_return_int (task, fd);
}

static void
on_file_opened (GObject *source, GAsyncResult *result, gpointer data)
{
  AppImagesPage *self = APP_IMAGES_PAGE (source);
  g_autoptr (GError) error = NULL;
  int fd = (int)g_task_propagate_int (G_TASK (result), &error);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autofree char *alias = alias_of (G_FILE (g_task_get_task_data (G_TASK (result))));
  GVariantBuilder options;

  if (error) {
    app_report (GTK_WIDGET (self), _ ("The image was not read"), error);
    return;
  }
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (alias[0])
    g_variant_builder_add (&options, "{sv}", "alias", g_variant_new_string (alias));
  app_report_operation (GTK_WIDGET (self), self->client, app_client_get_manager (self->client), "ImportImage",
                        g_variant_new ("(ha{sv})", 0, &options), fds, _ ("The image was not read"));
}

static void
on_chosen (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppImagesPage) self = data;
  g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (source), result, NULL);
  g_autoptr (GTask) task = NULL;

  if (file == NULL)
    return;
  task = g_task_new (self, NULL, on_file_opened, NULL);
  g_task_set_task_data (task, g_steal_pointer (&file), g_object_unref);
  g_task_run_in_thread (task, open_file);
}

static void
on_import (AppImagesPage *self)
{
  g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();

  gtk_file_dialog_set_title (dialog, _ ("Image to Read"));
  gtk_file_dialog_open (dialog, GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), NULL, on_chosen,
                        g_object_ref (self));
}

static void
build (AppImagesPage *self)
{
  GtkWidget *import = app_rows_button ("document-open-symbolic", _ ("Read a File…"));
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Images"), import);
  AdwPreferencesGroup *group = app_rows_group (
      body, NULL, _ ("What containers are made from. One that nobody uses can go; it can be had again."));

  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "boxed-list");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Images"),
                                  -1);
  adw_preferences_group_add (group, GTK_WIDGET (self->list));
  g_signal_connect_swapped (import, "clicked", G_CALLBACK (on_import), self);
}

AdwNavigationPage *
app_images_page_new (AppClient *client, AppWorks *works)
{
  AppImagesPage *self = g_object_new (APP_TYPE_IMAGES_PAGE, NULL);
  GtkSorter *sorter = GTK_SORTER (gtk_custom_sorter_new (compare, NULL, NULL));
  g_autoptr (GtkSortListModel) sorted =
      gtk_sort_list_model_new (g_object_ref (app_client_get_images (client)), g_object_ref (sorter));

  self->client = g_object_ref (client);
  self->works = g_object_ref (works);
  self->sorter = sorter;
  build (self);
  gtk_list_box_bind_model (self->list, G_LIST_MODEL (sorted), make_row, self, NULL);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_images_page_dispose (GObject *object)
{
  AppImagesPage *self = APP_IMAGES_PAGE (object);

  g_clear_object (&self->client);
  g_clear_object (&self->works);
  g_clear_object (&self->sorter);
  G_OBJECT_CLASS (app_images_page_parent_class)->dispose (object);
}

static void
app_images_page_class_init (AppImagesPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_images_page_dispose;
}

static void
app_images_page_init (AppImagesPage *self)
{
}
