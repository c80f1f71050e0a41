/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/objects.h"

#include "bus/authority.h"
#include "bus/names.h"

#include <string.h>

struct _BothyObjects {
  GObject parent;
  GDBusConnection *connection;
  GHashTable *clients; /* unique name → BothyClient */
  GTree *nodes;        /* path → BothyNode */
};

G_DEFINE_FINAL_TYPE (BothyObjects, bothy_objects, G_TYPE_OBJECT)

/* ---- one of them ---- */

BothyNode *
bothy_node_new (const char *path,
                const GDBusInterfaceInfo *interface,
                GObject *target,
                gboolean (*is_visible) (GObject *, guint32),
                GVariant *(*get_properties) (GObject *, guint32))
{
  BothyNode *self = g_new0 (BothyNode, 1);

  self->path = g_strdup (path);
  self->interface = interface;
  self->target = g_object_ref (target);
  self->is_visible = is_visible;
  self->get_properties = get_properties;
  return self;
}

void
bothy_node_free (BothyNode *self)
{
  if (self->idle)
    g_source_remove (self->idle);
  g_clear_pointer (&self->last, g_variant_unref);
  g_object_unref (self->target);
  g_free (self->path);
  g_free (self);
}

/* A user may have a thousand containers, and each has many properties: what is
 * at hand is not made again. */
static GVariant *
get_properties (BothyNode *self, guint32 user)
{
  if (self->is_same_for_all && self->last && !self->idle)
    return self->last;
  return self->get_properties (self->target, user);
}

GVariant *
bothy_node_get_interfaces (BothyNode *self, guint32 user)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sa{sv}}"));
  g_variant_builder_add (&builder, "{s@a{sv}}", self->interface->name, get_properties (self, user));
  return g_variant_builder_end (&builder);
}

/* ---- all of them ---- */

BothyNode *
bothy_objects_lookup (BothyObjects *self, const char *path)
{
  return g_tree_lookup (self->nodes, path);
}

static gboolean
prepend_node (gpointer path, gpointer node, gpointer user_data)
{
  GList **list = user_data;

  *list = g_list_prepend (*list, node);
  return FALSE;
}

GList *
bothy_objects_list (BothyObjects *self)
{
  GList *list = NULL;

  g_tree_foreach (self->nodes, prepend_node, &list);
  return g_list_reverse (list);
}

/* ---- what clients are told ---- */

typedef struct {
  BothyObjects *objects;
  BothyClient *client;
  char *path, *interface, *signal;
  GVariant *args;
} Emission;

static void
emission_free (Emission *emission)
{
  g_object_unref (emission->objects);
  bothy_client_unref (emission->client);
  g_free (emission->path);
  g_free (emission->interface);
  g_free (emission->signal);
  g_variant_unref (emission->args);
  g_free (emission);
}

static void
emit_to (Emission *emission)
{
  g_dbus_connection_emit_signal (emission->objects->connection, emission->client->name, emission->path,
                                 emission->interface, emission->signal, emission->args, NULL);
}

static void
on_may_inspect (gboolean may, gpointer user_data)
{
  Emission *emission = user_data;

  if (may)
    emit_to (emission);
  else
    emission->client->inspects = FALSE;
  emission_free (emission);
}

/* Send to CLIENT what concerns NODE, if he may know of it now. */
static void
send_signal (BothyObjects *self,
             BothyClient *client,
             BothyNode *node,
             const char *path,
             const char *interface,
             const char *signal,
             GVariant *args)
{
  gboolean visible = node->is_visible (node->target, client->user);
  Emission *emission;

  if (client->user == BOTHY_NO_USER || (!visible && !client->inspects))
    return;
  emission = g_new0 (Emission, 1);
  emission->objects = g_object_ref (self);
  emission->client = bothy_client_ref (client);
  emission->path = g_strdup (path);
  emission->interface = g_strdup (interface);
  emission->signal = g_strdup (signal);
  emission->args = g_variant_ref_sink (args);
  if (visible) {
    emit_to (emission);
    emission_free (emission);
  } else
    bothy_authority_ask_inspect (client, on_may_inspect, emission);
}

/* Call MAKE for each client's arguments, so that each gets what he sees. */
static void
send_to_all (BothyObjects *self,
             BothyNode *node,
             const char *path,
             const char *interface,
             const char *signal,
             GVariant *(*make) (BothyNode *node, guint32 user, gpointer data),
             gpointer data)
{
  GHashTableIter iter;
  gpointer client;

  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, &client)) {
    g_autoptr (GVariant) args = g_variant_ref_sink (make (node, ((BothyClient *)client)->user, data));

    send_signal (self, client, node, path, interface, signal, args);
  }
}

static GVariant *
make_added (BothyNode *node, guint32 user, gpointer data)
{
  return g_variant_new ("(o@a{sa{sv}})", node->path, bothy_node_get_interfaces (node, user));
}

static GVariant *
make_removed (BothyNode *node, guint32 user, gpointer data)
{
  const char *interfaces[] = { node->interface->name, NULL };

  return g_variant_new ("(o^as)", node->path, interfaces);
}

static GVariant *
make_same (BothyNode *node, guint32 user, gpointer data)
{
  return data;
}

/* What of NOW differs from BEFORE; NULL: nothing. */
static GVariant *
get_difference (GVariant *before, GVariant *now)
{
  GVariantBuilder builder;
  GVariantIter iter;
  const char *key;
  GVariant *value;
  guint n = 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
  g_variant_iter_init (&iter, now);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value)) {
    g_autoptr (GVariant) old = g_variant_lookup_value (before, key, NULL);

    if (old && g_variant_equal (old, value))
      continue;
    g_variant_builder_add (&builder, "{sv}", key, value);
    n++;
  }
  if (n > 0)
    return g_variant_ref_sink (g_variant_builder_end (&builder));
  g_variant_builder_clear (&builder);
  return NULL;
}

static void
publish_changes (BothyObjects *self, BothyNode *node)
{
  g_autoptr (GVariant) now = g_variant_ref_sink (node->get_properties (node->target, BOTHY_NO_USER));
  g_autoptr (GVariant) changed = get_difference (node->last, now);
  g_autoptr (GVariant) args = NULL;

  if (node->idle)
    g_source_remove (node->idle);
  node->idle = 0;
  if (!changed)
    return;
  args = g_variant_ref_sink (
      g_variant_new ("(s@a{sv}@as)", node->interface->name, changed, g_variant_new_strv (NULL, 0)));
  g_variant_unref (node->last);
  node->last = g_steal_pointer (&now);
  send_to_all (self, node, node->path, DBUS_PROPERTIES_INTERFACE, "PropertiesChanged", make_same, args);
}

void
bothy_objects_add (BothyObjects *self, BothyNode *node)
{
  /* The key is the node's own; g_tree_insert() would keep the one of a node
   * before it. */
  g_tree_replace (self->nodes, node->path, node);
  node->last = g_variant_ref_sink (node->get_properties (node->target, BOTHY_NO_USER));
  send_to_all (self, node, BOTHY_BUS_PATH, DBUS_OBJECT_MANAGER_INTERFACE, "InterfacesAdded", make_added,
               NULL);
}

void
bothy_objects_remove (BothyObjects *self, const char *path)
{
  BothyNode *node = bothy_objects_lookup (self, path);

  if (!node)
    return;
  publish_changes (self, node);
  send_to_all (self, node, BOTHY_BUS_PATH, DBUS_OBJECT_MANAGER_INTERFACE, "InterfacesRemoved", make_removed,
               NULL);
  g_tree_remove (self->nodes, path);
}

/* Tells USER's clients that they see the node at PATH from now on (SEEN), or no longer. Clients that may
   inspect others' things are left out: for them nothing changes. */
static void
tell_of_sight (BothyObjects *self, const char *path, guint32 user, gboolean seen)
{
  BothyNode *node = bothy_objects_lookup (self, path);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->clients);
  while (node && g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyClient *client = value;

    if (client->user == BOTHY_NO_USER || (user != BOTHY_NO_USER && client->user != user) ||
        client->inspects || node->is_visible (node->target, client->user) != seen)
      continue;
    g_dbus_connection_emit_signal (
        self->connection, client->name, BOTHY_BUS_PATH, DBUS_OBJECT_MANAGER_INTERFACE,
        seen ? "InterfacesAdded" : "InterfacesRemoved",
        seen ? make_added (node, client->user, NULL) : make_removed (node, user, NULL), NULL);
  }
}

void
bothy_objects_show (BothyObjects *self, const char *path, guint32 user)
{
  tell_of_sight (self, path, user, TRUE);
}

void
bothy_objects_hide (BothyObjects *self, const char *path, guint32 user)
{
  tell_of_sight (self, path, user, FALSE);
}

typedef struct {
  BothyObjects *objects;
  BothyNode *node;
} Change;

static gboolean
on_changed_idle (gpointer user_data)
{
  Change *change = user_data;

  change->node->idle = 0;
  publish_changes (change->objects, change->node);
  return G_SOURCE_REMOVE;
}

void
bothy_objects_changed (BothyObjects *self, const char *path)
{
  BothyNode *node = bothy_objects_lookup (self, path);
  Change *change;

  if (!node || node->idle)
    return;
  change = g_new0 (Change, 1);
  change->objects = self;
  change->node = node;
  node->idle = g_idle_add_full (G_PRIORITY_DEFAULT, on_changed_idle, change, g_free);
}

void
bothy_objects_invalidated (BothyObjects *self, const char *path, const char *property)
{
  BothyNode *node = bothy_objects_lookup (self, path);
  const char *properties[] = { property, NULL };
  g_autoptr (GVariant) args = NULL;

  if (!node)
    return;
  args =
      g_variant_ref_sink (g_variant_new ("(s@a{sv}^as)", node->interface->name,
                                         g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0), properties));
  send_to_all (self, node, path, DBUS_PROPERTIES_INTERFACE, "PropertiesChanged", make_same, args);
}

void
bothy_objects_emit (BothyObjects *self, const char *path, const char *signal, GVariant *args)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (args);
  BothyNode *node = bothy_objects_lookup (self, path);

  if (!node)
    return;
  publish_changes (self, node);
  send_to_all (self, node, path, node->interface->name, signal, make_same, owned);
}

/* ---- */

static void
bothy_objects_finalize (GObject *object)
{
  BothyObjects *self = BOTHY_OBJECTS (object);

  g_tree_unref (self->nodes);
  g_hash_table_unref (self->clients);
  g_object_unref (self->connection);
  G_OBJECT_CLASS (bothy_objects_parent_class)->finalize (object);
}

static void
bothy_objects_class_init (BothyObjectsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_objects_finalize;
}

static int
compare_paths (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static void
bothy_objects_init (BothyObjects *self)
{
  self->nodes = g_tree_new_full (compare_paths, NULL, NULL, (GDestroyNotify)bothy_node_free);
}

BothyObjects *
bothy_objects_new (GDBusConnection *connection, GHashTable *clients)
{
  BothyObjects *self = g_object_new (BOTHY_TYPE_OBJECTS, NULL);

  self->connection = g_object_ref (connection);
  self->clients = g_hash_table_ref (clients);
  return self;
}
