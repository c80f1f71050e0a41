/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ports.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"

struct _AppPortsGroup {
  AdwPreferencesGroup parent_instance;

  AppObject *container;
  AppRows *rows;
  AdwExpanderRow *adder;
  AdwSpinRow *host;
  AdwSpinRow *inside;
  AdwComboRow *protocol;
  AdwSwitchRow *local;
};

G_DEFINE_FINAL_TYPE (AppPortsGroup, app_ports_group, ADW_TYPE_PREFERENCES_GROUP)

static const char *const protocols[] = { "tcp", "udp", NULL };

/* What a button at a row's end works on. */
static void
remember (GtkWidget *button, GVariant *port, GCallback clicked)
{
  g_signal_connect_data (button, "clicked", clicked, g_variant_ref (port),
                         (GClosureNotify)(void (*) (void))g_variant_unref, 0);
}

static void
on_remove (GtkButton *button, GVariant *port)
{
  GtkWidget *group = gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_PORTS_GROUP);
  AppPortsGroup *self = APP_PORTS_GROUP (group);
  const char *protocol, *address;
  guint16 host, inside;
  GVariantBuilder options;
  g_autofree char *what = NULL;

  g_variant_get (port, "(&sqq&s)", &protocol, &host, &inside, &address);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (address[0])
    g_variant_builder_add (&options, "{sv}", "address", g_variant_new_string (address));
  what = g_strdup_printf (_ ("Port %u was not closed"), host);
  app_report_call (group, self->container, "RemovePort",
                   g_variant_new ("(sqa{sv})", protocol, host, &options), what);
}

/* By what name a browser here comes to a port that listens at ADDRESS; "", 0.0.0.0 and [::] are all. */
static const char *
host_of (const char *address)
{
  g_autoptr (GInetAddress) parsed = g_inet_address_new_from_string (address);

  return parsed == NULL || g_inet_address_get_is_any (parsed) || g_str_equal (address, "127.0.0.1")
             ? "localhost"
             : address;
}

static void
on_open (GtkButton *button, GVariant *port)
{
  const char *protocol, *address;
  guint16 host, inside;
  g_autofree char *uri = NULL;
  g_autoptr (GtkUriLauncher) launcher = NULL;

  g_variant_get (port, "(&sqq&s)", &protocol, &host, &inside, &address);
  uri = g_uri_join (G_URI_FLAGS_NONE, "http", NULL, host_of (address), host, "/", NULL, NULL);
  launcher = gtk_uri_launcher_new (uri);
  gtk_uri_launcher_launch (launcher, GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (button))), NULL, NULL,
                           NULL);
}

static GtkWidget *
make_row (GVariant *port, gpointer data)
{
  const char *protocol, *address;
  guint16 host, inside;
  GtkWidget *row = adw_action_row_new (), *button;
  g_autofree char *title = NULL;
  g_autofree char *subtitle = NULL;
  g_autofree char *label = NULL;

  g_variant_get (port, "(&sqq&s)", &protocol, &host, &inside, &address);
  /* Translators: a port of this computer, its protocol, and the port of the container that it leads to. */
  title = g_strdup_printf (_ ("%u/%s → %u"), host, protocol, inside);
  subtitle = address[0] == '\0' ? g_strdup (_ ("From everywhere that reaches this computer"))
             : g_str_has_prefix (address, "127.") || g_str_equal (address, "::1")
                 ? g_strdup (_ ("From this computer only"))
                 : g_strdup_printf (_ ("At the address %s"), address);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  if (g_str_equal (protocol, "tcp")) {
    button = app_rows_button ("web-browser-symbolic", _ ("Open in Browser"));
    remember (button, port, G_CALLBACK (on_open));
    adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  }
  label = g_strdup_printf (_ ("Close Port %u"), host);
  button = app_rows_button ("user-trash-symbolic", label);
  remember (button, port, G_CALLBACK (on_remove));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  return row;
}

static void
update (AppPortsGroup *self)
{
  g_autoptr (GVariant) ports = app_object_get (self->container, "Ports", "a(sqqs)");

  app_rows_set (self->rows, ports);
}

static void
on_added (GtkWidget *group, gboolean well, gpointer data)
{
  if (well)
    adw_expander_row_set_expanded (APP_PORTS_GROUP (group)->adder, FALSE);
}

static void
on_add (AppPortsGroup *self)
{
  guint16 host = (guint16)adw_spin_row_get_value (self->host),
          inside = (guint16)adw_spin_row_get_value (self->inside);
  GVariantBuilder options;
  g_autofree char *what = g_strdup_printf (_ ("Port %u was not opened"), host);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (adw_switch_row_get_active (self->local))
    g_variant_builder_add (&options, "{sv}", "address", g_variant_new_string ("127.0.0.1"));
  app_report_call_full (GTK_WIDGET (self), self->container, "AddPort",
                        g_variant_new ("(sqqa{sv})", protocols[adw_combo_row_get_selected (self->protocol)],
                                       host, inside, &options),
                        NULL, what, on_added, NULL);
}

static AdwSpinRow *
make_spin (AppPortsGroup *self, const char *title, const char *subtitle, double lowest, double value)
{
  GtkWidget *row = adw_spin_row_new_with_range (lowest, 65535, 1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_spin_row_set_value (ADW_SPIN_ROW (row), value);
  adw_expander_row_add_row (self->adder, row);
  return ADW_SPIN_ROW (row);
}

static void
make_adder (AppPortsGroup *self)
{
  GtkWidget *add = gtk_button_new_with_mnemonic (_ ("_Open Port")), *row = adw_action_row_new ();
  g_autoptr (GtkStringList) list = gtk_string_list_new (protocols);

  self->adder = ADW_EXPANDER_ROW (adw_expander_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->adder), _ ("Open a Port…"));
  adw_expander_row_add_prefix (self->adder, gtk_image_new_from_icon_name ("list-add-symbolic"));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), GTK_WIDGET (self->adder));
  self->host = make_spin (self, _ ("Port of This Computer"), _ ("0: one that is free"), 0, 8080);
  self->inside = make_spin (self, _ ("Port of the Container"), "", 1, 80);
  self->protocol = ADW_COMBO_ROW (adw_combo_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->protocol), _ ("Protocol"));
  adw_combo_row_set_model (self->protocol, G_LIST_MODEL (list));
  adw_expander_row_add_row (self->adder, GTK_WIDGET (self->protocol));
  self->local = ADW_SWITCH_ROW (adw_switch_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->local), _ ("From This Computer Only"));
  adw_switch_row_set_active (self->local, TRUE);
  adw_expander_row_add_row (self->adder, GTK_WIDGET (self->local));
  gtk_widget_set_valign (add, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (add, "suggested-action");
  g_signal_connect_swapped (add, "clicked", G_CALLBACK (on_add), self);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), add);
  adw_expander_row_add_row (self->adder, row);
}

AdwPreferencesGroup *
app_ports_group_new (AppObject *container)
{
  AppPortsGroup *self = g_object_new (APP_TYPE_PORTS_GROUP, NULL);

  self->container = g_object_ref (container);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_PREFERENCES_GROUP (self);
}

static void
app_ports_group_dispose (GObject *object)
{
  AppPortsGroup *self = APP_PORTS_GROUP (object);

  g_clear_object (&self->container);
  g_clear_pointer (&self->rows, app_rows_free);
  G_OBJECT_CLASS (app_ports_group_parent_class)->dispose (object);
}

static void
app_ports_group_class_init (AppPortsGroupClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_ports_group_dispose;
}

static void
app_ports_group_init (AppPortsGroup *self)
{
  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (self), _ ("Ports"));
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (self),
                                         _ ("Where others reach the container through this computer"));
  make_adder (self);
  self->rows = app_rows_new (ADW_PREFERENCES_GROUP (self), make_row, self);
}
