/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "snapshots-page.h"

#include <glib/gi18n.h>

#include "../report.h"
#include "../rows.h"
#include "../words.h"

struct _AppSnapshotsPage {
  AdwNavigationPage parent_instance;

  AppClient *client;
  AppObject *container;
  GtkEditable *name;
  char *asked; /* the name of the one that is being made, or NULL */
  AppRows *rows;
};

G_DEFINE_FINAL_TYPE (AppSnapshotsPage, app_snapshots_page, ADW_TYPE_NAVIGATION_PAGE)

char *
app_snapshots_page_summary (AppObject *container)
{
  g_autoptr (GVariant) snapshots = app_object_get (container, "Snapshots", "aa{sv}");
  guint n = snapshots ? (guint)g_variant_n_children (snapshots) : 0;

  return n ? g_strdup_printf (g_dngettext (NULL, "%u snapshot", "%u snapshots", n), n)
           : g_strdup (_ ("No snapshots"));
}

static const char *
name_of (GVariant *snapshot)
{
  const char *name = "";

  g_variant_lookup (snapshot, "name", "&s", &name);
  return name;
}

/* The newest first: that is the one which somebody wants back. */
static void
update (AppSnapshotsPage *self)
{
  g_autoptr (GVariant) snapshots = app_object_get (self->container, "Snapshots", "aa{sv}");
  GVariantBuilder newest = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GVariant) array = NULL;
  gboolean made = FALSE;

  for (gsize i = snapshots ? g_variant_n_children (snapshots) : 0; i > 0; i--) {
    g_autoptr (GVariant) snapshot = g_variant_get_child_value (snapshots, i - 1);

    g_variant_builder_add_value (&newest, snapshot);
    made = made || g_strcmp0 (name_of (snapshot), self->asked) == 0;
  }
  array = g_variant_ref_sink (g_variant_builder_end (&newest));
  app_rows_set (self->rows, array);
  if (!made)
    return;
  /* What was typed stays until it is there; and longer, if something else is being typed by then. */
  if (g_str_equal (gtk_editable_get_text (self->name), self->asked))
    gtk_editable_set_text (self->name, "");
  g_clear_pointer (&self->asked, g_free);
}

/* ---- what is done, after a question ---- */

/* What is asked, and done when the person agrees, though the page is left meanwhile. */
typedef struct {
  GWeakRef overlay;
  AppClient *client;
  AppObject *container;
  char *name; /* of the snapshot */
} Question;

static void
question_clear (gpointer data)
{
  Question *question = data;

  g_weak_ref_clear (&question->overlay);
  g_object_unref (question->client);
  g_object_unref (question->container);
  g_free (question->name);
}

static void
question_unref (Question *question)
{
  g_rc_box_release_full (question, question_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Question, question_unref)

static Question *
question_new (AppSnapshotsPage *self, const char *name)
{
  Question *question = g_rc_box_new0 (Question);

  g_weak_ref_init (&question->overlay, app_report_overlay (GTK_WIDGET (self)));
  question->client = g_object_ref (self->client);
  question->container = g_object_ref (self->container);
  question->name = g_strdup (name);
  return question;
}

static void
begin_restore (Question *question)
{
  g_autoptr (AdwToastOverlay) overlay = g_weak_ref_get (&question->overlay);
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not restored"), question->name);

  app_report_operation_in (overlay, question->client, question->container, "Restore",
                           g_variant_new ("(s)", question->name), NULL, what);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Question) question = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);
  g_autoptr (AdwToastOverlay) overlay = g_weak_ref_get (&question->overlay);
  g_autofree char *what =
      g_strdup_printf (_ ("“%s” was not stopped"), app_object_text (question->container, "Name"));

  if (answer)
    begin_restore (question);
  else if (overlay)
    app_report_in (overlay, what, error);
}

static gboolean
stands_still (AppObject *container)
{
  const char *state = app_object_text (container, "State");

  return g_str_equal (state, "stopped") || g_str_equal (state, "failed");
}

static void
on_restore_response (AdwAlertDialog *dialog, const char *response, Question *question)
{
  if (!g_str_equal (response, "do"))
    return;
  if (stands_still (question->container))
    begin_restore (question);
  else
    app_object_call (question->container, "Stop", g_variant_new ("(a{sv})", NULL), NULL, NULL, on_stopped,
                     g_rc_box_acquire (question));
}

static void
on_remove_response (AdwAlertDialog *dialog, const char *response, Question *question)
{
  g_autoptr (AdwToastOverlay) overlay = g_weak_ref_get (&question->overlay);
  g_autofree char *what = g_strdup_printf (_ ("“%s” was not deleted"), question->name);

  if (g_str_equal (response, "do"))
    app_report_operation_in (overlay, question->client, question->container, "RemoveSnapshot",
                             g_variant_new ("(s)", question->name), NULL, what);
}

static void
ask (AppSnapshotsPage *self,
     GVariant *snapshot,
     const char *heading,
     const char *body,
     const char *label,
     GCallback on_response)
{
  AdwDialog *dialog = adw_alert_dialog_new (heading, body);

  adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "do", label, NULL);
  adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "do", ADW_RESPONSE_DESTRUCTIVE);
  g_signal_connect_data (dialog, "response", on_response, question_new (self, name_of (snapshot)),
                         (GClosureNotify)(void (*) (void))question_unref, 0);
  adw_dialog_present (dialog, GTK_WIDGET (self));
}

static AppSnapshotsPage *
page_of (GtkButton *button)
{
  return APP_SNAPSHOTS_PAGE (gtk_widget_get_ancestor (GTK_WIDGET (button), APP_TYPE_SNAPSHOTS_PAGE));
}

static void
on_restore (GtkButton *button, GVariant *snapshot)
{
  AppSnapshotsPage *self = page_of (button);
  g_autofree char *heading = g_strdup_printf (_ ("Restore “%s”?"), name_of (snapshot));

  ask (self, snapshot, heading,
       _ ("The files of the container are as they were then. What is there now is kept as a snapshot."),
       stands_still (self->container) ? _ ("_Restore") : _ ("_Stop and Restore"),
       G_CALLBACK (on_restore_response));
}

static void
on_remove (GtkButton *button, GVariant *snapshot)
{
  g_autofree char *heading = g_strdup_printf (_ ("Delete “%s”?"), name_of (snapshot));

  ask (page_of (button), snapshot, heading, _ ("What was in the container then does not come back any more."),
       _ ("_Delete"), G_CALLBACK (on_remove_response));
}

static void
on_make (AppSnapshotsPage *self)
{
  g_free (self->asked);
  self->asked = g_strdup (gtk_editable_get_text (self->name));
  app_report_operation (GTK_WIDGET (self), self->client, self->container, "Snapshot",
                        g_variant_new ("(sa{sv})", self->asked, NULL), NULL, _ ("No snapshot was made"));
}

/* ---- how it looks ---- */

static void
add_button (GtkWidget *row, const char *icon, const char *label, GCallback clicked, GVariant *snapshot)
{
  GtkWidget *button = app_rows_button (icon, label);

  g_signal_connect_data (button, "clicked", clicked, g_variant_ref (snapshot),
                         (GClosureNotify)(void (*) (void))g_variant_unref, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
}

static GtkWidget *
make_row (GVariant *snapshot, gpointer data)
{
  GtkWidget *row = adw_action_row_new ();
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  guint64 created = 0;
  gboolean automatic = FALSE;
  g_autofree char *when = NULL, *subtitle = NULL;
  g_autofree char *back = g_strdup_printf (_ ("Restore %s"), name_of (snapshot));
  g_autofree char *away = g_strdup_printf (_ ("Delete %s"), name_of (snapshot));

  g_variant_lookup (snapshot, "created-at", "t", &created);
  g_variant_lookup (snapshot, "automatic", "b", &automatic);
  when = app_words_when (created, now);
  /* Translators: of a snapshot that was made by itself when another one was restored, with when that was. */
  subtitle = automatic ? g_strdup_printf (_ ("What was there before a restore, %s"), when) : g_strdup (when);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name_of (snapshot));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  add_button (row, "edit-undo-symbolic", back, G_CALLBACK (on_restore), snapshot);
  add_button (row, "user-trash-symbolic", away, G_CALLBACK (on_remove), snapshot);
  return row;
}

AdwNavigationPage *
app_snapshots_page_new (AppClient *client, AppObject *container)
{
  AppSnapshotsPage *self = g_object_new (APP_TYPE_SNAPSHOTS_PAGE, NULL);
  AdwPreferencesPage *body = app_rows_page (ADW_NAVIGATION_PAGE (self), _ ("Snapshots"), NULL);
  AdwPreferencesGroup *making = app_rows_group (body, NULL,
                                                _ ("The files of the container as they were at some time, "
                                                   "which it takes no time to keep. Shared folders "
                                                   "are not among them."));
  GtkWidget *name = adw_entry_row_new ();

  self->client = g_object_ref (client);
  self->container = g_object_ref (container);
  self->name = GTK_EDITABLE (name);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (name), _ ("Name; Without One the Day and the Time"));
  adw_preferences_group_add (making, name);
  adw_preferences_group_add (making, app_rows_link (_ ("Make a Snapshot"), G_CALLBACK (on_make), self));
  self->rows = app_rows_new (app_rows_group (body, NULL, NULL), make_row, self);
  g_signal_connect_object (container, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return ADW_NAVIGATION_PAGE (self);
}

static void
app_snapshots_page_dispose (GObject *object)
{
  AppSnapshotsPage *self = APP_SNAPSHOTS_PAGE (object);

  g_clear_pointer (&self->rows, app_rows_free);
  g_clear_object (&self->container);
  g_clear_object (&self->client);
  g_clear_pointer (&self->asked, g_free);
  G_OBJECT_CLASS (app_snapshots_page_parent_class)->dispose (object);
}

static void
app_snapshots_page_class_init (AppSnapshotsPageClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_snapshots_page_dispose;
}

static void
app_snapshots_page_init (AppSnapshotsPage *self)
{
}
