/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "startup-page.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"

/* How long the delay rests, in ms, before it holds: one click on it is seldom the last. */
#define REST 600

struct _AppStartupPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppObject *container;
  AdwComboRow *mode;
  AdwComboRow *after;
  AdwSpinRow *delay;
  AdwComboRow *restart;
  GtkStringList *others; /* "", then names of the owner's other containers */
  gboolean updating;     /* what moves now is moved by the service's word */
  guint rest;            /* the delay was changed, and may be changed further */
};

G_DEFINE_FINAL_TYPE (AppStartupPage, app_startup_page, ADW_TYPE_NAVIGATION_PAGE)

typedef struct {
  const char *value;
  const char *words;
} Choice;

static const Choice modes[] = {
  { "no", N_ ("Never by itself") },
  { "boot", N_ ("At boot") },
  { "login", N_ ("At login") },
  { "on-demand", N_ ("On demand") },
};
static const Choice restarts[] = {
  { "no", N_ ("Stays stopped") },
  { "on-failure", N_ ("Restarts on failure") },
  { "always", N_ ("Always restarts") },
};

static char *
field (AppObject *container, const char *key)
{
  g_autoptr (GVariant) autostart = app_object_get (container, "Autostart", "a{sv}");
  char *value = NULL;

  if (autostart)
    g_variant_lookup (autostart, key, "s", &value);
  return value ? value : g_strdup ("");
}

/* "on-failure:5" is a kind of "on-failure". */
static guint
find (const Choice *choices, gsize n_choices, const char *value)
{
  for (guint i = 0; i < n_choices; i++) {
    gsize length = strlen (choices[i].value);

    if (strncmp (choices[i].value, value, length) == 0 && (value[length] == '\0' || value[length] == ':'))
      return i;
  }
  return 0;
}

char *
app_startup_page_summary (AppObject *container)
{
  g_autofree char *mode = field (container, "mode");
  g_autofree char *restart = field (container, "restart");
  guint again = find (restarts, G_N_ELEMENTS (restarts), restart);
  const char *first = _ (modes[find (modes, G_N_ELEMENTS (modes), mode)].words);

  /* Translators: when it is started, and what is done when it ends. */
  return again ? g_strdup_printf (_ ("%s, %s"), first, _ (restarts[again].words)) : g_strdup (first);
}

static gboolean
lists (GtkStringList *list, GStrv names)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (list));

  if (n != g_strv_length (names))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!g_str_equal (gtk_string_list_get_string (list, i), names[i]))
      return FALSE;
  return TRUE;
}

static void
list_others (AppStartupPage *self, const char *after)
{
  GListModel *containers = app_client_get_containers (self->client);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) names = NULL;
  guint n = 1, selected = 0;

  g_strv_builder_add (builder, _ ("Nobody"));
  for (guint i = 0; i < g_list_model_get_n_items (containers); i++) {
    g_autoptr (AppObject) other = g_list_model_get_item (containers, i);

    if (other == self->container)
      continue;
    g_strv_builder_add (builder, app_object_text (other, "Name"));
    if (g_str_equal (app_object_text (other, "Name"), after))
      selected = n;
    n++;
  }
  names = g_strv_builder_end (builder);
  /* A list that is open just now is closed by that. */
  if (!lists (self->others, names))
    gtk_string_list_splice (self->others, 0, g_list_model_get_n_items (G_LIST_MODEL (self->others)),
                            (const char *const *)names);
  adw_combo_row_set_selected (self->after, selected);
}

static void
update (AppStartupPage *self)
{
  g_autofree char *mode = field (self->container, "mode");
  g_autofree char *restart = field (self->container, "restart");
  g_autofree char *after = field (self->container, "after");
  g_autoptr (GVariant) autostart = app_object_get (self->container, "Autostart", "a{sv}");
  guint32 delay = 0;
  gboolean starts = find (modes, G_N_ELEMENTS (modes), mode) != 0;

  if (autostart)
    g_variant_lookup (autostart, "delay", "u", &delay);
  self->updating = TRUE;
  adw_combo_row_set_selected (self->mode, find (modes, G_N_ELEMENTS (modes), mode));
  adw_combo_row_set_selected (self->restart, find (restarts, G_N_ELEMENTS (restarts), restart));
  /* What the person changes at this moment stays in the hand. */
  if (self->rest == 0)
    adw_spin_row_set_value (self->delay, delay);
  list_others (self, after);
  gtk_widget_set_visible (GTK_WIDGET (self->after), starts);
  gtk_widget_set_visible (GTK_WIDGET (self->delay), starts);
  self->updating = FALSE;
}

static void
on_set (GtkWidget *page, gboolean well, gpointer data)
{
  update (APP_STARTUP_PAGE (page));
}

static void
save (AppStartupPage *self)
{
  guint after = adw_combo_row_get_selected (self->after),
        restart = adw_combo_row_get_selected (self->restart);
  g_autofree char *what =
      g_strdup_printf (_ ("When “%s” is started was not changed"), app_object_text (self->container, "Name"));
  g_autofree char *known = field (self->container, "restart");
  GVariantBuilder options;

  g_clear_handle_id (&self->rest, g_source_remove);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "delay",
                         g_variant_new_uint32 ((guint32)adw_spin_row_get_value (self->delay)));
  g_variant_builder_add (
      &options, "{sv}", "after",
      g_variant_new_string (after ? gtk_string_list_get_string (self->others, after) : ""));
  /* A bound that was set elsewhere stays, unless it is this that is changed. */
  if (find (restarts, G_N_ELEMENTS (restarts), known) != restart)
    g_variant_builder_add (&options, "{sv}", "restart", g_variant_new_string (restarts[restart].value));
  app_report_call_full (
      GTK_WIDGET (self), self->container, "SetAutostart",
      g_variant_new ("(sa{sv})", modes[adw_combo_row_get_selected (self->mode)].value, &options), NULL, what,
      on_set, NULL);
}

static void
on_changed (AppStartupPage *self)
{
  if (!self->updating)
    save (self);
}

static gboolean
on_rested (gpointer data)
{
  AppStartupPage *self = APP_STARTUP_PAGE (data);

  self->rest = 0;
  save (self);
  return G_SOURCE_REMOVE;
}

static void
on_delay_changed (AppStartupPage *self)
{
  if (self->updating)
    return;
  g_clear_handle_id (&self->rest, g_source_remove);
  self->rest = g_timeout_add (REST, on_rested, self);
}

static AdwComboRow *
add_combo (AppStartupPage *self, AdwPreferencesGroup *group, const char *title, GListModel *model)
{
  GtkWidget *row = adw_combo_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_combo_row_set_model (ADW_COMBO_ROW (row), model);
  g_signal_connect_swapped (row, "notify::selected", G_CALLBACK (on_changed), self);
  adw_preferences_group_add (group, row);
  return ADW_COMBO_ROW (row);
}

static GListModel *
choices_list (const Choice *choices, gsize n_choices)
{
  GtkStringList *list = gtk_string_list_new (NULL);

  for (gsize i = 0; i < n_choices; i++)
    gtk_string_list_append (list, _ (choices[i].words));
  return G_LIST_MODEL (list);
}

static void
build (AppStartupPage *self)
{
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Start-up"), NULL);
  AdwPreferencesGroup *first = app_rows_group (body, NULL, NULL), *second = app_rows_group (body, NULL, NULL);
  g_autoptr (GListModel) mode_list = choices_list (modes, G_N_ELEMENTS (modes));
  g_autoptr (GListModel) restart_list = choices_list (restarts, G_N_ELEMENTS (restarts));

  self->updating = TRUE;
  self->mode = add_combo (self, first, _ ("Starts"), mode_list);
  self->after = add_combo (self, first, _ ("Waits For"), G_LIST_MODEL (self->others));
  self->delay = ADW_SPIN_ROW (adw_spin_row_new_with_range (0, 3600, 1));
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->delay), _ ("Delay in Seconds"));
  g_signal_connect_swapped (self->delay, "notify::value", G_CALLBACK (on_delay_changed), self);
  adw_preferences_group_add (first, GTK_WIDGET (self->delay));
  self->restart = add_combo (self, second, _ ("When It Ends"), restart_list);
}

AdwNavigationPage *
app_startup_page_new (AppClient *client, AppObject *container)
{
  AppStartupPage *self = g_object_new (APP_TYPE_STARTUP_PAGE, NULL);

  self->client = g_object_ref (client);
  self->container = g_object_ref (container);
  build (self);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_startup_page_dispose (GObject *object)
{
  AppStartupPage *self = APP_STARTUP_PAGE (object);

  /* What was changed last is meant, though the page is left at once. */
  if (self->rest)
    save (self);
  g_clear_object (&self->client);
  g_clear_object (&self->others);
  g_clear_object (&self->container);
  G_OBJECT_CLASS (app_startup_page_parent_class)->dispose (object);
}

static void
app_startup_page_class_init (AppStartupPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_startup_page_dispose;
}

static void
app_startup_page_init (AppStartupPage *self)
{
  self->others = gtk_string_list_new (NULL);
}
