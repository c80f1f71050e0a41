/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "limits-page.h"

#include <glib/gi18n.h>
#include <math.h>

#include "../limit.h"
#include "../report.h"
#include "../rows.h"

/* How long a slider rests, in ms, before its value holds. */
#define REST 600

typedef struct {
  AppLimitsPage *page;
  const AppLimit *limit;
  AdwExpanderRow *row;
  GtkAdjustment *adjustment;
  guint rest;
} Knob;

struct _AppLimitsPage {
  AdwNavigationPage parent_instance;

  AppObject *container;
  Knob knobs[APP_N_LIMITS];
  gboolean updating; /* what moves now is moved by the service's word, not by the person's hand */
};

G_DEFINE_FINAL_TYPE (AppLimitsPage, app_limits_page, ADW_TYPE_NAVIGATION_PAGE)

/* The limit in its units; 0: there is none. */
static double
current (AppObject *container, const AppLimit *limit)
{
  g_autoptr (GVariant) all = app_object_get (container, "Limits", "a{sv}");

  return app_limit_value (limit, all);
}

char *
app_limits_page_summary (AppObject *container)
{
  g_autoptr (GVariant) all = app_object_get (container, "Limits", "a{sv}");
  g_autofree char *text = app_limits_summary (all);

  return g_strdup (text[0] ? text : _ ("None"));
}

static void update (AppLimitsPage *self);

static void
on_set (GtkWidget *page, gboolean well, gpointer data)
{
  update (APP_LIMITS_PAGE (page));
}

/* @value in units; 0: no limit. */
static void
set (Knob *knob, double value)
{
  AppLimitsPage *self = knob->page;
  g_autofree char *what = g_strdup_printf (_ ("%s: the limit was not changed"), _ (knob->limit->title));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", knob->limit->key, app_limit_pack (knob->limit, value));
  app_report_call_full (GTK_WIDGET (self), self->container, "SetLimits", g_variant_new ("(a{sv})", &builder),
                        NULL, what, on_set, NULL);
}

static gboolean
on_rested (gpointer data)
{
  Knob *knob = data;

  knob->rest = 0;
  set (knob, gtk_adjustment_get_value (knob->adjustment));
  return G_SOURCE_REMOVE;
}

/* Whether the value is only the limit as it is shown: a field rounds to its digits when it is left. */
static gboolean
is_rounding (Knob *knob)
{
  double now = current (knob->page->container, knob->limit);
  double half = 0.5 * pow (10, -(double)app_limit_digits (knob->limit));

  /* What is just half a digit may be a little more in binary. */
  return now > 0 && fabs (gtk_adjustment_get_value (knob->adjustment) - now) <= half * 1.001;
}

static void
on_moved (Knob *knob)
{
  if (knob->page->updating)
    return;
  g_clear_handle_id (&knob->rest, g_source_remove);
  if (is_rounding (knob))
    return;
  knob->rest = g_timeout_add (REST, on_rested, knob);
}

static void
on_switched (AdwExpanderRow *row, GParamSpec *spec, Knob *knob)
{
  gboolean limited = adw_expander_row_get_enable_expansion (row);

  if (knob->page->updating)
    return;
  g_clear_handle_id (&knob->rest, g_source_remove);
  set (knob, limited ? gtk_adjustment_get_value (knob->adjustment) : 0);
}

static gboolean
holds (AppLimitsPage *self, const AppLimit *limit)
{
  g_auto (GStrv) unenforced = app_object_texts (self->container, "UnenforcedLimits");

  return !g_strv_contains ((const char *const *)unenforced, limit->key);
}

static void
update_knob (AppLimitsPage *self, Knob *knob)
{
  double value = current (self->container, knob->limit);
  g_autofree char *text = app_limit_describe (knob->limit, value);
  g_autofree char *void_text = g_strdup_printf (_ ("%s (this computer can not enforce it)"), text);

  /* What the person moves at this moment stays in the hand. */
  if (knob->rest)
    return;
  adw_expander_row_set_subtitle (knob->row, holds (self, knob->limit) ? text : void_text);
  adw_expander_row_set_enable_expansion (knob->row, value > 0);
  if (value > gtk_adjustment_get_upper (knob->adjustment))
    gtk_adjustment_set_upper (knob->adjustment, value);
  if (value > 0)
    gtk_adjustment_set_value (knob->adjustment, value);
}

static void
update (AppLimitsPage *self)
{
  self->updating = TRUE;
  for (gsize i = 0; i < APP_N_LIMITS; i++)
    update_knob (self, &self->knobs[i]);
  self->updating = FALSE;
}

/* The wheel scrolls the page: who does that must not change what happens to be below the pointer. */
static void
leave_wheel (GtkWidget *widget)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (widget);

  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GtkEventController) controller = g_list_model_get_item (controllers, i);

    if (GTK_IS_EVENT_CONTROLLER_SCROLL (controller))
      gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_NONE);
  }
}

/* A slider, which ends where the machine does, and a field for who knows the number. */
static GtkWidget *
make_slider (Knob *knob)
{
  const AppLimit *limit = knob->limit;
  double top = app_limit_highest (limit);
  GtkWidget *row = adw_action_row_new (), *scale, *spin;
  g_autofree char *label = g_strdup_printf ("%s, %s", _ (limit->title), _ (limit->unit));

  knob->adjustment =
      gtk_adjustment_new (MIN (limit->preset, top), limit->lowest, top, limit->step, limit->step * 4, 0);
  scale = gtk_scale_new (GTK_ORIENTATION_HORIZONTAL, knob->adjustment);
  spin = gtk_spin_button_new (knob->adjustment, limit->step, app_limit_digits (limit));
  leave_wheel (scale);
  leave_wheel (spin);
  gtk_widget_set_hexpand (scale, TRUE);
  gtk_widget_set_size_request (scale, 120, -1);
  gtk_widget_set_valign (spin, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (scale), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (spin), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), scale);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), spin);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_label_new (_ (limit->unit)));
  g_signal_connect_swapped (knob->adjustment, "value-changed", G_CALLBACK (on_moved), knob);
  return row;
}

static void
make_knob (AppLimitsPage *self, AdwPreferencesGroup *group, Knob *knob, const AppLimit *limit)
{
  knob->page = self;
  knob->limit = limit;
  knob->row = ADW_EXPANDER_ROW (adw_expander_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (knob->row), _ (limit->title));
  adw_expander_row_set_show_enable_switch (knob->row, TRUE);
  adw_expander_row_add_row (knob->row, make_slider (knob));
  g_signal_connect (knob->row, "notify::enable-expansion", G_CALLBACK (on_switched), knob);
  adw_preferences_group_add (group, GTK_WIDGET (knob->row));
}

/* What an administrator gives one container is where the sliders end; but for what one has already. */
static void
on_ceilings (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppLimitsPage) self = data;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, NULL);
  g_autoptr (GVariant) ceilings = answer ? g_variant_get_child_value (answer, 0) : NULL;

  if (ceilings == NULL || self->container == NULL)
    return;
  self->updating = TRUE;
  for (gsize i = 0; i < APP_N_LIMITS; i++) {
    double ceiling = app_limit_value (&app_limits[i], ceilings);
    GtkAdjustment *adjustment = self->knobs[i].adjustment;

    if (ceiling <= 0 || ceiling >= gtk_adjustment_get_upper (adjustment))
      continue;
    ceiling = MAX (ceiling, app_limits[i].lowest);
    gtk_adjustment_set_upper (adjustment, ceiling);
    gtk_adjustment_set_value (adjustment, MIN (gtk_adjustment_get_value (adjustment), ceiling));
  }
  self->updating = FALSE;
  update (self);
}

AdwNavigationPage *
app_limits_page_new (AppClient *client, AppObject *container)
{
  AppLimitsPage *self = g_object_new (APP_TYPE_LIMITS_PAGE, NULL);
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Limits"), NULL);
  AdwPreferencesGroup *group = app_rows_group (
      body, NULL, _ ("How much of this computer the container may use. Changes hold at once."));

  self->container = g_object_ref (container);
  self->updating = TRUE;
  for (gsize i = 0; i < APP_N_LIMITS; i++)
    make_knob (self, group, &self->knobs[i], &app_limits[i]);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  app_object_ask (app_client_get_manager (client), "Ceilings", NULL, NULL, on_ceilings, g_object_ref (self));
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_limits_page_dispose (GObject *object)
{
  AppLimitsPage *self = APP_LIMITS_PAGE (object);

  /* What was moved last is meant, though the page is left at once. */
  for (gsize i = 0; i < APP_N_LIMITS; i++) {
    Knob *knob = &self->knobs[i];
    gboolean moved = knob->rest != 0;

    g_clear_handle_id (&knob->rest, g_source_remove);
    if (moved)
      set (knob, gtk_adjustment_get_value (knob->adjustment));
  }
  g_clear_object (&self->container);
  G_OBJECT_CLASS (app_limits_page_parent_class)->dispose (object);
}

static void
app_limits_page_class_init (AppLimitsPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_limits_page_dispose;
}

static void
app_limits_page_init (AppLimitsPage *self)
{
}
