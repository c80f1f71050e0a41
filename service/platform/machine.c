/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/machine.h"

#define LOGIN         "org.freedesktop.login1"
#define LOGIN_PATH    "/org/freedesktop/login1"
#define LOGIN_MANAGER "org.freedesktop.login1.Manager"
#define LOGIN_SEAT    "org.freedesktop.login1.Seat"
#define LOGIN_SESSION "org.freedesktop.login1.Session"
#define PROPERTIES    "org.freedesktop.DBus.Properties"
#define TIMEOUT_MS    25000

struct _BothyMachine {
  GDBusConnection *bus;
  GCancellable *cancellable;
  const BothyMachineEvents *events;
  gpointer data;
  guint added, removed, seated;
  GHashTable *sessions; /* path → uid */
  guint unanswered;     /* of those that the list had */
};

/* ---- sessions ---- */

gboolean
bothy_machine_is_logged_in (BothyMachine *self, guint32 uid)
{
  GHashTableIter iter;
  gpointer of;

  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &of)) {
    if (GPOINTER_TO_UINT (of) == uid)
      return TRUE;
  }
  return FALSE;
}

static void
add_session (BothyMachine *self, const char *path, guint32 uid)
{
  gboolean is_first = !bothy_machine_is_logged_in (self, uid);

  g_hash_table_replace (self->sessions, g_strdup (path), GUINT_TO_POINTER (uid));
  if (is_first)
    self->events->logged_in (uid, self->data);
}

typedef struct {
  BothyMachine *machine;
  char *path;
  gboolean listed;
} Question;

static void
question_free (Question *question)
{
  g_free (question->path);
  g_free (question);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Question, question_free)

/* "user", "user-early", "user-incomplete", "user-light": a person. */
static gboolean
read_session (GVariant *reply, guint32 *ret_uid)
{
  g_autoptr (GVariant) properties = g_variant_get_child_value (reply, 0);
  g_autoptr (GVariant) user = g_variant_lookup_value (properties, "User", G_VARIANT_TYPE ("(uo)"));
  const char *class = "";

  if (!user || !g_variant_lookup (properties, "Class", "&s", &class) || !g_str_has_prefix (class, "user"))
    return FALSE;
  g_variant_get (user, "(u&o)", ret_uid, NULL);
  return TRUE;
}

static void
on_session (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Question) question = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  BothyMachine *self = question->machine;
  guint32 uid;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply && read_session (reply, &uid))
    add_session (self, question->path, uid);
  if (question->listed && --self->unanswered == 0)
    self->events->listed (self->data);
}

static void
ask_session (BothyMachine *self, const char *path, gboolean listed)
{
  Question *question = g_new0 (Question, 1);

  question->machine = self;
  question->path = g_strdup (path);
  question->listed = listed;
  g_dbus_connection_call (self->bus, LOGIN, path, PROPERTIES, "GetAll", g_variant_new ("(s)", LOGIN_SESSION),
                          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS,
                          self->cancellable, on_session, question);
}

static void
on_session_new (GDBusConnection *bus,
                const char *sender,
                const char *path,
                const char *interface,
                const char *signal,
                GVariant *parameters,
                gpointer user_data)
{
  const char *session;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(so)")))
    return;
  g_variant_get (parameters, "(&s&o)", NULL, &session);
  ask_session (user_data, session, FALSE);
}

static void
on_session_removed (GDBusConnection *bus,
                    const char *sender,
                    const char *path,
                    const char *interface,
                    const char *signal,
                    GVariant *parameters,
                    gpointer user_data)
{
  BothyMachine *self = user_data;
  const char *session;
  gpointer uid;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(so)")))
    return;
  g_variant_get (parameters, "(&s&o)", NULL, &session);
  if (!g_hash_table_lookup_extended (self->sessions, session, NULL, &uid))
    return;
  g_hash_table_remove (self->sessions, session);
  if (!bothy_machine_is_logged_in (self, GPOINTER_TO_UINT (uid)))
    self->events->logged_out (GPOINTER_TO_UINT (uid), self->data);
}

static void
on_seat (GDBusConnection *bus,
         const char *sender,
         const char *path,
         const char *interface,
         const char *signal,
         GVariant *parameters,
         gpointer user_data)
{
  BothyMachine *self = user_data;

  self->events->seated (self->data);
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) sessions = reply ? g_variant_get_child_value (reply, 0) : NULL;
  BothyMachine *self = user_data;
  GVariantIter iter;
  const char *path;

  if (!sessions) {
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      g_debug ("Sessions: %s", error->message);
    return;
  }
  self->unanswered = (guint)g_variant_n_children (sessions);
  if (self->unanswered == 0)
    self->events->listed (self->data);
  g_variant_iter_init (&iter, sessions);
  while (g_variant_iter_next (&iter, "(&su&s&s&o)", NULL, NULL, NULL, NULL, &path))
    ask_session (self, path, TRUE);
}

BothyMachine *
bothy_machine_new (GDBusConnection *system_bus, const BothyMachineEvents *events, gpointer data)
{
  BothyMachine *self = g_new0 (BothyMachine, 1);

  self->bus = g_object_ref (system_bus);
  self->cancellable = g_cancellable_new ();
  self->events = events;
  self->data = data;
  self->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  /* GDBus compares the sender with the owner of the name. */
  self->added =
      g_dbus_connection_signal_subscribe (system_bus, LOGIN, LOGIN_MANAGER, "SessionNew", LOGIN_PATH, NULL,
                                          G_DBUS_SIGNAL_FLAGS_NONE, on_session_new, self, NULL);
  self->removed =
      g_dbus_connection_signal_subscribe (system_bus, LOGIN, LOGIN_MANAGER, "SessionRemoved", LOGIN_PATH,
                                          NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_session_removed, self, NULL);
  self->seated =
      g_dbus_connection_signal_subscribe (system_bus, LOGIN, PROPERTIES, "PropertiesChanged", NULL,
                                          LOGIN_SEAT, G_DBUS_SIGNAL_FLAGS_NONE, on_seat, self, NULL);
  g_dbus_connection_call (system_bus, LOGIN, LOGIN_PATH, LOGIN_MANAGER, "ListSessions", NULL,
                          G_VARIANT_TYPE ("(a(susso))"), G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS,
                          self->cancellable, on_listed, self);
  return self;
}

void
bothy_machine_free (BothyMachine *self)
{
  g_cancellable_cancel (self->cancellable);
  g_dbus_connection_signal_unsubscribe (self->bus, self->added);
  g_dbus_connection_signal_unsubscribe (self->bus, self->removed);
  g_dbus_connection_signal_unsubscribe (self->bus, self->seated);
  g_hash_table_unref (self->sessions);
  g_object_unref (self->cancellable);
  g_object_unref (self->bus);
  g_free (self);
}

/* ---- whether it goes down ---- */

void
bothy_machine_ask_is_stopping (BothyMachine *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_dbus_connection_call (self->bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", PROPERTIES,
                          "Get", g_variant_new ("(ss)", "org.freedesktop.systemd1.Manager", "SystemState"),
                          G_VARIANT_TYPE ("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS, NULL, callback,
                          user_data);
}

gboolean
bothy_machine_is_stopping_finish (BothyMachine *self, GAsyncResult *result)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (self->bus, result, NULL);
  g_autoptr (GVariant) state = NULL;

  if (reply)
    g_variant_get (reply, "(v)", &state);
  return state && g_variant_is_of_type (state, G_VARIANT_TYPE_STRING) &&
         g_str_equal (g_variant_get_string (state, NULL), "stopping");
}
