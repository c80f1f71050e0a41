/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "devices-page.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "../create/offer.h"
#include "../report.h"
#include "../rows.h"
#include "../words.h"
#include "state.h"

/* The hubs that are part of the computer are USB's, and nobody's to give away. */
#define ROOT_HUBS "usb:1d6b:"
/* After the service left: who stops it for good is not hindered, as a call would do before it is gone. */
#define AGAIN_SECONDS 2

struct _AppDevicesPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppObject *container;
  GCancellable *cancellable;
  guint again;       /* until it is asked once more */
  GVariant *plugged; /* (nullable): what the service last said that there is, aa{sv} */
  AppRows *own, *offers;
  AdwActionRow *none, *nothing; /* in place of rows, where there are none */
  gboolean running;             /* the container, when its rows were made, which say so */
};

G_DEFINE_FINAL_TYPE (AppDevicesPage, app_devices_page, ADW_TYPE_NAVIGATION_PAGE)

static const char *
text_of (GVariant *device, const char *key)
{
  const char *text = "";

  g_variant_lookup (device, key, "&s", &text);
  return text;
}

char *
app_devices_page_summary (AppObject *container)
{
  g_autoptr (GVariant) devices = app_object_get (container, "Devices", "aa{sv}");
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; devices && i < g_variant_n_children (devices); i++) {
    g_autoptr (GVariant) device = g_variant_get_child_value (devices, i);

    g_string_append_printf (text, "%s%s", i ? ", " : "", text_of (device, "name"));
  }
  return g_strdup (text->len ? text->str : _ ("None of this computer’s"));
}

/* ---- what there is, as a person sees it: a stick is one thing, though it has several nodes ---- */

typedef struct {
  char *match; /* as AddDevice takes it */
  char *title;
  GString *nodes;
  const char *class;
  const char *holder; /* the person's container that has it, or "" */
  gboolean taken;     /* by any container, and no other can have it */
  gboolean asks;      /* an administrator */
} Offer;

static void
offer_free (gpointer data)
{
  Offer *offer = data;

  g_free (offer->match);
  g_free (offer->title);
  g_string_free (offer->nodes, TRUE);
  g_free (offer);
}

/* A device of USB's with all its nodes, or all of a kind that a person thinks of as one, or else the node. */
static char *
match_of (GVariant *device)
{
  static const char *const kinds[] = { "gpu", "sound", "camera", "kvm", "tun", "fuse", NULL };
  const char *id = text_of (device, "id"), *serial = text_of (device, "serial"),
             *class = text_of (device, "class");

  if (id[0])
    return g_strconcat (id, serial[0] ? ":" : "", serial, NULL);
  return g_strv_contains (kinds, class) ? g_strdup (class)
                                        : g_strconcat ("path:", text_of (device, "node"), NULL);
}

static Offer *
find_offer (GPtrArray *offers, const char *match)
{
  for (guint i = 0; i < offers->len; i++)
    if (g_str_equal (((Offer *)offers->pdata[i])->match, match))
      return offers->pdata[i];
  return NULL;
}

/* That it is a device of USB's says least of it. */
static gboolean
says_more (const char *class, const char *known)
{
  return known[0] == '\0' || g_str_equal (known, "usb") ||
         (g_str_equal (known, "hid") && !g_str_equal (class, "usb"));
}

static void
add_node (GPtrArray *offers, GVariant *device)
{
  g_autofree char *match = match_of (device);
  g_autofree char *called =
      g_strstrip (g_strdup_printf ("%s %s", text_of (device, "vendor"), text_of (device, "model")));
  Offer *offer = find_offer (offers, match);
  gboolean taken = FALSE;

  if (offer == NULL) {
    offer = g_new0 (Offer, 1);
    offer->match = g_steal_pointer (&match);
    offer->title = g_strdup ("");
    offer->nodes = g_string_new (NULL);
    offer->class = offer->holder = "";
    g_ptr_array_add (offers, offer);
  }
  if (offer->title[0] == '\0' && called[0]) {
    g_free (offer->title);
    offer->title = g_steal_pointer (&called);
  }
  if (text_of (device, "class")[0] && says_more (text_of (device, "class"), offer->class))
    offer->class = text_of (device, "class");
  g_string_append_printf (offer->nodes, "%s%s", offer->nodes->len ? ", " : "", text_of (device, "node"));
  g_variant_lookup (device, "in-use", "b", &taken);
  offer->taken = offer->taken || taken;
  if (text_of (device, "container")[0])
    offer->holder = text_of (device, "container");
  offer->asks = offer->asks || g_str_equal (text_of (device, "allowed"), "ask");
}

/* What is plugged in comes before what is part of the computer. */
static int
compare_offers (gconstpointer a, gconstpointer b)
{
  const Offer *first = *(Offer *const *)a, *second = *(Offer *const *)b;
  int order = g_str_has_prefix (second->match, "usb:") - g_str_has_prefix (first->match, "usb:");

  return order ? order : g_utf8_collate (first->title, second->title);
}

/* Whether the container is to have what @match says. */
static gboolean
has_already (AppDevicesPage *self, const char *match)
{
  g_autoptr (GVariant) devices = app_object_get (self->container, "Devices", "aa{sv}");

  for (gsize i = 0; devices && i < g_variant_n_children (devices); i++) {
    g_autoptr (GVariant) device = g_variant_get_child_value (devices, i);

    if (g_str_equal (text_of (device, "match"), match))
      return TRUE;
  }
  return FALSE;
}

/* a(sssssbb): match, title, class, nodes, holder, whether it is taken, and whether an administrator is asked. */
static GVariant *
list_offers (AppDevicesPage *self)
{
  g_autoptr (GPtrArray) offers = g_ptr_array_new_with_free_func (offer_free);
  GVariantBuilder list;

  for (gsize i = 0; self->plugged && i < g_variant_n_children (self->plugged); i++) {
    g_autoptr (GVariant) device = g_variant_get_child_value (self->plugged, i);

    if (!g_str_has_prefix (text_of (device, "id"), ROOT_HUBS))
      add_node (offers, device);
  }
  g_ptr_array_sort (offers, compare_offers);
  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(sssssbb)"));
  for (guint i = 0; i < offers->len; i++) {
    const Offer *offer = offers->pdata[i];
    gboolean is_own = g_str_equal (offer->holder, app_object_text (self->container, "Name"));

    if (!is_own && !has_already (self, offer->match))
      g_variant_builder_add (&list, "(sssssbb)", offer->match,
                             offer->title[0] ? offer->title : app_words_device (offer->class), offer->class,
                             offer->nodes->str, offer->holder, offer->taken, offer->asks);
  }
  return g_variant_ref_sink (g_variant_builder_end (&list));
}

/* ---- what is done ---- */

static void
on_added (GtkWidget *button, gboolean well, gpointer data)
{
  gtk_widget_set_sensitive (button, TRUE);
}

/* A name that is its own among the container's devices. */
static char *
name_of (AppDevicesPage *self, const char *title)
{
  g_autoptr (GVariant) devices = app_object_get (self->container, "Devices", "aa{sv}");
  g_autofree char *plain = app_offer_plain_name (title);
  gsize n = devices ? g_variant_n_children (devices) : 0;
  const char *stem = strspn (plain, "0123456789-") < strlen (plain) ? plain : "device";
  char *name = g_strdup (stem);

  for (gsize i = 0, number = 2; i < n; i++) {
    g_autoptr (GVariant) device = g_variant_get_child_value (devices, i);

    if (!g_str_equal (text_of (device, "name"), name))
      continue;
    g_free (name);
    name = g_strdup_printf ("%s-%" G_GSIZE_FORMAT, stem, number++);
    i = (gsize)-1; /* from the first again */
  }
  return name;
}

static void
on_add (GtkButton *button, GVariant *offer)
{
  AppDevicesPage *self =
      APP_DEVICES_PAGE (gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_DEVICES_PAGE));
  const char *match, *title;
  g_autofree char *what = NULL, *name = NULL;
  GVariantBuilder options;

  g_variant_get (offer, "(&s&ssssbb)", &match, &title, NULL, NULL, NULL, NULL, NULL);
  name = name_of (self, title);
  what = g_strdup_printf (_ ("“%s” was not added"), title);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "match", g_variant_new_string (match));
  /* Where the owner has an account inside it is that account's; root may use it as well. */
  if (app_object_text (self->container, "Account")[0] != '\0')
    g_variant_builder_add (&options, "{sv}", "owner",
                           g_variant_new_take_string (g_strdup_printf ("%u", getuid ())));
  /* An administrator may be asked, and that takes its time. */
  gtk_widget_set_sensitive (GTK_WIDGET (button), FALSE);
  app_report_call_full (GTK_WIDGET (button), self->container, "AddDevice",
                        g_variant_new ("(sa{sv})", name, &options), NULL, what, on_added, NULL);
}

static void
on_remove (GtkButton *button, GVariant *device)
{
  AppDevicesPage *self =
      APP_DEVICES_PAGE (gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_DEVICES_PAGE));
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not taken away"), text_of (device, "name"));

  app_report_call (GTK_WIDGET (self), self->container, "RemoveDevice",
                   g_variant_new ("(s)", text_of (device, "name")), what);
}

/* ---- how it looks ---- */

static GtkWidget *
make_row (const char *title, const char *subtitle)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  return row;
}

static GtkWidget *
add_button (GtkWidget *row, const char *icon, const char *label, GCallback clicked, GVariant *item)
{
  GtkWidget *button = app_rows_button (icon, label);

  g_signal_connect_data (button, "clicked", clicked, g_variant_ref (item),
                         (GClosureNotify)(void (*) (void))g_variant_unref, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  return button;
}

static GtkWidget *
make_own (GVariant *device, gpointer data)
{
  AppDevicesPage *self = APP_DEVICES_PAGE (data);
  g_autofree const char **nodes = NULL;
  g_autofree char *list = NULL, *subtitle = NULL, *label = NULL;
  GtkWidget *row;

  g_variant_lookup (device, "nodes", "^a&s", &nodes);
  list = nodes ? g_strjoinv (", ", (char **)nodes) : g_strdup ("");
  if (list[0])
    /* Translators: of a device, with its places in the container, such as /dev/ttyUSB0. */
    subtitle = g_strdup_printf (_ ("There as %s"), list);
  else if (self->running)
    /* Translators: of a device, with what says which it is, such as usb:0658:0200. */
    subtitle = g_strdup_printf (_ ("Not there now: %s"), text_of (device, "match"));
  else
    /* Translators: of a device, with what says which it is, such as usb:0658:0200. */
    subtitle = g_strdup_printf (_ ("When the container runs: %s"), text_of (device, "match"));
  label = g_strdup_printf (_ ("Take Away %s"), text_of (device, "name"));
  row = make_row (text_of (device, "name"), subtitle);
  add_button (row, "user-trash-symbolic", label, G_CALLBACK (on_remove), device);
  return row;
}

/* What has no name of its own is called by its kind already. */
static char *
describe_offer (const char *title, const char *class, const char *nodes, gboolean asks)
{
  const char *kind = app_words_device (class);
  const char *asked = asks ? _ ("An administrator is asked") : NULL;

  return g_str_equal (title, kind) ? g_strjoin (" · ", nodes, asked, NULL)
                                   : g_strjoin (" · ", kind, nodes, asked, NULL);
}

static GtkWidget *
make_offer (GVariant *offer, gpointer data)
{
  const char *title, *class, *nodes, *holder;
  gboolean taken, asks;
  g_autofree char *subtitle = NULL, *label = NULL;
  GtkWidget *row, *button;

  g_variant_get (offer, "(s&s&s&s&sbb)", NULL, &title, &class, &nodes, &holder, &taken, &asks);
  if (holder[0])
    subtitle = g_strdup_printf (_ ("“%s” has it"), holder);
  else if (taken)
    subtitle = g_strdup (_ ("A container of somebody else’s has it"));
  else
    subtitle = describe_offer (title, class, nodes, asks);
  label = g_strdup_printf (_ ("Add %s"), title);
  row = make_row (title, subtitle);
  button = add_button (row, "list-add-symbolic", label, G_CALLBACK (on_add), offer);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), button);
  gtk_widget_set_sensitive (row, !taken);
  return row;
}

static void
update (AppDevicesPage *self)
{
  g_autoptr (GVariant) devices = app_object_get (self->container, "Devices", "aa{sv}");
  g_autoptr (GVariant) offers = list_offers (self);

  gtk_widget_set_visible (GTK_WIDGET (self->none), !devices || g_variant_n_children (devices) == 0);
  if (self->running != app_state_is_running (self->container))
    app_rows_forget (self->own);
  self->running = app_state_is_running (self->container);
  app_rows_set (self->own, devices);
  gtk_widget_set_visible (GTK_WIDGET (self->nothing), g_variant_n_children (offers) == 0);
  app_rows_set (self->offers, offers);
}

/* ---- what there is now ---- */

static void
on_listed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppDevicesPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);

  /* The page was left, or it is asked anew. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_pointer (&self->plugged, g_variant_unref);
  if (answer)
    self->plugged = g_variant_get_child_value (answer, 0);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->nothing),
                                 answer ? _ ("Nothing to Add") : _ ("What Is Plugged In Is Not Known"));
  adw_action_row_set_subtitle (self->nothing,
                               answer ? _ ("What you plug in appears here.") : app_words_for_error (error));
  update (self);
}

static void
cancel (AppDevicesPage *self)
{
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_handle_id (&self->again, g_source_remove);
}

/* As long as somebody looks at it: the service says when it is otherwise. */
static void
look (AppDevicesPage *self)
{
  cancel (self);
  if (!gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  self->cancellable = g_cancellable_new ();
  app_object_ask (app_client_get_manager (self->client), "ListDevices", NULL, self->cancellable, on_listed,
                  g_object_ref (self));
}

static gboolean
on_again (gpointer data)
{
  AppDevicesPage *self = APP_DEVICES_PAGE (data);

  self->again = 0;
  look (self);
  return G_SOURCE_REMOVE;
}

/* It leaves when nothing runs, and says nothing any more then. */
static void
on_left (AppDevicesPage *self)
{
  cancel (self);
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    self->again = g_timeout_add_seconds (AGAIN_SECONDS, on_again, self);
}

static void
build (AppDevicesPage *self)
{
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Devices"), NULL);
  AdwPreferencesGroup *own =
      app_rows_group (body, NULL,
                      _ ("Devices of this computer that programs in the container may use. They are "
                         "there whenever they are plugged in."));
  AdwPreferencesGroup *offers = app_rows_group (body, _ ("Plugged In Now"), NULL);

  self->none = ADW_ACTION_ROW (make_row (_ ("No Devices"), _ ("Add one of those that are plugged in.")));
  self->nothing = ADW_ACTION_ROW (make_row (_ ("Nothing to Add"), ""));
  adw_preferences_group_add (own, GTK_WIDGET (self->none));
  adw_preferences_group_add (offers, GTK_WIDGET (self->nothing));
  self->own = app_rows_new (own, make_own, self);
  self->offers = app_rows_new (offers, make_offer, self);
}

AdwNavigationPage *
app_devices_page_new (AppClient *client, AppObject *container)
{
  AppDevicesPage *self = g_object_new (APP_TYPE_DEVICES_PAGE, NULL);

  self->client = g_object_ref (client);
  self->container = g_object_ref (container);
  build (self);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (client, "devices-changed", G_CALLBACK (look), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (client, "left", G_CALLBACK (on_left), self, G_CONNECT_SWAPPED);
  g_signal_connect_after (self, "map", G_CALLBACK (look), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (cancel), NULL);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_devices_page_dispose (GObject *object)
{
  AppDevicesPage *self = APP_DEVICES_PAGE (object);

  cancel (self);
  g_clear_pointer (&self->own, app_rows_free);
  g_clear_pointer (&self->offers, app_rows_free);
  g_clear_pointer (&self->plugged, g_variant_unref);
  g_clear_object (&self->container);
  g_clear_object (&self->client);
  G_OBJECT_CLASS (app_devices_page_parent_class)->dispose (object);
}

static void
app_devices_page_class_init (AppDevicesPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_devices_page_dispose;
}

static void
app_devices_page_init (AppDevicesPage *self)
{
}
