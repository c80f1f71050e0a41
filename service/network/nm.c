/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/nm.h"

#include "base/error.h"

#define ANSWER_SECONDS 10
#define MAX_OPENINGS   3 /* in a row, when it answers but does not tell what it has */

struct _BothyNm {
  GObject parent;
  NMClient *client;
  GQueue *waiting; /* GTask */
  guint timer;
  gboolean opening;
  gboolean doubted; /* somebody has got no answer */
  gboolean probing;
  guint openings;
};

G_DEFINE_FINAL_TYPE (BothyNm, bothy_nm, G_TYPE_OBJECT)

static guint answers_signal;

NMClient *
bothy_nm_peek (BothyNm *self)
{
  return self->client;
}

gboolean
bothy_nm_is_doubted (BothyNm *self)
{
  return self->doubted;
}

gboolean
bothy_nm_is_silence (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_TIMED_OUT);
}

/* ---- whether it answers ---- */

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (bothy_nm_is_silence (error))
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                             "NetworkManager does not answer; restart it (systemctl restart NetworkManager)");
  else if (!answer)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                             "NetworkManager does not run; install and start it");
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_bus (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GDBusConnection) bus = g_bus_get_finish (result, &error);
  int timeout = GPOINTER_TO_INT (g_task_get_task_data (task));

  if (bus)
    g_dbus_connection_call (bus, NM_DBUS_SERVICE, NM_DBUS_PATH, "org.freedesktop.DBus.Properties", "Get",
                            g_variant_new ("(ss)", NM_DBUS_INTERFACE, "State"), NULL,
                            G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout, NULL, on_answer, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_nm_probe (BothyNm *self, int seconds, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  int timeout = seconds == G_MAXINT ? G_MAXINT : seconds * 1000;

  g_task_set_task_data (task, GINT_TO_POINTER (timeout), NULL);
  g_bus_get (G_BUS_TYPE_SYSTEM, NULL, on_bus, task);
}

gboolean
bothy_nm_probe_finish (BothyNm *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
stop_doubting (BothyNm *self)
{
  if (!self->doubted)
    return;
  self->doubted = FALSE;
  g_signal_emit (self, answers_signal, 0);
}

/* Also when it has gone: who comes next begins anew. */
static void
on_probed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyNm) self = user_data;
  g_autoptr (GError) error = NULL;

  bothy_nm_probe_finish (self, result, &error);
  self->probing = FALSE;
  if (!self->opening)
    stop_doubting (self);
}

void
bothy_nm_doubt (BothyNm *self)
{
  self->doubted = TRUE;
  if (self->probing || self->opening)
    return;
  self->probing = TRUE;
  bothy_nm_probe (self, G_MAXINT, on_probed, g_object_ref (self));
}

/* ---- the view ---- */

static void open_client (BothyNm *self);

/* The library takes a NetworkManager that did not tell what it has for one that has nothing. */
static gboolean
is_informed (NMClient *client)
{
  return !nm_client_get_nm_running (client) || nm_client_get_version (client) != NULL;
}

static void
answer_all (BothyNm *self, const GError *error)
{
  GTask *task;

  if (self->timer)
    g_source_remove (self->timer);
  self->timer = 0;
  while ((task = g_queue_pop_head (self->waiting))) {
    if (error)
      g_task_return_error (task, g_error_copy (error));
    else
      g_task_return_pointer (task, self->client, NULL);
    g_object_unref (task);
  }
}

static gboolean
on_timeout (gpointer user_data)
{
  BothyNm *self = user_data;
  g_autoptr (GError) error =
      g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                   "NetworkManager does not answer; restart it (systemctl restart NetworkManager)");

  self->timer = 0;
  self->doubted = TRUE;
  answer_all (self, error);
  return G_SOURCE_REMOVE;
}

/* It has come back, but stands still. */
static void
on_running_changed (BothyNm *self, GParamSpec *spec, NMClient *client)
{
  if (client != self->client || is_informed (client))
    return;
  g_clear_object (&self->client);
  self->doubted = TRUE;
  open_client (self);
}

static void
take_client (BothyNm *self, NMClient *client)
{
  self->client = g_object_ref (client);
  self->openings = 0;
  g_signal_connect_object (client, "notify::" NM_CLIENT_NM_RUNNING, G_CALLBACK (on_running_changed), self,
                           G_CONNECT_SWAPPED);
  answer_all (self, NULL);
  stop_doubting (self);
}

static void
on_client (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyNm) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (NMClient) client = nm_client_new_finish (result, &error);

  self->opening = FALSE;
  if (client && is_informed (client)) {
    take_client (self, client);
    return;
  }
  if (!error)
    error =
        g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "NetworkManager does not tell what it has; restart it");
  bothy_error_adopt (&error, "NetworkManager can not be reached");
  answer_all (self, error);
  self->doubted = TRUE;
  if (client && ++self->openings < MAX_OPENINGS)
    open_client (self);
}

/* The library waits for an answer for less long than it can take. */
static void
on_ready_to_open (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  bothy_nm_probe_finish (BOTHY_NM (source), result, &error);
  nm_client_new_async (NULL, on_client, user_data);
}

static void
open_client (BothyNm *self)
{
  if (self->opening)
    return;
  self->opening = TRUE;
  bothy_nm_probe (self, G_MAXINT, on_ready_to_open, g_object_ref (self));
}

void
bothy_nm_get (BothyNm *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  if (self->client) {
    g_task_return_pointer (task, self->client, NULL);
    g_object_unref (task);
    return;
  }
  g_queue_push_tail (self->waiting, task);
  /* Who asks again while it stands still does not wait again. */
  if (self->timer == 0)
    self->timer =
        g_timeout_add (self->opening && self->doubted ? 0 : ANSWER_SECONDS * 1000, on_timeout, self);
  open_client (self);
}

NMClient *
bothy_nm_get_finish (BothyNm *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
bothy_nm_finalize (GObject *object)
{
  BothyNm *self = BOTHY_NM (object);

  if (self->timer)
    g_source_remove (self->timer);
  g_clear_object (&self->client);
  g_queue_free_full (self->waiting, g_object_unref);
  G_OBJECT_CLASS (bothy_nm_parent_class)->finalize (object);
}

static void
bothy_nm_class_init (BothyNmClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_nm_finalize;
  answers_signal =
      g_signal_new ("answers", BOTHY_TYPE_NM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_nm_init (BothyNm *self)
{
  self->waiting = g_queue_new ();
}

BothyNm *
bothy_nm_new (void)
{
  return g_object_new (BOTHY_TYPE_NM, NULL);
}
