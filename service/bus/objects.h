/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One object on the bus: what it is, who sees it, what its properties are. */
typedef struct _BothyNode BothyNode;
struct _BothyNode {
  char *path;
  const GDBusInterfaceInfo *interface; /* its own; the standard ones it has as well */
  GObject *target;
  /* Whether the uid USER sees TARGET without being asked anything. */
  gboolean (*is_visible) (GObject *target, guint32 user);
  /* The properties of TARGET as the uid USER sees them, a{sv} (floating). */
  GVariant *(*get_properties) (GObject *target, guint32 user);
  /* The properties as others were last told of them, to tell what changed. */
  GVariant *last;
  guint idle; /* a change is about to be published */
  /* Whether all users see the same properties, so that LAST will do as long as
   * no change is being published. */
  gboolean is_same_for_all;
};

/* A node for TARGET, of which it takes a reference, at PATH. INTERFACE is
 * static. (transfer full) */
BothyNode *bothy_node_new (const char *path,
                           const GDBusInterfaceInfo *interface,
                           GObject *target,
                           gboolean (*is_visible) (GObject *, guint32),
                           GVariant *(*get_properties) (GObject *, guint32));

/* Let go of the target and of all else that it has. */
void bothy_node_free (BothyNode *self);

/* Its interfaces with their properties as the uid USER sees them: the a{sa{sv}}
   (floating) of GetManagedObjects and InterfacesAdded. */
GVariant *bothy_node_get_interfaces (BothyNode *self, guint32 user);

/*
 * All objects on the bus, by path, and what connections are told of them: each
 * gets signals of what its user sees, and of nothing else. So each signal goes
 * to single connections; the bus would give it to whoever subscribes.
 */
#define BOTHY_TYPE_OBJECTS (bothy_objects_get_type ())
G_DECLARE_FINAL_TYPE (BothyObjects, bothy_objects, BOTHY, OBJECTS, GObject)

/* No objects. Signals go over CONNECTION to all of CLIENTS, unique name →
   BothyClient, as it is at the time. (transfer full) */
BothyObjects *bothy_objects_new (GDBusConnection *connection, GHashTable *clients);

/* The node at PATH, or NULL. (transfer none) */
BothyNode *bothy_objects_lookup (BothyObjects *self, const char *path);

/* All nodes, by path. (element-type BothyNode) (transfer container) */
GList *bothy_objects_list (BothyObjects *self);

/* Show NODE (transfer full) in place of what was at its path, and tell those
 * who see it. */
void bothy_objects_add (BothyObjects *self, BothyNode *node);

/* Show what is at PATH, if there is something, no longer, and tell those who
 * saw it. */
void bothy_objects_remove (BothyObjects *self, const char *path);

/* What is at PATH stays, but the uid USER, or everybody (BOTHY_NO_USER), did
   not see it before; or sees it no longer. */
void bothy_objects_show (BothyObjects *self, const char *path, guint32 user);
void bothy_objects_hide (BothyObjects *self, const char *path, guint32 user);

/* Properties of what is at PATH may have other values: those who see it hear
 * soon what changed. */
void bothy_objects_changed (BothyObjects *self, const char *path);

/* PROPERTY of what is at PATH, which has a value of its own for each reader,
 * has another one. */
void bothy_objects_invalidated (BothyObjects *self, const char *path, const char *property);

/* Emit SIGNAL of the interface of what is at PATH, with ARGS (a tuple,
 * floating), to those who see it. */
void bothy_objects_emit (BothyObjects *self, const char *path, const char *signal, GVariant *args);

G_END_DECLS
