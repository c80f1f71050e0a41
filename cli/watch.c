/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "watch.h"

/* How long a crashed service has to come back. */
#define REVIVE_SECONDS 60
#define REVIVE_STEP_MS 300

struct CliWatch {
  Cli *cli;
  char *path;
  char *interface;
  GHashTable *properties; /* name -> GVariant */
  GMainLoop *loop;
  GCancellable *cancellable;
  guint subscriptions[3];
  guint name_subscription;
  gulong closed_handler;
  guint revive_source;
  guint timeout_source;
  guint revive_tries;
  gboolean patient;
  gboolean removed;
  gboolean timed_out;
  GError *failure;
  const char *looked_at; /* a property, while signals are taken in */
  CliWatchSeen seen;
  gpointer seen_data;
};

void
cli_watch_poke (CliWatch *watch)
{
  if (watch->loop)
    g_main_loop_quit (watch->loop);
}

static void
store (CliWatch *watch, const char *name, GVariant *value)
{
  if (g_strcmp0 (name, watch->looked_at) == 0 && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    watch->seen (g_variant_get_string (value, NULL), watch->seen_data);
  g_hash_table_insert (watch->properties, g_strdup (name), g_variant_ref_sink (value));
}

static void
store_all (CliWatch *watch, GVariant *properties)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    store (watch, name, value);
    g_variant_unref (value);
  }
  cli_watch_poke (watch);
}

static void
on_properties_changed (GDBusConnection *bus,
                       const char *sender,
                       const char *path,
                       const char *interface,
                       const char *member,
                       GVariant *parameters,
                       gpointer data)
{
  CliWatch *watch = data;
  g_autoptr (GVariant) changed = NULL;
  const char *of;

  if (g_strcmp0 (path, watch->path) != 0 || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  g_variant_get (parameters, "(&s@a{sv}as)", &of, &changed, NULL);
  if (g_str_equal (of, watch->interface))
    store_all (watch, changed);
}

static void
on_removed (GDBusConnection *bus,
            const char *sender,
            const char *path,
            const char *interface,
            const char *member,
            GVariant *parameters,
            gpointer data)
{
  CliWatch *watch = data;
  const char *object;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)")))
    return;
  g_variant_get (parameters, "(&oas)", &object, NULL);
  if (g_strcmp0 (object, watch->path) == 0) {
    watch->removed = TRUE;
    cli_watch_poke (watch);
  }
}

/* The signals of Process and Operation say what properties say too: they are kept as those. */
static void
on_own_signal (GDBusConnection *bus,
               const char *sender,
               const char *path,
               const char *interface,
               const char *member,
               GVariant *parameters,
               gpointer data)
{
  CliWatch *watch = data;

  if (g_strcmp0 (path, watch->path) != 0)
    return;

  if (g_str_equal (member, "Exited") && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ii)"))) {
    store (watch, "Ended", g_variant_new_boolean (TRUE));
    store (watch, "ExitStatus", parameters);
  } else if (g_str_equal (member, "Completed") &&
             g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(bssv)"))) {
    gboolean success;
    const char *name;
    const char *text;

    g_variant_get (parameters, "(b&s&sv)", &success, &name, &text, NULL);
    store (watch, "Phase", g_variant_new_string (success ? "done" : "failed"));
    store (watch, "ErrorName", g_variant_new_string (name));
    store (watch, "Error", g_variant_new_string (text));
  }
  cli_watch_poke (watch);
}

static void
unsubscribe (CliWatch *watch)
{
  for (gsize i = 0; i < G_N_ELEMENTS (watch->subscriptions); i++)
    if (watch->subscriptions[i])
      g_dbus_connection_signal_unsubscribe (watch->cli->bus, watch->subscriptions[i]);
}

static void
subscribe (CliWatch *watch)
{
  Cli *cli = watch->cli;

  unsubscribe (watch);
  watch->subscriptions[0] =
      cli_subscribe (cli, watch->path, IFACE_PROPERTIES, "PropertiesChanged", on_properties_changed, watch);
  watch->subscriptions[1] =
      cli_subscribe (cli, BOTHY_ROOT, IFACE_OBJECT_MANAGER, "InterfacesRemoved", on_removed, watch);
  watch->subscriptions[2] = cli_subscribe (cli, watch->path, watch->interface, NULL, on_own_signal, watch);
}

static void
on_fetched (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) properties = NULL;
  CliWatch *watch = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (answer) {
    g_variant_get (answer, "(@a{sv})", &properties);
    store_all (watch, properties);
  } else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
             g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
             g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE) ||
             cli_error_is (error, "org.freedesktop.DBus.Error.UnknownObject")) {
    watch->removed = TRUE;
    cli_watch_poke (watch);
  }
  /* Anything else is a service that went away again: its name says so. */
}

static gboolean
on_revive (gpointer data)
{
  CliWatch *watch = data;

  if (++watch->revive_tries > REVIVE_SECONDS * 1000 / REVIVE_STEP_MS) {
    watch->revive_source = 0;
    g_set_error (&watch->failure, G_IO_ERROR, G_IO_ERROR_CLOSED,
                 _ ("The service went away and did not come back"));
    cli_watch_poke (watch);
    return G_SOURCE_REMOVE;
  }
  /* It may be one that the bus starts on demand: then this is the demand. */
  if (watch->revive_tries % 10 == 1)
    g_dbus_connection_call (watch->cli->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                            "org.freedesktop.DBus", "StartServiceByName",
                            g_variant_new ("(su)", BOTHY_NAME, 0), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                            NULL, NULL);
  return G_SOURCE_CONTINUE;
}

static void
on_name_owner_changed (GDBusConnection *bus,
                       const char *sender,
                       const char *path,
                       const char *interface,
                       const char *member,
                       GVariant *parameters,
                       gpointer data)
{
  CliWatch *watch = data;
  const char *owner;

  g_variant_get (parameters, "(&s&s&s)", NULL, NULL, &owner);
  if (g_strcmp0 (owner, watch->cli->service) == 0)
    return;
  if (owner[0] == '\0') {
    if (watch->revive_source == 0 && !watch->patient)
      watch->revive_source = g_timeout_add (REVIVE_STEP_MS, on_revive, watch);
    return;
  }

  g_clear_handle_id (&watch->revive_source, g_source_remove);
  watch->revive_tries = 0;
  g_free (watch->cli->service);
  watch->cli->service = g_strdup (owner);
  subscribe (watch);
  g_dbus_connection_call (bus, owner, watch->path, IFACE_PROPERTIES, "GetAll",
                          g_variant_new ("(s)", watch->interface), G_VARIANT_TYPE ("(a{sv})"),
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, watch->cancellable, on_fetched, watch);
}

static void
on_closed (GDBusConnection *bus, gboolean vanished, GError *error, gpointer data)
{
  CliWatch *watch = data;

  if (watch->failure == NULL)
    g_set_error (&watch->failure, G_IO_ERROR, G_IO_ERROR_CLOSED, _ ("The system bus went away"));
  cli_watch_poke (watch);
}

CliWatch *
cli_watch_new (Cli *cli, const char *path, const char *interface)
{
  CliWatch *watch = g_new0 (CliWatch, 1);

  watch->cli = cli;
  watch->path = g_strdup (path);
  watch->interface = g_strdup (interface);
  watch->properties =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
  watch->cancellable = g_cancellable_new ();
  watch->closed_handler = g_signal_connect (cli->bus, "closed", G_CALLBACK (on_closed), watch);
  watch->name_subscription = g_dbus_connection_signal_subscribe (
      cli->bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", "/org/freedesktop/DBus",
      BOTHY_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_name_owner_changed, watch, NULL);
  subscribe (watch);
  return watch;
}

void
cli_watch_free (CliWatch *watch)
{
  unsubscribe (watch);
  g_dbus_connection_signal_unsubscribe (watch->cli->bus, watch->name_subscription);
  g_signal_handler_disconnect (watch->cli->bus, watch->closed_handler);
  g_clear_handle_id (&watch->revive_source, g_source_remove);
  g_clear_handle_id (&watch->timeout_source, g_source_remove);
  g_cancellable_cancel (watch->cancellable);
  g_clear_object (&watch->cancellable);
  g_clear_pointer (&watch->properties, g_hash_table_unref);
  g_clear_error (&watch->failure);
  g_free (watch->path);
  g_free (watch->interface);
  g_free (watch);
}

void
cli_watch_set_patient (CliWatch *watch)
{
  watch->patient = TRUE;
}

void
cli_watch_set_path (CliWatch *watch, const char *path)
{
  g_free (watch->path);
  watch->path = g_strdup (path);
}

const char *
cli_watch_path (CliWatch *watch)
{
  return watch->path;
}

gboolean
cli_watch_fetch (CliWatch *watch, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (watch->cli, watch->path, watch->interface, error);

  if (properties == NULL)
    return FALSE;
  store_all (watch, properties);
  return TRUE;
}

GVariant *
cli_watch_lookup (CliWatch *watch, const char *property, const GVariantType *type)
{
  GVariant *value = g_hash_table_lookup (watch->properties, property);

  return value && g_variant_is_of_type (value, type) ? value : NULL;
}

const char *
cli_watch_string (CliWatch *watch, const char *property)
{
  GVariant *value = cli_watch_lookup (watch, property, G_VARIANT_TYPE_STRING);

  return value ? g_variant_get_string (value, NULL) : "";
}

void
cli_watch_take_in (CliWatch *watch, const char *property, CliWatchSeen seen, gpointer data)
{
  watch->looked_at = property;
  watch->seen = seen;
  watch->seen_data = data;
  while (g_main_context_iteration (NULL, FALSE))
    ;
  watch->looked_at = NULL;
}

gboolean
cli_watch_removed (CliWatch *watch)
{
  return watch->removed;
}

static gboolean
on_timeout (gpointer data)
{
  CliWatch *watch = data;

  watch->timeout_source = 0;
  watch->timed_out = TRUE;
  cli_watch_poke (watch);
  return G_SOURCE_REMOVE;
}

gboolean
cli_watch_run (CliWatch *watch, CliWatchTest test, gpointer data, int timeout, GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  watch->timed_out = FALSE;
  if (timeout >= 0)
    watch->timeout_source = g_timeout_add_seconds (timeout, on_timeout, watch);

  /* A signal that arrived during a call waits in the main loop. */
  while (!test (watch, data) && !watch->removed && !watch->timed_out && watch->failure == NULL) {
    watch->loop = loop;
    g_main_loop_run (loop);
    watch->loop = NULL;
  }
  g_clear_handle_id (&watch->timeout_source, g_source_remove);

  if (watch->removed || test (watch, data))
    return TRUE;
  if (watch->failure)
    g_propagate_error (error, g_steal_pointer (&watch->failure));
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, _ ("The time is over"));
  return FALSE;
}
