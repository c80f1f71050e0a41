/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "container-page.h"

#include <glib/gi18n.h>

#include "../create/offer.h"
#include "../report.h"
#include "../rows.h"
#include "../words.h"
#include "access-page.h"
#include "devices-page.h"
#include "folders-page.h"
#include "limits-page.h"
#include "log-page.h"
#include "network-page.h"
#include "share.h"
#include "snapshots-page.h"
#include "startup-page.h"
#include "state.h"
#include "usage-group.h"

enum {
  LINK_ACCESS,
  LINK_NETWORK,
  LINK_LIMITS,
  LINK_FOLDERS,
  LINK_DEVICES,
  LINK_SNAPSHOTS,
  LINK_STARTUP,
  LINK_LOG,
  N_LINKS,
};

struct _AppContainerPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppObject *container;
  GSimpleActionGroup *actions;

  AdwBanner *failure;
  AdwActionRow *state;
  GtkButton *toggle;
  AdwActionRow *address;
  AdwActionRow *files;
  GtkWidget *unmount;
  AppUsageGroup *usage;
  AdwPreferencesGroup *settings;
  GtkWidget *links[N_LINKS];
  AdwActionRow *image;
  AdwActionRow *root;
  AdwActionRow *created;
  AdwEntryRow *name;
  char *shown_name; /* the Name that the field was given last */
};

G_DEFINE_FINAL_TYPE (AppContainerPage, app_container_page, ADW_TYPE_NAVIGATION_PAGE)

/* ---- what can be done ---- */

static void
on_toggle (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);

  app_state_toggle (GTK_WIDGET (self), self->container);
}

static void
on_restart (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);
  g_autofree char *what =
      g_strdup_printf (_ ("“%s” was not restarted"), app_object_text (self->container, "Name"));

  app_report_call (GTK_WIDGET (self), self->container, "Restart", g_variant_new ("(a{sv})", NULL), what);
}

static void
on_freeze (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);
  g_autofree char *what =
      g_strdup_printf (_ ("“%s” was not frozen"), app_object_text (self->container, "Name"));

  app_report_call (GTK_WIDGET (self), self->container, "Freeze", NULL, what);
}

static void
on_shell (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);

  gtk_widget_activate_action (GTK_WIDGET (self), "app.shell", "s", app_object_path (self->container));
}

static void
on_files (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);

  gtk_widget_activate_action (GTK_WIDGET (self), "app.files", "s", app_object_path (self->container));
}

/* As long as they are mounted the service makes no snapshot and no copy of it. */
static void
on_unmount (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);
  g_autofree char *what =
      g_strdup_printf (_ ("The files of “%s” are still shown"), app_object_text (self->container, "Name"));

  app_report_call (GTK_WIDGET (self), self->container, "UnmountTree", NULL, what);
}

static void
on_copy_address (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);
  g_autofree char *address = app_state_dup_address (self->container);

  if (address == NULL)
    return;
  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), address);
  app_report_say (GTK_WIDGET (self), _ ("The address was copied"));
}

/* It is about the container, whatever page is shown by the time of the answer. */
static void
on_delete_response (AdwAlertDialog *dialog, const char *response, AppObject *container)
{
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not deleted"), app_object_text (container, "Name"));
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("({'force': <true>},)"));
  GtkWidget *overlay = g_object_get_data (G_OBJECT (dialog), "overlay");

  if (g_str_equal (response, "delete"))
    app_report_call (overlay, container, "Delete", options, what);
}

static void
on_delete (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (data);
  AdwDialog *dialog = adw_alert_dialog_new (NULL, _ ("All files in it are lost. Shared folders stay."));

  adw_alert_dialog_format_heading (ADW_ALERT_DIALOG (dialog), _ ("Delete “%s”?"),
                                   app_object_text (self->container, "Name"));
  adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "delete", _ ("_Delete"),
                                  NULL);
  adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "delete", ADW_RESPONSE_DESTRUCTIVE);
  g_object_set_data_full (G_OBJECT (dialog), "overlay", g_object_ref (app_report_overlay (GTK_WIDGET (self))),
                          g_object_unref);
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_delete_response), self->container, 0);
  adw_dialog_present (dialog, GTK_WIDGET (self));
}

static void
on_renamed (GtkWidget *widget, gboolean well, gpointer data)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (widget);

  if (!well)
    gtk_editable_set_text (GTK_EDITABLE (self->name), app_object_text (self->container, "Name"));
}

static void
on_rename (AppContainerPage *self)
{
  g_autofree char *what =
      g_strdup_printf (_ ("“%s” keeps its name"), app_object_text (self->container, "Name"));

  app_report_call_full (GTK_WIDGET (self), self->container, "Rename",
                        g_variant_new ("(s)", gtk_editable_get_text (GTK_EDITABLE (self->name))), NULL, what,
                        on_renamed, NULL);
}

/* ---- the other pages ---- */

static void
push (AppContainerPage *self, AdwNavigationPage *page)
{
  GtkWidget *view = gtk_widget_get_ancestor (GTK_WIDGET (self), ADW_TYPE_NAVIGATION_VIEW);

  adw_navigation_view_push (ADW_NAVIGATION_VIEW (view), page);
}

static void
open_access (AppContainerPage *self)
{
  push (self, app_access_page_new (self->client, self->container));
}

static void
open_network (AppContainerPage *self)
{
  push (self, app_network_page_new (self->container));
}

static void
open_limits (AppContainerPage *self)
{
  push (self, app_limits_page_new (self->client, self->container));
}

static void
open_folders (AppContainerPage *self)
{
  push (self, app_folders_page_new (self->client, self->container));
}

static void
open_devices (AppContainerPage *self)
{
  push (self, app_devices_page_new (self->client, self->container));
}

static void
open_snapshots (AppContainerPage *self)
{
  push (self, app_snapshots_page_new (self->client, self->container));
}

static void
open_startup (AppContainerPage *self)
{
  push (self, app_startup_page_new (self->client, self->container));
}

static void
open_log (AppContainerPage *self)
{
  push (self, app_log_page_new (self->container));
}

static void
on_log (GSimpleAction *action, GVariant *parameter, gpointer data)
{
  open_log (APP_CONTAINER_PAGE (data));
}

/* ---- what is shown ---- */

static void
enable (AppContainerPage *self, const char *name, gboolean enabled)
{
  GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self->actions), name);

  g_simple_action_set_enabled (G_SIMPLE_ACTION (action), enabled);
}

/* Since when it is so, and how it came to that, unless its owner asked for it. */
static char *
state_text (AppContainerPage *self, gboolean running)
{
  guint64 moment = app_object_number (self->container, running ? "StartedAt" : "StoppedAt");
  const char *reason = app_words_reason (app_object_text (self->container, "StateReason"));
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *when = moment ? app_words_when (moment, now) : NULL;
  g_autoptr (GVariant) exit = app_object_get (self->container, "LastExit", "(ii)");
  g_autoptr (GString) text = g_string_new (NULL);
  const char *state = app_object_text (self->container, "State");
  gint32 code = 0;

  /* When it ran before is no news while it starts. */
  if (g_str_equal (state, "starting"))
    return g_strdup ("");
  if (when)
    /* Translators: of a container, with a moment such as "today at 10:45" or "on 03/01/26". */
    g_string_append_printf (text, running ? _ ("Started %s") : _ ("Ran until %s"), when);
  if (exit)
    g_variant_get_child (exit, 0, "i", &code);
  if (!running && code > 0)
    /* Translators: 3 is the exit code of a program. */
    g_string_append_printf (text, _ (" · It ended with the code %d"), code);
  else if (reason)
    g_string_append_printf (text, " · %s", reason);
  return g_strdup (g_str_has_prefix (text->str, " · ") ? text->str + strlen (" · ") : text->str);
}

static void
update_state (AppContainerPage *self)
{
  const char *state = app_object_text (self->container, "State");
  gboolean running = app_state_is_running (self->container), moving = app_state_is_moving (self->container);
  gboolean frozen = g_str_equal (state, "frozen");
  g_autofree char *text = state_text (self, running);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->state), app_words_state (state));
  adw_action_row_set_subtitle (self->state, text);
  gtk_button_set_use_underline (self->toggle, TRUE);
  gtk_button_set_label (self->toggle, frozen ? _ ("_Thaw") : running ? _ ("_Stop") : _ ("_Start"));
  if (running)
    gtk_widget_remove_css_class (GTK_WIDGET (self->toggle), "suggested-action");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self->toggle), "suggested-action");
  enable (self, "toggle", !moving);
  enable (self, "shell", !moving && !frozen);
  enable (self, "restart", !moving && running && !frozen);
  enable (self, "freeze", g_str_equal (state, "running"));
  enable (self, "thaw", frozen);
  gtk_widget_set_sensitive (GTK_WIDGET (self->name), !running && !moving);
}

static void
update_files (AppContainerPage *self)
{
  const char *tree = app_object_text (self->container, "TreePath");
  const char *line = _ ("All that is in the container");

  if (tree[0])
    line = tree;
  else if (app_state_is_running (self->container) || app_state_is_moving (self->container))
    line = _ ("Can be shown while it does not run");
  adw_action_row_set_subtitle (self->files, line);
  gtk_widget_set_visible (self->unmount, tree[0] != '\0');
}

static void
update_failure (AppContainerPage *self)
{
  const char *state = app_object_text (self->container, "State");
  const char *error = app_object_text (self->container, "LastError");
  const char *network = app_object_text (self->container, "NetworkError");
  g_autofree char *line = app_state_dup_line (self->container);
  gboolean failed = g_str_equal (state, "failed");

  if (failed)
    adw_banner_set_title (self->failure, error[0] ? error : line);
  else if (network[0])
    adw_banner_set_title (self->failure, network);
  adw_banner_set_revealed (self->failure, failed || network[0]);
}

static void
update_about (AppContainerPage *self)
{
  AppObject *image = app_client_find (app_client_get_images (self->client), "Fingerprint",
                                      app_object_text (self->container, "Image"));
  guint64 base = app_object_number (self->container, "RangeBase");
  g_autofree char *short_name = g_strndup (app_object_text (self->container, "Image"), 12);
  g_autofree char *names = image ? app_offer_name_image (image) : NULL;
  g_autofree char *id = g_strdup_printf ("%" G_GUINT64_FORMAT, base);
  g_autofree char *root = g_strdup_printf (_ ("Outside it is the user %s, who has no rights"), id);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *when = app_words_when (app_object_number (self->container, "CreatedAt"), now);

  adw_action_row_set_subtitle (self->image, names ? names : short_name);
  adw_action_row_set_subtitle (self->root, root);
  adw_action_row_set_subtitle (self->created, when);
}

static void
update_links (AppContainerPage *self)
{
  g_autofree char *access = app_access_page_summary (self->container);
  g_autofree char *network = app_network_page_summary (self->container);
  g_autofree char *limits = app_limits_page_summary (self->container);
  g_autofree char *folders = app_folders_page_summary (self->container);
  g_autofree char *devices = app_devices_page_summary (self->container);
  g_autofree char *snapshots = app_snapshots_page_summary (self->container);
  g_autofree char *startup = app_startup_page_summary (self->container);
  const char *const texts[N_LINKS] = { access, network, limits, folders, devices, snapshots, startup, NULL };

  for (guint i = 0; i < N_LINKS; i++)
    if (texts[i])
      adw_action_row_set_subtitle (ADW_ACTION_ROW (self->links[i]), texts[i]);
}

static void
update (AppContainerPage *self)
{
  const char *name = app_object_text (self->container, "Name");
  g_auto (GStrv) addresses = app_object_texts (self->container, "Addresses");
  g_autofree char *lines = g_strjoinv ("\n", addresses);

  adw_navigation_page_set_title (ADW_NAVIGATION_PAGE (self), name);
  gtk_widget_set_visible (GTK_WIDGET (self->address), addresses[0] != NULL);
  adw_action_row_set_subtitle (self->address, lines);
  /* What is being typed there stays. */
  if (!gtk_widget_get_sensitive (GTK_WIDGET (self->name)) || g_strcmp0 (self->shown_name, name) != 0) {
    gtk_editable_set_text (GTK_EDITABLE (self->name), name);
    g_free (self->shown_name);
    self->shown_name = g_strdup (name);
  }
  update_state (self);
  update_files (self);
  update_failure (self);
  update_about (self);
  update_links (self);
}

static void
add_links (AppContainerPage *self)
{
  static const struct {
    const char *title;
    void (*open) (AppContainerPage *self);
  } links[N_LINKS] = {
    { N_ ("Access"), open_access },    { N_ ("Network"), open_network }, { N_ ("Limits"), open_limits },
    { N_ ("Folders"), open_folders },  { N_ ("Devices"), open_devices }, { N_ ("Snapshots"), open_snapshots },
    { N_ ("Start-up"), open_startup }, { N_ ("Log"), open_log },
  };

  for (guint i = 0; i < N_LINKS; i++) {
    self->links[i] = app_rows_link (_ (links[i].title), G_CALLBACK (links[i].open), self);
    adw_preferences_group_add (self->settings, self->links[i]);
  }
}

AdwNavigationPage *
app_container_page_new (AppClient *client, AppObject *container)
{
  AppContainerPage *self = g_object_new (APP_TYPE_CONTAINER_PAGE, NULL);

  self->client = g_object_ref (client);
  self->container = g_object_ref (container);
  app_usage_group_set_container (self->usage, container);
  app_share_accept_drops (GTK_WIDGET (self), container);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_container_page_dispose (GObject *object)
{
  AppContainerPage *self = APP_CONTAINER_PAGE (object);

  g_clear_object (&self->client);
  g_clear_object (&self->container);
  g_clear_object (&self->actions);
  g_clear_pointer (&self->shown_name, g_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), APP_TYPE_CONTAINER_PAGE);
  G_OBJECT_CLASS (app_container_page_parent_class)->dispose (object);
}

static void
app_container_page_class_init (AppContainerPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = app_container_page_dispose;
  g_type_ensure (APP_TYPE_USAGE_GROUP);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/bothy/Bothy/container/container-page.ui");
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, failure);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, state);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, toggle);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, address);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, files);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, unmount);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, usage);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, settings);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, image);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, root);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, created);
  gtk_widget_class_bind_template_child (widget_class, AppContainerPage, name);
  gtk_widget_class_bind_template_callback (widget_class, on_rename);
}

static void
app_container_page_init (AppContainerPage *self)
{
  static const GActionEntry entries[] = {
    { "toggle", on_toggle },   { "thaw", on_toggle },   { "restart", on_restart },
    { "freeze", on_freeze },   { "shell", on_shell },   { "files", on_files },
    { "unmount", on_unmount }, { "delete", on_delete }, { "copy-address", on_copy_address },
    { "log", on_log },
  };

  gtk_widget_init_template (GTK_WIDGET (self));
  self->actions = g_simple_action_group_new ();
  g_action_map_add_action_entries (G_ACTION_MAP (self->actions), entries, G_N_ELEMENTS (entries), self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "container", G_ACTION_GROUP (self->actions));
  add_links (self);
}
