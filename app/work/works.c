/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "works.h"

#include "../words.h"

/* How long an operation has been at work before it is shown, in ms: most end sooner, and ours are told apart by then. */
#define PATIENCE 400

struct _AppWorks {
  GObject parent_instance;

  AppClient *client;
  GListStore *list;
  guint look;
};

G_DEFINE_FINAL_TYPE (AppWorks, app_works, G_TYPE_OBJECT)

static guint made_signal, failed_signal;

void
app_works_dismiss (AppWorks *self, AppWork *work)
{
  guint position;

  if (g_list_store_find (self->list, work, &position))
    g_list_store_remove (self->list, position);
}

static void
on_ended (AppWork *work, AppWorks *self)
{
  g_autoptr (AppWork) keep = g_object_ref (work);
  const GError *error = app_work_get_error (work);

  if (error == NULL || app_words_is_dismissal (error))
    app_works_dismiss (self, work);
  if (error == NULL && app_work_get_container (work))
    g_signal_emit (self, made_signal, 0, app_work_get_container (work));
}

static void
add (AppWorks *self, AppWork *work)
{
  g_signal_connect_object (work, "ended", G_CALLBACK (on_ended), self, 0);
  g_list_store_append (self->list, work);
}

static void
on_making_ended (AppWork *work, AppWorks *self)
{
  const GError *error = app_work_get_error (work);

  if (error && !app_words_is_dismissal (error))
    g_signal_emit (self, failed_signal, 0, work);
}

static void
let_application_go (AppWork *work, GApplication *application)
{
  g_application_release (application);
}

void
app_works_make (AppWorks *self, const char *name, const char *image, GVariant *options)
{
  g_autoptr (AppWork) work = app_work_new_container (self->client, name, image, options);
  GApplication *application = g_application_get_default ();

  add (self, work);
  g_signal_connect_object (work, "ended", G_CALLBACK (on_making_ended), self, 0);
  if (application) {
    g_application_hold (application);
    g_signal_connect (work, "ended", G_CALLBACK (let_application_go), application);
  }
}

/* Whether somebody here has begun @operation; of one who does not know yet it may be his. */
static gboolean
is_known (AppWorks *self, AppObject *operation)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->list)); i++) {
    g_autoptr (AppWork) work = g_list_model_get_item (G_LIST_MODEL (self->list), i);

    if (app_work_get_operation (work) == operation || app_work_is_beginning (work))
      return TRUE;
  }
  return FALSE;
}

static gboolean
look (gpointer data)
{
  AppWorks *self = APP_WORKS (data);
  GListModel *operations = app_client_get_operations (self->client);

  self->look = 0;
  for (guint i = 0; i < g_list_model_get_n_items (operations); i++) {
    g_autoptr (AppObject) operation = g_list_model_get_item (operations, i);
    const char *phase = app_object_text (operation, "Phase");
    g_autoptr (AppWork) work = NULL;

    if (g_str_equal (phase, "done") || g_str_equal (phase, "failed") || is_known (self, operation))
      continue;
    work = app_work_new_operation (self->client, app_object_path (operation));
    add (self, work);
  }
  return G_SOURCE_REMOVE;
}

static void
on_operations_changed (AppWorks *self)
{
  if (self->look == 0)
    self->look = g_timeout_add (PATIENCE, look, self);
}

GListModel *
app_works_get_list (AppWorks *self)
{
  return G_LIST_MODEL (self->list);
}

AppWorks *
app_works_new (AppClient *client)
{
  AppWorks *self = g_object_new (APP_TYPE_WORKS, NULL);

  self->client = g_object_ref (client);
  g_signal_connect_object (app_client_get_operations (client), "items-changed",
                           G_CALLBACK (on_operations_changed), self, G_CONNECT_SWAPPED);
  return self;
}

static void
app_works_dispose (GObject *object)
{
  AppWorks *self = APP_WORKS (object);

  g_clear_handle_id (&self->look, g_source_remove);
  g_clear_object (&self->list);
  g_clear_object (&self->client);
  G_OBJECT_CLASS (app_works_parent_class)->dispose (object);
}

static void
app_works_class_init (AppWorksClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_works_dispose;
  made_signal = g_signal_new ("made", APP_TYPE_WORKS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                              APP_TYPE_OBJECT);
  failed_signal = g_signal_new ("failed", APP_TYPE_WORKS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                1, APP_TYPE_WORK);
}

static void
app_works_init (AppWorks *self)
{
  self->list = g_list_store_new (APP_TYPE_WORK);
}
