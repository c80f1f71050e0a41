/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/recent.h"

struct _BothyRecent {
  BothyLayerStore *layers;
  GHashTable *ids; /* key → id of a layer */
};

static BothyLayer *
find_held (BothyRecent *self, const char *id)
{
  BothyLayer *layer = id ? bothy_layer_store_lookup (self->layers, id) : NULL;

  return layer && layer->holds > 0 ? layer : NULL;
}

static gboolean
is_over (gpointer key, gpointer id, gpointer self)
{
  return !find_held (self, id);
}

void
bothy_recent_add (BothyRecent *self, const char *key, const char *id)
{
  g_hash_table_foreach_remove (self->ids, is_over, self);
  g_hash_table_replace (self->ids, g_strdup (key), g_strdup (id));
}

BothyLayer *
bothy_recent_find (BothyRecent *self, const char *key)
{
  return find_held (self, g_hash_table_lookup (self->ids, key));
}

BothyRecent *
bothy_recent_new (BothyLayerStore *layers)
{
  BothyRecent *self = g_new0 (BothyRecent, 1);

  self->layers = g_object_ref (layers);
  self->ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
bothy_recent_free (BothyRecent *self)
{
  g_hash_table_unref (self->ids);
  g_object_unref (self->layers);
  g_free (self);
}
