/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "share.h"

#include <adwaita.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <unistd.h>

#include "../report.h"

/* A folder on its way into a container. */
typedef struct {
  GWeakRef near;
  AppObject *container;
  GFile *folder;
  AdwEntryRow *destination_row; /* the dialog's, as long as it is there */
  AdwSwitchRow *read_only_row;
  char *destination;
  gboolean read_only;
} Share;

static void
share_free (Share *share)
{
  g_weak_ref_clear (&share->near);
  g_object_unref (share->container);
  g_object_unref (share->folder);
  g_free (share->destination);
  g_free (share);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Share, share_free)

/* Names of files are bytes; what is shown, and what the bus carries, has to be UTF-8. */
static char *
dup_base (GFile *folder)
{
  g_autofree char *base = g_file_get_basename (folder);

  return g_utf8_make_valid (base ? base : "", -1);
}

static char *
failure (Share *share)
{
  g_autofree char *folder = dup_base (share->folder);

  return g_strdup_printf (_ ("“%s” is not shared with “%s”"), folder,
                          app_object_text (share->container, "Name"));
}

/* A folder may lie on a server that does not answer: it is opened where that hinders nobody. */
static void
open_folder (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_autofree char *path = g_file_get_path (G_FILE (data));
  int fd = path ? open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int number = path ? errno : EOPNOTSUPP;

  if (fd < 0)
    g_task_return_new_error (task, G_IO_ERROR, (int)g_io_error_from_errno (number), "%s",
                             g_strerror (number));
  else
    g_task_return_int (task, fd);
}

static GVariant *
mount_options (Share *share)
{
  g_autofree char *path = g_file_get_path (share->folder);
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "path", g_variant_new_bytestring (path));
  g_variant_builder_add (&options, "{sv}", "read-only", g_variant_new_boolean (share->read_only));
  /* Where the owner has an account inside the files are that account's; else they are root's there. */
  if (app_object_text (share->container, "Account")[0] != '\0') {
    g_autofree char *user = g_strdup_printf ("%u", getuid ());

    g_variant_builder_add (&options, "{sv}", "user", g_variant_new_string (user));
  }
  return g_variant_builder_end (&options);
}

static void
on_folder_opened (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Share) share = data;
  g_autoptr (GError) error = NULL;
  int fd = (int)g_task_propagate_int (G_TASK (result), &error);
  g_autoptr (GtkWidget) near = g_weak_ref_get (&share->near);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autofree char *what = failure (share);

  if (near && error)
    app_report (near, what, error);
  if (error)
    return;
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  if (near)
    app_report_call_full (near, share->container, "AddMount",
                          g_variant_new ("(hs@a{sv})", 0, share->destination, mount_options (share)), fds,
                          what, NULL, NULL);
}

static void
on_response (AdwAlertDialog *dialog, const char *response, gpointer data)
{
  g_autoptr (Share) share = data;
  g_autoptr (GTask) task = NULL;

  if (!g_str_equal (response, "share"))
    return;
  share->destination = g_strdup (gtk_editable_get_text (GTK_EDITABLE (share->destination_row)));
  share->read_only = adw_switch_row_get_active (share->read_only_row);
  task = g_task_new (NULL, NULL, on_folder_opened, share);
  g_task_set_task_data (task, g_object_ref (share->folder), g_object_unref);
  g_steal_pointer (&share);
  g_task_run_in_thread (task, open_folder);
}

void
app_share_ask (GtkWidget *near, AppObject *container, GFile *folder)
{
  Share *share = g_new0 (Share, 1);
  g_autofree char *base = dup_base (folder);
  g_autofree char *shown = g_file_get_parse_name (folder);
  g_autofree char *destination = g_build_filename ("/mnt", base, NULL);
  GtkWidget *list = gtk_list_box_new ();
  AdwDialog *dialog = adw_alert_dialog_new (NULL, shown);

  adw_alert_dialog_format_heading (ADW_ALERT_DIALOG (dialog), _ ("Share with “%s”?"),
                                   app_object_text (container, "Name"));
  g_weak_ref_init (&share->near, near);
  share->container = g_object_ref (container);
  share->folder = g_object_ref (folder);
  share->destination_row = ADW_ENTRY_ROW (adw_entry_row_new ());
  share->read_only_row = ADW_SWITCH_ROW (adw_switch_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (share->destination_row), _ ("Folder inside"));
  gtk_editable_set_text (GTK_EDITABLE (share->destination_row), destination);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (share->read_only_row), _ ("Read only"));
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_list_box_append (GTK_LIST_BOX (list), GTK_WIDGET (share->destination_row));
  gtk_list_box_append (GTK_LIST_BOX (list), GTK_WIDGET (share->read_only_row));
  adw_alert_dialog_set_extra_child (ADW_ALERT_DIALOG (dialog), list);
  adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "share", _ ("_Share"),
                                  NULL);
  adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "share", ADW_RESPONSE_SUGGESTED);
  adw_alert_dialog_set_default_response (ADW_ALERT_DIALOG (dialog), "share");
  g_signal_connect (dialog, "response", G_CALLBACK (on_response), share);
  adw_dialog_present (dialog, near);
}

static void
on_chosen (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Share) share = data;
  g_autoptr (GFile) folder = gtk_file_dialog_select_folder_finish (GTK_FILE_DIALOG (source), result, NULL);
  g_autoptr (GtkWidget) near = g_weak_ref_get (&share->near);

  /* Without one the person has changed his mind. */
  if (folder && near)
    app_share_ask (near, share->container, folder);
}

void
app_share_choose (GtkWidget *near, AppObject *container)
{
  g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
  Share *share = g_new0 (Share, 1);

  g_weak_ref_init (&share->near, near);
  share->container = g_object_ref (container);
  share->folder = g_file_new_for_path (g_get_home_dir ());
  gtk_file_dialog_set_title (dialog, _ ("Folder to Share"));
  gtk_file_dialog_select_folder (dialog, GTK_WINDOW (gtk_widget_get_root (near)), NULL, on_chosen, share);
}

static gboolean
on_drop (GtkDropTarget *target, const GValue *value, double x, double y, gpointer data)
{
  GtkWidget *widget = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (target));
  g_autoptr (GSList) files = gdk_file_list_get_files (g_value_get_boxed (value));

  if (files == NULL)
    return FALSE;
  if (files->next) {
    app_report_say (widget, _ ("Drop one folder at a time"));
    return FALSE;
  }
  app_share_ask (widget, APP_OBJECT (data), G_FILE (files->data));
  return TRUE;
}

void
app_share_accept_drops (GtkWidget *widget, AppObject *container)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY | GDK_ACTION_LINK);

  g_signal_connect_object (target, "drop", G_CALLBACK (on_drop), container, 0);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (target));
}
