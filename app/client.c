/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "client.h"

#include <unistd.h>

#include "bothy-proxies.h"

#define BOTHY_NAME     "org.bothy.Bothy1"
#define BOTHY_ROOT     "/org/bothy/Bothy1"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES     "org.freedesktop.DBus.Properties"

enum {
  KIND_CONTAINER,
  KIND_IMAGE,
  KIND_OPERATION,
  N_KINDS,
};

struct _AppClient {
  GObject parent_instance;

  GDBusConnection *bus;
  GCancellable *cancellable;
  guint watch;
  guint subscriptions[4];

  AppClientState state;
  GError *error;
  AppObject *manager;
  GListStore *lists[N_KINDS];
  GHashTable *objects; /* path -> AppObject */
};

G_DEFINE_FINAL_TYPE (AppClient, app_client, G_TYPE_OBJECT)

static guint changed_signal, left_signal, devices_changed_signal;

static GDBusInterfaceInfo *
kind_info (guint kind)
{
  switch (kind) {
  case KIND_CONTAINER:
    return bothy_container_interface_info ();
  case KIND_IMAGE:
    return bothy_image_interface_info ();
  default:
    return bothy_operation_interface_info ();
  }
}

static void
set_state (AppClient *self, AppClientState state, const GError *error)
{
  self->state = state;
  g_clear_error (&self->error);
  self->error = error ? g_error_copy (error) : NULL;
  g_signal_emit (self, changed_signal, 0);
}

/* Who may see everybody's containers is told of them by the service; here a person sees his own. */
static gboolean
is_foreign (guint kind, GVariant *properties)
{
  guint32 owner;

  return kind == KIND_CONTAINER && g_variant_lookup (properties, "Owner", "u", &owner) && owner != getuid ();
}

/* Takes in what is said of one object: @interfaces is a{sa{sv}}. */
static void
take_in (AppClient *self, const char *path, GVariant *interfaces)
{
  for (guint kind = 0; kind < N_KINDS; kind++) {
    GDBusInterfaceInfo *info = kind_info (kind);
    g_autoptr (GVariant) properties = g_variant_lookup_value (interfaces, info->name, G_VARIANT_TYPE_VARDICT);
    AppObject *known = g_hash_table_lookup (self->objects, path);

    if (properties == NULL || is_foreign (kind, properties))
      continue;
    if (known) {
      app_object_update (known, properties);
    } else {
      AppObject *object = app_object_new (self->bus, info, path, properties);

      g_hash_table_insert (self->objects, g_strdup (path), object);
      g_list_store_append (self->lists[kind], object);
    }
  }
}

static void
forget (AppClient *self, const char *path)
{
  g_autoptr (AppObject) object = NULL;
  g_autofree char *key = NULL;
  guint position;

  if (!g_hash_table_steal_extended (self->objects, path, (gpointer *)&key, (gpointer *)&object))
    return;
  for (guint kind = 0; kind < N_KINDS; kind++)
    if (g_list_store_find (self->lists[kind], object, &position))
      g_list_store_remove (self->lists[kind], position);
  app_object_set_gone (object);
}

/* Those that the service, which may have been away, does not have any more. */
static void
forget_others (AppClient *self, GVariant *objects)
{
  g_autoptr (GPtrArray) lost = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  const char *path;

  g_hash_table_iter_init (&iter, self->objects);
  while (g_hash_table_iter_next (&iter, (gpointer *)&path, NULL)) {
    g_autoptr (GVariant) there = g_variant_lookup_value (objects, path, G_VARIANT_TYPE ("a{sa{sv}}"));

    if (there == NULL)
      g_ptr_array_add (lost, g_strdup (path));
  }
  for (guint i = 0; i < lost->len; i++)
    forget (self, lost->pdata[i]);
}

static void
take_in_all (AppClient *self, GVariant *objects)
{
  g_autoptr (GVariant) root = NULL;
  GVariantIter iter;
  const char *path;
  GVariant *interfaces;

  forget_others (self, objects);
  g_variant_iter_init (&iter, objects);
  while (g_variant_iter_next (&iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
    take_in (self, path, interfaces);
    g_variant_unref (interfaces);
  }
  root = g_variant_lookup_value (objects, BOTHY_ROOT, G_VARIANT_TYPE ("a{sa{sv}}"));
  if (root) {
    g_autoptr (GVariant) properties =
        g_variant_lookup_value (root, bothy_manager_interface_info ()->name, G_VARIANT_TYPE_VARDICT);

    if (properties)
      app_object_update (self->manager, properties);
  }
}

static void
on_managed_objects (GObject *source, GAsyncResult *result, gpointer data)
{
  AppClient *self;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) objects = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  self = APP_CLIENT (data);
  if (answer == NULL) {
    set_state (self, APP_CLIENT_FAILED, error);
    return;
  }
  objects = g_variant_get_child_value (answer, 0);
  take_in_all (self, objects);
  set_state (self, APP_CLIENT_READY, NULL);
}

static void
on_object_manager (GDBusConnection *bus,
                   const char *sender,
                   const char *path,
                   const char *interface,
                   const char *member,
                   GVariant *parameters,
                   gpointer data)
{
  AppClient *self = APP_CLIENT (data);
  const char *object;

  if (g_str_equal (member, "InterfacesAdded") &&
      g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})"))) {
    g_autoptr (GVariant) interfaces = g_variant_get_child_value (parameters, 1);

    g_variant_get_child (parameters, 0, "&o", &object);
    take_in (self, object, interfaces);
  } else if (g_str_equal (member, "InterfacesRemoved") &&
             g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)"))) {
    g_variant_get_child (parameters, 0, "&o", &object);
    forget (self, object);
  }
}

static void
on_all_properties (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AppObject) object = data;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  g_autoptr (GVariant) properties = answer ? g_variant_get_child_value (answer, 0) : NULL;

  /* Without an answer it is gone, or will be told of anew. */
  if (properties)
    app_object_update (object, properties);
}

static void
on_properties (GDBusConnection *bus,
               const char *sender,
               const char *path,
               const char *interface,
               const char *member,
               GVariant *parameters,
               gpointer data)
{
  AppClient *self = APP_CLIENT (data);
  AppObject *object =
      g_str_equal (path, BOTHY_ROOT) ? self->manager : g_hash_table_lookup (self->objects, path);
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) invalidated = NULL;
  const char *changed;

  if (object == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  properties = g_variant_get_child_value (parameters, 1);
  invalidated = g_variant_get_child_value (parameters, 2);
  app_object_update (object, properties);
  if (g_variant_n_children (invalidated) == 0)
    return;
  /* Some are only said to have become others, such as an image's aliases, which not everybody may read. */
  g_variant_get_child (parameters, 0, "&s", &changed);
  g_dbus_connection_call (bus, sender, path, PROPERTIES, "GetAll", g_variant_new ("(s)", changed),
                          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancellable,
                          on_all_properties, g_object_ref (object));
}

static void
on_devices_changed (GDBusConnection *bus,
                    const char *sender,
                    const char *path,
                    const char *interface,
                    const char *member,
                    GVariant *parameters,
                    gpointer data)
{
  g_signal_emit (APP_CLIENT (data), devices_changed_signal, 0);
}

static void
unsubscribe (AppClient *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (self->subscriptions); i++)
    if (self->subscriptions[i]) {
      g_dbus_connection_signal_unsubscribe (self->bus, self->subscriptions[i]);
      self->subscriptions[i] = 0;
    }
}

/* The service addresses its signals to us, so that the bus needs no match rule; and nobody else's count, which anybody
   may send us as well. */
static void
subscribe (AppClient *self, const char *owner)
{
  const GDBusSignalFlags flags = G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE;

  unsubscribe (self);
  self->subscriptions[0] = g_dbus_connection_signal_subscribe (
      self->bus, owner, OBJECT_MANAGER, "InterfacesAdded", NULL, NULL, flags, on_object_manager, self, NULL);
  self->subscriptions[1] =
      g_dbus_connection_signal_subscribe (self->bus, owner, OBJECT_MANAGER, "InterfacesRemoved", NULL, NULL,
                                          flags, on_object_manager, self, NULL);
  self->subscriptions[2] = g_dbus_connection_signal_subscribe (
      self->bus, owner, PROPERTIES, "PropertiesChanged", NULL, NULL, flags, on_properties, self, NULL);
  self->subscriptions[3] = g_dbus_connection_signal_subscribe (
      self->bus, owner, bothy_manager_interface_info ()->name, "DevicesChanged", NULL, NULL, flags,
      on_devices_changed, self, NULL);
}

static void
on_name_appeared (GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
  AppClient *self = APP_CLIENT (data);

  subscribe (self, owner);
  g_dbus_connection_call (bus, owner, BOTHY_ROOT, OBJECT_MANAGER, "GetManagedObjects", NULL,
                          G_VARIANT_TYPE ("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                          self->cancellable, on_managed_objects, self);
}

/* No operation outlives the service, and the next one numbers its own from 1 again. */
static void
forget_operations (AppClient *self)
{
  GListModel *operations = G_LIST_MODEL (self->lists[KIND_OPERATION]);

  while (g_list_model_get_n_items (operations) > 0) {
    g_autoptr (AppObject) operation = g_list_model_get_item (operations, 0);

    forget (self, app_object_path (operation));
  }
}

/* It leaves when nothing runs, and is waited for only while nothing of it is known. */
static void
on_name_vanished (GDBusConnection *bus, const char *name, gpointer data)
{
  g_autoptr (AppClient) self = g_object_ref (APP_CLIENT (data));

  unsubscribe (self);
  forget_operations (self);
  g_signal_emit (self, left_signal, 0);
  if (self->state == APP_CLIENT_LOADING)
    app_client_wake (self);
}

static void
on_woken (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (answer == NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    set_state (APP_CLIENT (data), APP_CLIENT_FAILED, error);
}

void
app_client_wake (AppClient *self)
{
  if (self->state == APP_CLIENT_FAILED)
    set_state (self, APP_CLIENT_LOADING, NULL);
  /* When it is there on_name_appeared() asks it. */
  g_dbus_connection_call (self->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "StartServiceByName", g_variant_new ("(su)", BOTHY_NAME, 0), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, G_MAXINT, self->cancellable, on_woken, self);
}

static void
app_client_dispose (GObject *object)
{
  AppClient *self = APP_CLIENT (object);

  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->watch, g_bus_unwatch_name);
  if (self->bus)
    unsubscribe (self);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->bus);
  g_clear_object (&self->manager);
  for (guint kind = 0; kind < N_KINDS; kind++)
    g_clear_object (&self->lists[kind]);
  g_clear_pointer (&self->objects, g_hash_table_unref);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (app_client_parent_class)->dispose (object);
}

static void
app_client_class_init (AppClientClass *class)
{
  G_OBJECT_CLASS (class)->dispose = app_client_dispose;
  changed_signal =
      g_signal_new ("changed", APP_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  left_signal =
      g_signal_new ("left", APP_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  devices_changed_signal = g_signal_new ("devices-changed", APP_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                         NULL, G_TYPE_NONE, 0);
}

static void
app_client_init (AppClient *self)
{
  self->cancellable = g_cancellable_new ();
  self->objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  for (guint kind = 0; kind < N_KINDS; kind++)
    self->lists[kind] = g_list_store_new (APP_TYPE_OBJECT);
}

AppClient *
app_client_new (GDBusConnection *bus)
{
  AppClient *self = g_object_new (APP_TYPE_CLIENT, NULL);

  g_set_object (&self->bus, bus);
  self->manager = app_object_new (bus, bothy_manager_interface_info (), BOTHY_ROOT, NULL);
  self->watch = g_bus_watch_name_on_connection (bus, BOTHY_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                on_name_appeared, on_name_vanished, self, NULL);
  return self;
}

AppClientState
app_client_get_state (AppClient *self)
{
  return self->state;
}

const GError *
app_client_get_error (AppClient *self)
{
  return self->error;
}

AppObject *
app_client_get_manager (AppClient *self)
{
  return self->manager;
}

GListModel *
app_client_get_containers (AppClient *self)
{
  return G_LIST_MODEL (self->lists[KIND_CONTAINER]);
}

GListModel *
app_client_get_images (AppClient *self)
{
  return G_LIST_MODEL (self->lists[KIND_IMAGE]);
}

GListModel *
app_client_get_operations (AppClient *self)
{
  return G_LIST_MODEL (self->lists[KIND_OPERATION]);
}

AppObject *
app_client_lookup (AppClient *self, const char *path)
{
  return g_hash_table_lookup (self->objects, path);
}

AppObject *
app_client_dup_container (AppClient *self, const char *path)
{
  AppObject *known = app_client_lookup (self, path);

  return known ? g_object_ref (known)
               : app_object_new (self->bus, bothy_container_interface_info (), path, NULL);
}

AppObject *
app_client_find (GListModel *list, const char *property, const char *value)
{
  for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
    g_autoptr (AppObject) object = g_list_model_get_item (list, i);

    /* The list keeps it. */
    if (g_str_equal (app_object_text (object, property), value))
      return object;
  }
  return NULL;
}
