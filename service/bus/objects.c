/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/objects.h"

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

/* A user may have a thousand containers, and each has many properties: what is at hand is not made again. */
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
