/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "egress.h"

#include <glib/gi18n.h>

#include "../report.h"

struct _AppEgressRow {
  AdwActionRow parent_instance;

  AppObject *container;
  GtkSwitch *everything;
};

G_DEFINE_FINAL_TYPE (AppEgressRow, app_egress_row, ADW_TYPE_ACTION_ROW)

gboolean
app_egress_is_open (AppObject *container)
{
  g_auto (GStrv) destinations = app_object_texts (container, "Egress");

  return g_strv_contains ((const char *const *)destinations, "all");
}

void
app_egress_change (
    GtkWidget *near, AppObject *container, const char *change, const char *destination, AppReportEnd end)
{
  g_autofree char *what =
      g_strdup_printf (_ ("What “%s” may connect to was not changed"), app_object_text (container, "Name"));
  const char *const destinations[] = { destination, NULL };

  app_report_call_full (near, container, "SetEgress", g_variant_new ("(s^as)", change, destinations), NULL,
                        what, end, NULL);
}

static void
update (AppEgressRow *self)
{
  g_auto (GStrv) destinations = app_object_texts (self->container, "Egress");
  guint length = g_strv_length (destinations);
  gboolean open = app_egress_is_open (self->container);
  g_autofree char *some =
      g_strdup_printf (g_dngettext (NULL, "Only one destination", "Only %u destinations", length), length);

  gtk_switch_set_active (self->everything, open);
  gtk_switch_set_state (self->everything, open);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self),
                               open          ? _ ("The internet, your network and your other containers")
                               : length == 0 ? _ ("Nothing")
                                             : some);
}

static void
on_switched_end (GtkWidget *row, gboolean well, gpointer data)
{
  update (APP_EGRESS_ROW (row));
}

/* The switch moves at once, what it stands for when the service has done it. */
static gboolean
on_switched (GtkSwitch *everything, gboolean active, AppEgressRow *self)
{
  /* The destinations that somebody listed stay: they hold again when not everything is allowed any more. */
  if (active != app_egress_is_open (self->container))
    app_egress_change (GTK_WIDGET (self), self->container, active ? "allow" : "deny", "all", on_switched_end);
  return TRUE;
}

GtkWidget *
app_egress_row_new (AppObject *container)
{
  AppEgressRow *self = g_object_new (APP_TYPE_EGRESS_ROW, NULL);

  self->container = g_object_ref (container);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  g_signal_connect_object (self->everything, "state-set", G_CALLBACK (on_switched), self, 0);
  return GTK_WIDGET (self);
}

static void
app_egress_row_dispose (GObject *object)
{
  g_clear_object (&APP_EGRESS_ROW (object)->container);
  G_OBJECT_CLASS (app_egress_row_parent_class)->dispose (object);
}

static void
app_egress_row_class_init (AppEgressRowClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_egress_row_dispose;
}

static void
app_egress_row_init (AppEgressRow *self)
{
  self->everything = GTK_SWITCH (gtk_switch_new ());
  gtk_widget_set_valign (GTK_WIDGET (self->everything), GTK_ALIGN_CENTER);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), _ ("May Connect to Everything"));
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), GTK_WIDGET (self->everything));
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (self), GTK_WIDGET (self->everything));
}
