/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "files.h"

#include <glib/gi18n.h>

#include "container/state.h"
#include "report.h"
#include "window.h"

/* The action "details" opens it if there is none. NULL: it waits, since nothing of the service is known. */
static AppWindow *
show_window (AppObject *container)
{
  GApplication *application = g_application_get_default ();
  GtkWindow *window;

  g_action_group_activate_action (G_ACTION_GROUP (application), "details",
                                  g_variant_new_string (app_object_path (container)));
  window = gtk_application_get_active_window (GTK_APPLICATION (application));
  return window ? APP_WINDOW (window) : NULL;
}

static void
tell (AppObject *container, const char *what, const GError *error)
{
  AppWindow *window = show_window (container);

  if (window)
    app_report_in (app_window_get_overlay (window), what, error);
}

static void
tell_not_shown (AppObject *container, const GError *error)
{
  g_autofree char *what =
      g_strdup_printf (_ ("The files of “%s” are not shown"), app_object_text (container, "Name"));

  tell (container, what, error);
}

/* ---- the file manager ---- */

static void
on_shown (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppObject) container = data;
  g_autoptr (GError) error = NULL;

  if (!g_app_info_launch_default_for_uri_finish (result, &error))
    tell_not_shown (container, error);
  g_application_release (g_application_get_default ());
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer data)
{
  AppObject *container = APP_OBJECT (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (container, result, NULL, &error);
  GdkDisplay *display = gdk_display_get_default ();
  g_autoptr (GdkAppLaunchContext) context = display ? gdk_display_get_app_launch_context (display) : NULL;
  g_autofree char *uri = NULL;
  const char *path;

  if (answer) {
    g_variant_get (answer, "(&s)", &path);
    uri = g_filename_to_uri (path, NULL, &error);
  }
  if (uri) {
    g_app_info_launch_default_for_uri_async (uri, G_APP_LAUNCH_CONTEXT (context), NULL, on_shown,
                                             g_object_ref (container));
    return;
  }
  tell_not_shown (container, error);
  g_application_release (g_application_get_default ());
}

/* The application stays until the files are shown, although it may have no window. */
static void
mount (AppObject *container)
{
  g_application_hold (g_application_get_default ());
  app_object_call (container, "MountTree", g_variant_new ("(a{sv})", NULL), NULL, NULL, on_mounted, NULL);
}

/* ---- while it runs ---- */

static gboolean
is_in_use (AppObject *container)
{
  return app_state_is_running (container) || app_state_is_moving (container);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer data)
{
  AppObject *container = APP_OBJECT (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (container, result, NULL, &error);
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not stopped"), app_object_text (container, "Name"));

  if (answer)
    mount (container);
  else
    tell (container, what, error);
  g_application_release (g_application_get_default ());
}

static void
on_response (AdwAlertDialog *dialog, const char *response, AppObject *container)
{
  GApplication *application = g_application_get_default ();

  if (g_str_equal (response, "folders")) {
    g_action_group_activate_action (G_ACTION_GROUP (application), "folders",
                                    g_variant_new_string (app_object_path (container)));
  } else if (g_str_equal (response, "stop") && !is_in_use (container)) {
    /* It ended while the dialog was there. */
    mount (container);
  } else if (g_str_equal (response, "stop")) {
    g_application_hold (application);
    app_object_call (container, "Stop", g_variant_new ("(a{sv})", NULL), NULL, NULL, on_stopped, NULL);
  }
}

static void
ask (AppObject *container)
{
  g_autoptr (GVariant) mounts = app_object_get (container, "Mounts", "aa{sv}");
  AdwDialog *dialog = adw_alert_dialog_new (
      NULL, _ ("Its files can be shown only while it does not run. Programs in it end when it is stopped."));
  AdwAlertDialog *alert = ADW_ALERT_DIALOG (dialog);

  adw_alert_dialog_format_heading (alert, _ ("Stop “%s”?"), app_object_text (container, "Name"));
  adw_alert_dialog_add_response (alert, "cancel", _ ("_Cancel"));
  if (mounts && g_variant_n_children (mounts) > 0)
    adw_alert_dialog_add_response (alert, "folders", _ ("Shared _Folders"));
  adw_alert_dialog_add_response (alert, "stop", _ ("_Stop and Show Files"));
  adw_alert_dialog_set_close_response (alert, "cancel");
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_response), container, 0);
  adw_dialog_present (dialog, GTK_WIDGET (show_window (container)));
}

/* What it has until then is only its image's. */
static void
say_never_ran (AppObject *container)
{
  g_autofree char *sentence = g_strdup_printf (_ ("“%s” has files of its own once it was started"),
                                               app_object_text (container, "Name"));

  app_report_say (GTK_WIDGET (app_window_get_overlay (show_window (container))), sentence);
}

void
app_files_open (AppObject *container)
{
  if (is_in_use (container))
    ask (container);
  else if (app_object_number (container, "StartedAt") == 0)
    say_never_ran (container);
  else
    mount (container);
}
