/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "folders-page.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"
#include "share.h"
#include "volume.h"

struct _AppFoldersPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppObject *container;
  AppRows *rows;
};

G_DEFINE_FINAL_TYPE (AppFoldersPage, app_folders_page, ADW_TYPE_NAVIGATION_PAGE)

char *
app_folders_page_summary (AppObject *container)
{
  g_autoptr (GVariant) mounts = app_object_get (container, "Mounts", "aa{sv}");
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; mounts && i < g_variant_n_children (mounts); i++) {
    g_autoptr (GVariant) mount = g_variant_get_child_value (mounts, i);
    const char *source = "";

    g_variant_lookup (mount, "source", "&s", &source);
    g_string_append_printf (text, "%s%s", i ? ", " : "", source);
  }
  return g_strdup (text->len ? text->str : _ ("None of your folders"));
}

static void
update (AppFoldersPage *self)
{
  g_autoptr (GVariant) mounts = app_object_get (self->container, "Mounts", "aa{sv}");

  app_rows_set (self->rows, mounts);
}

static void
on_remove (GtkButton *button, GVariant *mount)
{
  AppFoldersPage *self =
      APP_FOLDERS_PAGE (gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_FOLDERS_PAGE));
  const char *destination = "";
  g_autofree char *what = NULL;

  g_variant_lookup (mount, "destination", "&s", &destination);
  what = g_strdup_printf (_ ("“%s” is still shared"), destination);
  app_report_call (GTK_WIDGET (self), self->container, "RemoveMount", g_variant_new ("(s)", destination),
                   what);
}

static void
on_open (GtkButton *button, GVariant *mount)
{
  const char *source = "";
  g_autoptr (GFile) file = NULL;
  g_autoptr (GtkFileLauncher) launcher = NULL;

  g_variant_lookup (mount, "source", "&s", &source);
  file = g_file_new_for_path (source);
  launcher = gtk_file_launcher_new (file);
  gtk_file_launcher_launch (launcher, GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (button))), NULL, NULL,
                            NULL);
}

static void
add_button (GtkWidget *row, const char *icon, const char *label, GCallback clicked, GVariant *mount)
{
  GtkWidget *button = app_rows_button (icon, label);

  g_signal_connect_data (button, "clicked", clicked, g_variant_ref (mount),
                         (GClosureNotify)(void (*) (void))g_variant_unref, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
}

static GtkWidget *
make_row (GVariant *mount, gpointer data)
{
  GtkWidget *row = adw_action_row_new ();
  const char *source = "", *destination = "";
  g_autoptr (GVariant) volume = g_variant_lookup_value (mount, "volume", G_VARIANT_TYPE_STRING);
  gboolean read_only = FALSE;
  g_autofree char *title = NULL;
  g_autofree char *subtitle = NULL;
  g_autofree char *stop = NULL;

  g_variant_lookup (mount, "source", "&s", &source);
  g_variant_lookup (mount, "destination", "&s", &destination);
  g_variant_lookup (mount, "read-only", "b", &read_only);
  /* Translators: where a folder is seen in the container. */
  subtitle = g_strdup_printf (read_only ? _ ("Seen as %s, read only") : _ ("Seen as %s"), destination);
  title = volume ? g_strdup_printf (_ ("Volume %s"), source) : g_strdup (source);
  stop = g_strdup_printf (volume ? _ ("Take Away Volume %s") : _ ("Stop Sharing %s"), source);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  if (!volume)
    add_button (row, "folder-open-symbolic", _ ("Open Folder"), G_CALLBACK (on_open), mount);
  add_button (row, "user-trash-symbolic", stop, G_CALLBACK (on_remove), mount);
  return row;
}

static void
on_add (AppFoldersPage *self)
{
  app_share_choose (GTK_WIDGET (self), self->container);
}

static void
on_add_volume (AppFoldersPage *self)
{
  app_volume_choose (GTK_WIDGET (self), self->client, self->container);
}

AdwNavigationPage *
app_folders_page_new (AppClient *client, AppObject *container)
{
  AppFoldersPage *self = g_object_new (APP_TYPE_FOLDERS_PAGE, NULL);
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Folders"), NULL);
  AdwPreferencesGroup *group = app_rows_group (
      body, NULL,
      _ ("Folders of yours that programs in the container see, and volumes, which stay when the container "
         "goes. Drop a folder here to share it."));

  self->client = g_object_ref (client);
  self->container = g_object_ref (container);
  adw_preferences_group_add (group, app_rows_link (_ ("Share a Folder…"), G_CALLBACK (on_add), self));
  adw_preferences_group_add (group, app_rows_link (_ ("Add a Volume…"), G_CALLBACK (on_add_volume), self));
  self->rows = app_rows_new (group, make_row, self);
  app_share_accept_drops (GTK_WIDGET (self), container);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_folders_page_dispose (GObject *object)
{
  AppFoldersPage *self = APP_FOLDERS_PAGE (object);

  g_clear_pointer (&self->rows, app_rows_free);
  g_clear_object (&self->container);
  g_clear_object (&self->client);
  G_OBJECT_CLASS (app_folders_page_parent_class)->dispose (object);
}

static void
app_folders_page_class_init (AppFoldersPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_folders_page_dispose;
}

static void
app_folders_page_init (AppFoldersPage *self)
{
}
