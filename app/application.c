/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "application.h"

#include <glib/gi18n.h>

#include "client.h"
#include "files.h"
#include "report.h"
#include "terminal.h"
#include "window.h"
#include "words.h"
#include "work/works.h"

struct _AppApplication {
  AdwApplication parent_instance;

  AppClient *client;
  AppWorks *works;
  GQueue waiting; /* Errand: what was asked for before anything of the service is known */
};

G_DEFINE_FINAL_TYPE (AppApplication, app_application, ADW_TYPE_APPLICATION)

typedef struct {
  char *action;
  char *path; /* (nullable): the container */
} Errand;

static void
errand_free (Errand *errand)
{
  g_free (errand->action);
  g_free (errand->path);
  g_free (errand);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Errand, errand_free)

static AppWindow *
show_window (AppApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (!APP_IS_WINDOW (window))
    window = GTK_WINDOW (app_window_new (GTK_APPLICATION (self), self->client, self->works));
  gtk_window_present (window);
  return APP_WINDOW (window);
}

static void
on_shell_started (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppApplication) self = data;
  AppObject *container = APP_OBJECT (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (container, result, NULL, &error);
  const char *name = app_object_text (container, "Name");
  g_autofree char *what = g_strdup_printf (_ ("No shell was opened in “%s”"), name);
  GdkDisplay *display = gdk_display_get_default ();
  g_autoptr (GdkAppLaunchContext) context = display ? gdk_display_get_app_launch_context (display) : NULL;

  if (answer)
    app_terminal_open (G_APP_LAUNCH_CONTEXT (context), name,
                       (const char *const[]){ "bothy", "shell", name, NULL }, &error);
  if (error)
    app_report_in (app_window_get_overlay (show_window (self)), what, error);
  g_application_release (G_APPLICATION (self));
}

/* A container that stands still is started first: who asks for a shell means it. */
static void
open_shell (AppApplication *self, AppObject *container)
{
  const char *state = app_object_text (container, "State");
  gboolean asleep = g_str_equal (state, "stopped") || g_str_equal (state, "failed");

  g_application_hold (G_APPLICATION (self));
  if (asleep)
    app_object_call (container, "Start", g_variant_new ("(a{sv})", NULL), NULL, NULL, on_shell_started,
                     g_object_ref (self));
  else
    app_object_call (container, "GetOSRelease", NULL, NULL, NULL, on_shell_started, g_object_ref (self));
}

/* Whether there is such a container is not known; it is asked for again as soon as the service can be reached. */
static void
say_failed (AppApplication *self)
{
  app_report_in (app_window_get_overlay (show_window (self)), _ ("Containers can not be shown"),
                 app_client_get_error (self->client));
  app_client_wake (self->client);
}

static void
run_errand (AppApplication *self, Errand *errand)
{
  AppObject *container = errand->path ? app_client_lookup (self->client, errand->path) : NULL;

  if (errand->path && container == NULL && app_client_get_state (self->client) == APP_CLIENT_FAILED)
    say_failed (self);
  else if (g_str_equal (errand->action, "shell") && container)
    open_shell (self, container);
  else if (g_str_equal (errand->action, "files") && container)
    app_files_open (container);
  else
    app_window_show (show_window (self), errand->action, container);
}

/* Who asks for a container means one that there is: the lists come first. */
static void
run_errands (AppApplication *self)
{
  Errand *next;

  while (self->client && (next = g_queue_peek_head (&self->waiting)) &&
         !(next->path && app_client_get_state (self->client) == APP_CLIENT_LOADING)) {
    g_autoptr (Errand) errand = g_queue_pop_head (&self->waiting);

    run_errand (self, errand);
    g_application_release (G_APPLICATION (self));
  }
}

static void
add_errand (AppApplication *self, const char *action, const char *path)
{
  Errand *errand = g_new0 (Errand, 1);

  errand->action = g_strdup (action);
  errand->path = g_strdup (path);
  g_application_hold (G_APPLICATION (self));
  g_queue_push_tail (&self->waiting, errand);
  run_errands (self);
}

static void
on_action (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  add_errand (APP_APPLICATION (data), g_action_get_name (G_ACTION (action)),
              parameter ? g_variant_get_string (parameter, NULL) : NULL);
}

static void
on_quit (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (data));

  /* What is being made goes on without a window. */
  if (window)
    gtk_window_close (window);
}

static void
on_about (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (data));

  adw_show_about_dialog (GTK_WIDGET (window), "application-name", "Bothy", "application-icon",
                         "org.bothy.Bothy", "version", PACKAGE_VERSION, "license-type", GTK_LICENSE_LGPL_2_1,
                         "comments", _ ("Containers for everybody, without privileges"), "translator-credits",
                         /* Translators: your names, one a line. */
                         _ ("translator-credits"), NULL);
}

/* Who looks elsewhere is told when his container is there. */
static void
on_made (AppWorks *works, AppObject *container, AppApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));
  const char *path = app_object_path (container);
  g_autofree char *title = g_strdup_printf (_ ("“%s” is ready"), app_object_text (container, "Name"));
  g_autoptr (GNotification) notification = g_notification_new (title);

  if (window && gtk_window_is_active (window)) {
    app_window_tell_made (APP_WINDOW (window), container);
    return;
  }
  g_notification_set_default_action_and_target (notification, "app.details", "s", path);
  g_notification_add_button_with_target (notification, _ ("Open Shell"), "app.shell", "s", path);
  g_application_send_notification (G_APPLICATION (self), path, notification);
}

/* The work waits in the list of the window, if there is one; and nobody may look at that. */
static void
on_failed (AppWorks *works, AppWork *work, AppApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));
  const char *name = app_work_get_title (work);
  g_autofree char *title = g_strdup_printf (_ ("“%s” was not made"), name);
  g_autoptr (GNotification) notification = NULL;

  if (window && gtk_window_is_active (window))
    return;
  notification = g_notification_new (title);
  g_notification_set_body (notification, app_words_for_error (app_work_get_error (work)));
  g_notification_set_default_action (notification, "app.list");
  g_application_send_notification (G_APPLICATION (self), name, notification);
}

static void
on_bus (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppApplication) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_bus_get_finish (result, &error);

  if (bus == NULL) {
    g_printerr ("bothy-app: %s\n", error->message);
    g_application_quit (G_APPLICATION (self));
    return;
  }
  g_dbus_connection_set_exit_on_close (bus, FALSE);
  self->client = app_client_new (bus);
  g_signal_connect_object (self->client, "changed", G_CALLBACK (run_errands), self, G_CONNECT_SWAPPED);
  self->works = app_works_new (self->client);
  g_signal_connect_object (self->works, "made", G_CALLBACK (on_made), self, 0);
  g_signal_connect_object (self->works, "failed", G_CALLBACK (on_failed), self, 0);
  run_errands (self);
  g_application_release (G_APPLICATION (self));
}

static void
app_application_startup (GApplication *application)
{
  static const GActionEntry entries[] = {
    { "shell", on_action, "s" },   { "log", on_action, "s" },     { "files", on_action, "s" },
    { "details", on_action, "s" }, { "folders", on_action, "s" }, { "new", on_action },
    { "list", on_action },         { "images", on_action },       { "volumes", on_action },
    { "users", on_action },        { "doctor", on_action },       { "about", on_about },
    { "quit", on_quit },
  };
  static const struct {
    const char *action;
    const char *keys[2];
  } keys[] = {
    { "app.new", { "<Control>n" } },
    { "app.quit", { "<Control>q" } },
    { "window.close", { "<Control>w" } },
  };
  AppApplication *self = APP_APPLICATION (application);

  G_APPLICATION_CLASS (app_application_parent_class)->startup (application);
  g_action_map_add_action_entries (G_ACTION_MAP (self), entries, G_N_ELEMENTS (entries), self);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_application_set_accels_for_action (GTK_APPLICATION (self), keys[i].action, keys[i].keys);
  g_application_hold (application);
  g_bus_get (G_BUS_TYPE_SYSTEM, NULL, on_bus, g_object_ref (self));
}

static void
app_application_activate (GApplication *application)
{
  add_errand (APP_APPLICATION (application), "list", NULL);
}

static void
app_application_finalize (GObject *object)
{
  AppApplication *self = APP_APPLICATION (object);

  g_queue_clear_full (&self->waiting, (GDestroyNotify)errand_free);
  g_clear_object (&self->works);
  g_clear_object (&self->client);
  G_OBJECT_CLASS (app_application_parent_class)->finalize (object);
}

static void
app_application_class_init (AppApplicationClass *class)
{
  G_OBJECT_CLASS (class)->finalize = app_application_finalize;
  G_APPLICATION_CLASS (class)->startup = app_application_startup;
  G_APPLICATION_CLASS (class)->activate = app_application_activate;
}

static void
app_application_init (AppApplication *self)
{
  g_queue_init (&self->waiting);
}

GApplication *
app_application_new (void)
{
  return g_object_new (APP_TYPE_APPLICATION, "application-id", "org.bothy.Bothy", NULL);
}
