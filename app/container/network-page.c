/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "network-page.h"

#include <glib/gi18n.h>

#include "../rows.h"
#include "egress.h"
#include "state.h"

struct _AppNetworkPage {
  AdwNavigationPage parent_instance;

  AppObject *container;
  AdwPreferencesGroup *destinations;
  AppRows *rows;
  AdwEntryRow *adder;
  AdwActionRow *kind, *addresses, *hostname, *resolvers, *error;
};

G_DEFINE_FINAL_TYPE (AppNetworkPage, app_network_page, ADW_TYPE_NAVIGATION_PAGE)

static char *
describe (AppObject *container)
{
  const char *network = app_object_text (container, "Network");

  if (g_str_equal (network, "nat"))
    return g_strdup (_ ("A network of this computer"));
  if (g_str_has_prefix (network, "lan:"))
    return g_strdup_printf (_ ("The network of %s, as a computer of its own"), network + strlen ("lan:"));
  return g_strdup (_ ("No network"));
}

char *
app_network_page_summary (AppObject *container)
{
  g_autofree char *address = app_state_dup_address (container);
  g_autofree char *kind = describe (container);

  /* Translators: the kind of a network, and the address there. */
  return address ? g_strdup_printf (_ ("%s, %s"), kind, address) : g_steal_pointer (&kind);
}

static void
show_field (AdwActionRow *row, const char *text)
{
  gtk_widget_set_visible (GTK_WIDGET (row), text[0] != '\0');
  adw_action_row_set_subtitle (row, text);
}

static void
update (AppNetworkPage *self)
{
  g_auto (GStrv) addresses = app_object_texts (self->container, "Addresses");
  g_auto (GStrv) resolvers = app_object_texts (self->container, "Resolvers");
  g_autofree char *address_lines = g_strjoinv ("\n", addresses);
  g_autofree char *resolver_lines = g_strjoinv ("\n", resolvers);
  g_autofree char *kind = describe (self->container);
  g_autoptr (GVariant) egress = app_object_get (self->container, "Egress", "as");
  gboolean open = app_egress_is_open (self->container);

  show_field (self->kind, kind);
  show_field (self->addresses, address_lines);
  show_field (self->resolvers, resolver_lines);
  show_field (self->hostname, app_object_text (self->container, "Hostname"));
  show_field (self->error, app_object_text (self->container, "NetworkError"));
  if (self->destinations) {
    app_rows_set (self->rows, open ? NULL : egress);
    gtk_widget_set_visible (GTK_WIDGET (self->adder), !open);
  }
}

static void
on_remove (GtkButton *button, GVariant *destination)
{
  AppNetworkPage *self =
      APP_NETWORK_PAGE (gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_NETWORK_PAGE));

  app_egress_change (GTK_WIDGET (self), self->container, "deny", g_variant_get_string (destination, NULL),
                     NULL);
}

static GtkWidget *
make_row (GVariant *destination, gpointer data)
{
  const char *text = g_variant_get_string (destination, NULL);
  g_autofree char *label = g_strdup_printf (_ ("Remove %s"), text);
  GtkWidget *row = adw_action_row_new (), *button = app_rows_button ("user-trash-symbolic", label);

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), text);
  g_signal_connect_data (button, "clicked", G_CALLBACK (on_remove), g_variant_ref (destination),
                         (GClosureNotify)(void (*) (void))g_variant_unref, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  return row;
}

/* What the service does not take stays, to be mended. */
static void
on_added (GtkWidget *page, gboolean well, gpointer data)
{
  if (well)
    gtk_editable_set_text (GTK_EDITABLE (APP_NETWORK_PAGE (page)->adder), "");
}

static void
on_add (AppNetworkPage *self)
{
  app_egress_change (GTK_WIDGET (self), self->container, "allow",
                     gtk_editable_get_text (GTK_EDITABLE (self->adder)), on_added);
}

static AdwActionRow *
add_field (AdwPreferencesGroup *group, const char *title)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle_selectable (ADW_ACTION_ROW (row), TRUE);
  gtk_widget_add_css_class (row, "property");
  adw_preferences_group_add (group, row);
  return ADW_ACTION_ROW (row);
}

static void
add_destinations (AppNetworkPage *self, AdwPreferencesPage *body)
{
  self->destinations =
      app_rows_group (body, _ ("Connections"),
                      _ ("Where programs in the container may connect to. Answers to who connects to it "
                         "always get through."));
  self->adder = ADW_ENTRY_ROW (adw_entry_row_new ());
  adw_preferences_group_add (self->destinations, app_egress_row_new (self->container));
  /* Translators: these are examples of what can be typed there. */
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->adder),
                                 _ ("Allow, such as 192.0.2.7, 192.0.2.0/24:443 or 192.0.2.7:53/udp"));
  adw_entry_row_set_show_apply_button (self->adder, TRUE);
  g_signal_connect_swapped (self->adder, "apply", G_CALLBACK (on_add), self);
  adw_preferences_group_add (self->destinations, GTK_WIDGET (self->adder));
  self->rows = app_rows_new (self->destinations, make_row, self);
}

AdwNavigationPage *
app_network_page_new (AppObject *container)
{
  AppNetworkPage *self = g_object_new (APP_TYPE_NETWORK_PAGE, NULL);
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Network"), NULL);
  AdwPreferencesGroup *group = app_rows_group (body, NULL, NULL);

  self->container = g_object_ref (container);
  self->error = add_field (group, _ ("What Is Wrong"));
  self->kind = add_field (group, _ ("Connected to"));
  self->addresses = add_field (group, _ ("Addresses"));
  self->hostname = add_field (group, _ ("Host Name"));
  self->resolvers = add_field (group, _ ("Name Servers"));
  if (!g_str_equal (app_object_text (container, "Network"), "none"))
    add_destinations (self, body);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_network_page_dispose (GObject *object)
{
  AppNetworkPage *self = APP_NETWORK_PAGE (object);

  g_clear_pointer (&self->rows, app_rows_free);
  g_clear_object (&self->container);
  G_OBJECT_CLASS (app_network_page_parent_class)->dispose (object);
}

static void
app_network_page_class_init (AppNetworkPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_network_page_dispose;
}

static void
app_network_page_init (AppNetworkPage *self)
{
}
