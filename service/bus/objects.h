/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One object on the bus: what it is, who sees it, what its properties are. */
typedef struct _BothyNode BothyNode;
struct _BothyNode {
  char *path;
  const GDBusInterfaceInfo *interface;
  GObject *target;
  /* Whether USER sees it without being asked anything. */
  gboolean (*is_visible) (GObject *target, guint32 user);
  /* Its a{sv} as USER sees it. */
  GVariant *(*get_properties) (GObject *target, guint32 user);
  /* As last shown to others, to tell what changed. */
  GVariant *last;
  guint idle;
  /* Whether all users see the same properties, so that LAST will do as long as no change is being published. */
  gboolean is_same_for_all;
};

/* TARGET is kept alive. */
BothyNode *bothy_node_new (const char *path,
                           const GDBusInterfaceInfo *interface,
                           GObject *target,
                           gboolean (*is_visible) (GObject *, guint32),
                           GVariant *(*get_properties) (GObject *, guint32));
void bothy_node_free (BothyNode *self);

/* Its a{sa{sv}} for GetManagedObjects and InterfacesAdded. */
GVariant *bothy_node_get_interfaces (BothyNode *self, guint32 user);

G_END_DECLS
