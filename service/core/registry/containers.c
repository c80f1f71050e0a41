/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which containers there are. */
#include "core/registry/registry-private.h"

#include <string.h>

static int
compare_containers (gconstpointer a, gconstpointer b)
{
  const BothyContainer *left = a, *right = b;

  if (left->owner != right->owner)
    return left->owner < right->owner ? -1 : 1;
  return strcmp (left->spec->name, right->spec->name);
}

GList *
bothy_registry_list_containers (BothyRegistry *self)
{
  return g_list_sort (g_hash_table_get_values (self->containers), compare_containers);
}

BothyContainer *
bothy_registry_find_container (BothyRegistry *self, guint32 owner, const char *name)
{
  g_autofree char *key = bothy_registry_name_key (owner, name);

  return g_hash_table_lookup (self->names, key);
}

BothyContainer *
bothy_registry_find_container_by_group (BothyRegistry *self, const char *group)
{
  GHashTableIter iter;
  gpointer container;

  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &container)) {
    if (bothy_cgroup_manager_is_within (group, BOTHY_CONTAINER (container)->group))
      return container;
  }
  return NULL;
}

BothyContainer *
bothy_registry_find_container_by_range (BothyRegistry *self, guint32 base)
{
  GHashTableIter iter;
  gpointer container;

  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &container)) {
    if (BOTHY_CONTAINER (container)->range_base == base)
      return container;
  }
  return NULL;
}

guint
bothy_registry_count_containers (BothyRegistry *self, guint32 owner)
{
  GHashTableIter iter;
  gpointer key;
  guint n = 0;

  /* Names, since those count too that are being made. */
  g_hash_table_iter_init (&iter, self->names);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    n += (guint32)g_ascii_strtoull (key, NULL, 10) == owner;
  return n;
}
