/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "access-page.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"
#include "devices-page.h"
#include "egress.h"
#include "folders-page.h"
#include "network-page.h"
#include "ports.h"

struct _AppAccessPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppObject *container;
  GtkWidget *network;
  GtkWidget *folders;
  GtkWidget *devices;
};

G_DEFINE_FINAL_TYPE (AppAccessPage, app_access_page, ADW_TYPE_NAVIGATION_PAGE)

static gboolean
has_network (AppObject *container)
{
  return !g_str_equal (app_object_text (container, "Network"), "none");
}

/* As many as there are, in words that fit: "no open ports", "one open port", "3 open ports". */
static char *
count_ports (AppObject *container)
{
  g_autoptr (GVariant) ports = app_object_get (container, "Ports", "a(sqqs)");
  guint n = ports ? (guint)g_variant_n_children (ports) : 0;

  return n ? g_strdup_printf (g_dngettext (NULL, "%u open port", "%u open ports", n), n)
           : g_strdup (_ ("No open ports"));
}

static char *
count_folders (AppObject *container)
{
  g_autoptr (GVariant) mounts = app_object_get (container, "Mounts", "aa{sv}");
  guint n = mounts ? (guint)g_variant_n_children (mounts) : 0;

  return n ? g_strdup_printf (g_dngettext (NULL, "%u shared folder", "%u shared folders", n), n)
           : g_strdup (_ ("no shared folders"));
}

char *
app_access_page_summary (AppObject *container)
{
  g_autofree char *ports = count_ports (container);
  g_autofree char *folders = count_folders (container);
  const char *reach = !has_network (container)         ? _ ("no network")
                      : app_egress_is_open (container) ? _ ("connects to everything")
                                                       : _ ("connects to what is listed");

  /* Translators: open ports, shared folders, and what it connects to. */
  return g_strdup_printf (_ ("%s, %s, %s"), ports, folders, reach);
}

static void
update (AppAccessPage *self)
{
  g_autofree char *network = app_network_page_summary (self->container);
  g_autofree char *folders = app_folders_page_summary (self->container);
  g_autofree char *devices = app_devices_page_summary (self->container);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->network), network);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->folders), folders);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->devices), devices);
}

static void
push (AppAccessPage *self, AdwNavigationPage *page)
{
  GtkWidget *view = gtk_widget_get_ancestor (GTK_WIDGET (self), ADW_TYPE_NAVIGATION_VIEW);

  adw_navigation_view_push (ADW_NAVIGATION_VIEW (view), page);
}

static void
open_network (AppAccessPage *self)
{
  push (self, app_network_page_new (self->container));
}

static void
open_folders (AppAccessPage *self)
{
  push (self, app_folders_page_new (self->client, self->container));
}

static void
open_devices (AppAccessPage *self)
{
  push (self, app_devices_page_new (self->client, self->container));
}

AdwNavigationPage *
app_access_page_new (AppClient *client, AppObject *container)
{
  AppAccessPage *self = g_object_new (APP_TYPE_ACCESS_PAGE, NULL);
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Access"), NULL);
  AdwPreferencesGroup *reaches = app_rows_group (body, _ ("What It Reaches"), NULL);

  self->client = g_object_ref (client);
  self->container = g_object_ref (container);
  self->network = app_rows_link (_ ("Network"), G_CALLBACK (open_network), self);
  self->folders = app_rows_link (_ ("Folders"), G_CALLBACK (open_folders), self);
  self->devices = app_rows_link (_ ("Devices"), G_CALLBACK (open_devices), self);
  if (has_network (container))
    adw_preferences_group_add (reaches, app_egress_row_new (container));
  adw_preferences_group_add (reaches, self->network);
  adw_preferences_group_add (reaches, self->folders);
  adw_preferences_group_add (reaches, self->devices);
  /* Ports lead to containers that have an address of ours. */
  if (g_str_equal (app_object_text (container, "Network"), "nat"))
    adw_preferences_page_add (body, app_ports_group_new (container));
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_access_page_dispose (GObject *object)
{
  AppAccessPage *self = APP_ACCESS_PAGE (object);

  g_clear_object (&self->container);
  g_clear_object (&self->client);
  G_OBJECT_CLASS (app_access_page_parent_class)->dispose (object);
}

static void
app_access_page_class_init (AppAccessPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_access_page_dispose;
}

static void
app_access_page_init (AppAccessPage *self)
{
}
