/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "work.h"

#include <glib/gi18n.h>

#include "../words.h"

struct _AppWork {
  GObject parent_instance;

  AppClient *client;
  char *title;
  char *name; /* of the container that is to be made, or NULL */

  gboolean beginning;
  char *path; /* of the operation, which may be told before it is shown */
  AppObject *operation;
  gulong operation_changed, operation_gone, operations_changed, service_left;
  AppObject *container;
  GError *error;
  gboolean ended;
};

G_DEFINE_FINAL_TYPE (AppWork, app_work, G_TYPE_OBJECT)

enum {
  SIGNAL_CHANGED,
  SIGNAL_ENDED,
  N_SIGNALS,
};
static guint signals[N_SIGNALS];

static void
leave_operation (AppWork *self)
{
  if (self->operation) {
    g_clear_signal_handler (&self->operation_changed, self->operation);
    g_clear_signal_handler (&self->operation_gone, self->operation);
  }
  g_clear_signal_handler (&self->service_left, self->client);
  g_clear_signal_handler (&self->operations_changed, app_client_get_operations (self->client));
  g_clear_object (&self->operation);
}

static void
end (AppWork *self, const GError *error)
{
  g_autoptr (AppWork) keep = NULL;

  if (self->ended)
    return;
  keep = g_object_ref (self);
  leave_operation (self);
  self->ended = TRUE;
  self->error = error ? g_error_copy (error) : NULL;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  g_signal_emit (self, signals[SIGNAL_ENDED], 0);
}

/* The service was killed or replaced: nothing more will be said of what it was doing. */
static void
on_lost (AppWork *self)
{
  g_autoptr (GError) error = g_dbus_error_new_for_dbus_error (
      "org.freedesktop.DBus.Error.NoReply", _ ("The operation is gone, and its outcome is not known"));

  end (self, error);
}

/* What was made. */
static void
take_container (AppWork *self)
{
  g_autoptr (GVariant) path = app_object_get (self->operation, "Object", "o");

  if (path)
    self->container = app_client_dup_container (self->client, g_variant_get_string (path, NULL));
}

static void
on_operation_changed (AppWork *self)
{
  const char *phase = app_object_text (self->operation, "Phase");
  g_autoptr (GError) error = NULL;

  if (g_str_equal (phase, "failed")) {
    error = app_words_error_from_name (app_object_text (self->operation, "ErrorName"),
                                       app_object_text (self->operation, "Error"));
    end (self, error);
  } else if (g_str_equal (phase, "done")) {
    if (self->name)
      take_container (self);
    end (self, NULL);
  } else {
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  }
}

/* An operation's kind, and what its user calls what it works on. */
static void
name_after_operation (AppWork *self)
{
  const char *kind = app_words_kind (app_object_text (self->operation, "Kind"));
  const char *subject = app_object_text (self->operation, "Subject");

  g_free (self->title);
  /* Translators: what is done, and with what: Getting an Image: debian/13 */
  self->title = subject[0] ? g_strdup_printf (_ ("%s: %s"), kind, subject) : g_strdup (kind);
}

static void
find_operation (AppWork *self)
{
  AppObject *operation = self->path ? app_client_lookup (self->client, self->path) : NULL;

  if (operation == NULL || self->operation)
    return;
  self->operation = g_object_ref (operation);
  self->operation_changed =
      g_signal_connect_swapped (operation, "changed", G_CALLBACK (on_operation_changed), self);
  self->operation_gone = g_signal_connect_swapped (operation, "gone", G_CALLBACK (on_lost), self);
  if (self->name == NULL)
    name_after_operation (self);
  on_operation_changed (self);
}

/* The service's answer may come before it tells of the operation. */
static void
await_operation (AppWork *self)
{
  self->operations_changed = g_signal_connect_swapped (app_client_get_operations (self->client),
                                                       "items-changed", G_CALLBACK (find_operation), self);
  self->service_left = g_signal_connect_swapped (self->client, "left", G_CALLBACK (on_lost), self);
  find_operation (self);
}

static void
on_launching (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppWork) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = app_object_call_finish (APP_OBJECT (source), result, NULL, &error);

  self->beginning = FALSE;
  if (answer == NULL) {
    end (self, error);
    return;
  }
  g_variant_get (answer, "(o)", &self->path);
  await_operation (self);
}

AppWork *
app_work_new_container (AppClient *client, const char *name, const char *image, GVariant *options)
{
  AppWork *self = g_object_new (APP_TYPE_WORK, NULL);

  self->client = g_object_ref (client);
  self->title = g_strdup (name);
  self->name = g_strdup (name);
  self->beginning = TRUE;
  app_object_call (app_client_get_manager (client), "Launch",
                   g_variant_new ("(ss@a{sv})", name, image, options), NULL, NULL, on_launching,
                   g_object_ref (self));
  return self;
}

AppWork *
app_work_new_operation (AppClient *client, const char *path)
{
  AppWork *self = g_object_new (APP_TYPE_WORK, NULL);

  self->client = g_object_ref (client);
  self->title = g_strdup (app_words_kind (""));
  self->path = g_strdup (path);
  await_operation (self);
  return self;
}

const char *
app_work_get_title (AppWork *self)
{
  return self->title;
}

char *
app_work_dup_status (AppWork *self)
{
  double fraction = app_work_get_fraction (self);
  const char *phase = self->operation ? app_words_phase (app_object_text (self->operation, "Phase"))
                                      : app_words_phase ("looking");

  if (self->error) {
    g_autofree char *details = app_words_details (self->error);

    return g_strconcat (app_words_for_error (self->error), "\n", details, NULL);
  }
  if (fraction >= 0)
    /* Translators: what is done, and how much of it: Downloading, 42 % */
    return g_strdup_printf (_ ("%s, %d %%"), phase, (int)(fraction * 100));
  return g_strdup (phase);
}

double
app_work_get_fraction (AppWork *self)
{
  g_autoptr (GVariant) progress = self->operation ? app_object_get (self->operation, "Progress", "d") : NULL;

  return progress ? g_variant_get_double (progress) : -1;
}

AppObject *
app_work_get_operation (AppWork *self)
{
  return self->operation;
}

gboolean
app_work_has_ended (AppWork *self)
{
  return self->ended;
}

gboolean
app_work_is_beginning (AppWork *self)
{
  return self->beginning;
}

const GError *
app_work_get_error (AppWork *self)
{
  return self->error;
}

AppObject *
app_work_get_container (AppWork *self)
{
  return self->container;
}

void
app_work_cancel (AppWork *self)
{
  if (self->operation)
    app_object_call (self->operation, "Cancel", NULL, NULL, NULL, NULL, NULL);
}

static void
app_work_dispose (GObject *object)
{
  AppWork *self = APP_WORK (object);

  if (self->client)
    leave_operation (self);
  g_clear_object (&self->client);
  g_clear_object (&self->container);
  g_clear_pointer (&self->title, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->path, g_free);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (app_work_parent_class)->dispose (object);
}

static void
app_work_class_init (AppWorkClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_work_dispose;
  signals[SIGNAL_CHANGED] =
      g_signal_new ("changed", APP_TYPE_WORK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_ENDED] =
      g_signal_new ("ended", APP_TYPE_WORK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
app_work_init (AppWork *self)
{
}
