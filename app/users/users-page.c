/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "users-page.h"

#include <glib/gi18n.h>

#include "../limit.h"
#include "../report.h"
#include "../rows.h"
#include "../words.h"

struct _AppUsersPage {
  AdwNavigationPage parent_instance;

  AppObject *manager;
  GCancellable *cancellable;
  AdwActionRow *none; /* in place of rows, where they can not be listed */
  AppRows *rows;
};

G_DEFINE_FINAL_TYPE (AppUsersPage, app_users_page, ADW_TYPE_NAVIGATION_PAGE)

/* What is set of one user. */
typedef struct {
  guint32 uid;
  char *name;
  GVariant *own; /* a{sv}: the ceilings that are this user's own now */
  AdwSpinRow *fields[APP_N_LIMITS];
  double shown[APP_N_LIMITS]; /* what the fields had at first */
} Ceilings;

static void
ceilings_free (gpointer data, GClosure *closure)
{
  Ceilings *ceilings = data;

  g_free (ceilings->name);
  g_variant_unref (ceilings->own);
  g_free (ceilings);
}

static guint32
number_of (GVariant *user, const char *key)
{
  guint32 number = 0;

  g_variant_lookup (user, key, "u", &number);
  return number;
}

static GVariant *
ceilings_of (GVariant *user, const char *key)
{
  GVariant *ceilings = g_variant_lookup_value (user, key, G_VARIANT_TYPE_VARDICT);

  return ceilings ? ceilings : g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
}

/* ---- what there is ---- */

static void
on_listed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppUsersPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (GVariant) users = answer ? g_variant_get_child_value (answer, 0) : NULL;
  gboolean empty = users == NULL || g_variant_n_children (users) == 0;

  /* The page was left, or it is asked anew. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->none),
                                 users ? _ ("No Users") : _ ("Users Can Not Be Listed"));
  adw_action_row_set_subtitle (self->none, users ? _ ("Nobody has a container that you may see.")
                                                 : app_words_for_error (error));
  gtk_widget_set_visible (GTK_WIDGET (self->none), empty);
  app_rows_set (self->rows, users);
}

static void
cancel (AppUsersPage *self)
{
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

/* Without a question: who is allowed to already sees everybody. */
static void
look (AppUsersPage *self)
{
  cancel (self);
  if (!gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  self->cancellable = g_cancellable_new ();
  app_object_ask (self->manager, "ListUsers", NULL, self->cancellable, on_listed, g_object_ref (self));
}

/* Others are an administrator's to see, who is asked for it. */
static void
on_everybody (AppUsersPage *self)
{
  cancel (self);
  self->cancellable = g_cancellable_new ();
  app_object_call (self->manager, "ListUsers", NULL, NULL, self->cancellable, on_listed, g_object_ref (self));
}

/* ---- what is done ---- */

static void
on_set (GtkWidget *page, gboolean well, gpointer data)
{
  if (well)
    look (APP_USERS_PAGE (page));
}

/* What was not touched stays as it is to the last byte, and so do ceilings that have no field. */
static GVariant *
pack (const Ceilings *ceilings)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (ceilings->own);

  for (gsize i = 0; i < APP_N_LIMITS; i++) {
    double value = adw_spin_row_get_value (ceilings->fields[i]);

    if (value == ceilings->shown[i])
      continue;
    if (value > 0)
      g_variant_dict_insert_value (&dict, app_limits[i].key, app_limit_pack (&app_limits[i], value));
    else
      g_variant_dict_remove (&dict, app_limits[i].key);
  }
  return g_variant_dict_end (&dict);
}

static void
on_change (AdwActionRow *row, Ceilings *ceilings)
{
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (row), APP_TYPE_USERS_PAGE);
  g_autofree char *what = g_strdup_printf (_ ("What “%s” may have was not changed"), ceilings->name);

  app_report_call_full (page, APP_USERS_PAGE (page)->manager, "SetUserCeilings",
                        g_variant_new ("(u@a{sv})", ceilings->uid, pack (ceilings)), NULL, what, on_set,
                        NULL);
}

/* ---- how it looks ---- */

/* How many containers somebody has, and what one of them may have. */
static char *
describe (GVariant *user)
{
  g_autoptr (GVariant) ceilings = ceilings_of (user, "ceilings");
  guint32 containers = number_of (user, "containers");
  g_autofree char *summary = app_limits_summary (ceilings);
  g_autofree char *count =
      g_strdup_printf (g_dngettext (NULL, "%u container", "%u containers", containers), containers);

  return g_strjoin (" · ", count, summary[0] ? summary : _ ("No limit"), NULL);
}

static void
add_field (AdwExpanderRow *row, Ceilings *ceilings, gsize i, GVariant *in_force)
{
  const AppLimit *limit = &app_limits[i];
  GtkWidget *field = adw_spin_row_new_with_range (0, app_limit_highest (limit), limit->step);
  /* Processors are counted in processors. */
  g_autofree char *title = limit->scale > 1 ? g_strdup_printf ("%s, %s", _ (limit->title), _ (limit->unit))
                                            : g_strdup (_ (limit->title));
  g_autofree char *now = app_limit_describe (limit, app_limit_value (limit, in_force));

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (field), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (field), now);
  adw_spin_row_set_digits (ADW_SPIN_ROW (field), app_limit_digits (limit));
  adw_spin_row_set_value (ADW_SPIN_ROW (field), app_limit_value (limit, ceilings->own));
  ceilings->fields[i] = ADW_SPIN_ROW (field);
  ceilings->shown[i] = adw_spin_row_get_value (ceilings->fields[i]);
  adw_expander_row_add_row (row, field);
}

static GtkWidget *
make_row (GVariant *user, gpointer data)
{
  GtkWidget *row = adw_expander_row_new (), *change = adw_action_row_new ();
  g_autoptr (GVariant) in_force = ceilings_of (user, "ceilings");
  g_autofree char *subtitle = describe (user);
  Ceilings *ceilings = g_new0 (Ceilings, 1);
  const char *name = "";

  g_variant_lookup (user, "name", "&s", &name);
  ceilings->uid = number_of (user, "uid");
  ceilings->name = name[0] ? g_strdup (name) : g_strdup_printf ("%u", ceilings->uid);
  ceilings->own = ceilings_of (user, "own-ceilings");
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), ceilings->name);
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (row), subtitle);
  for (gsize i = 0; i < APP_N_LIMITS; i++)
    add_field (ADW_EXPANDER_ROW (row), ceilings, i, in_force);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (change), _ ("Change…"));
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (change), TRUE);
  adw_action_row_add_suffix (ADW_ACTION_ROW (change), gtk_image_new_from_icon_name ("go-next-symbolic"));
  g_signal_connect_data (change, "activated", G_CALLBACK (on_change), ceilings, ceilings_free, 0);
  adw_expander_row_add_row (ADW_EXPANDER_ROW (row), change);
  return row;
}

static void
build (AppUsersPage *self)
{
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Users"), NULL);
  AdwPreferencesGroup *group = app_rows_group (
      body, NULL,
      _ ("Who has containers on this computer, and what one container of theirs may have at most. Where a "
         "field is 0, that is the same for everybody."));

  self->none = app_rows_none (group);
  self->rows = app_rows_new (group, make_row, self);
  adw_preferences_group_add (app_rows_group (body, NULL, NULL),
                             app_rows_link (_ ("Show Everybody…"), G_CALLBACK (on_everybody), self));
}

AdwNavigationPage *
app_users_page_new (AppClient *client)
{
  AppUsersPage *self = g_object_new (APP_TYPE_USERS_PAGE, NULL);

  self->manager = g_object_ref (app_client_get_manager (client));
  build (self);
  g_signal_connect_after (self, "map", G_CALLBACK (look), NULL);
  g_signal_connect (self, "unmap", G_CALLBACK (cancel), NULL);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_users_page_dispose (GObject *object)
{
  AppUsersPage *self = APP_USERS_PAGE (object);

  cancel (self);
  g_clear_pointer (&self->rows, app_rows_free);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (app_users_page_parent_class)->dispose (object);
}

static void
app_users_page_class_init (AppUsersPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_users_page_dispose;
}

static void
app_users_page_init (AppUsersPage *self)
{
}
