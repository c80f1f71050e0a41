/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/machines.h"

#include "platform/machined.h"

#include <string.h>

#define MAX_NAME 64 /* as machined takes it */

typedef struct {
  BothyContainers *containers;
  BothyMachined *machined;
  GHashTable *known; /* BothyContainer → its name there */
} Machines;

/* What does not fit is called by its id, which nobody else is. (transfer full) */
static char *
name_of (const BothyContainer *container)
{
  g_autofree char *name = g_strdup_printf ("%s.u%u", container->spec->name, container->owner);

  return strlen (name) <= MAX_NAME ? g_steal_pointer (&name) : g_strdup (container->id);
}

static void
follow (Machines *self, BothyContainer *container)
{
  char *name;

  if (!container->supervisor || container->leader == 0 || !bothy_machined_is_there (self->machined) ||
      g_hash_table_contains (self->known, container))
    return;
  name = name_of (container);
  g_hash_table_insert (self->known, g_object_ref (container), name);
  bothy_machined_register (self->machined, name, container->id, container->leader);
}

static void
on_settled (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  follow (user_data, container);
}

/* It may begin anew at once, with another leader, before machined has seen that the first one is gone. */
static void
on_ended (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  Machines *self = user_data;
  const char *name = g_hash_table_lookup (self->known, container);

  if (name && bothy_machined_is_there (self->machined))
    bothy_machined_unregister (self->machined, name);
  g_hash_table_remove (self->known, container);
}

static void
on_appeared (gpointer data)
{
  Machines *self = data;
  g_autoptr (GList) containers = bothy_containers_list (self->containers);

  g_hash_table_remove_all (self->known);
  for (GList *l = containers; l; l = l->next)
    follow (self, l->data);
}

void
bothy_registry_begin_machines (BothyRegistry *registry, GDBusConnection *system_bus)
{
  Machines *self = g_new0 (Machines, 1);

  self->containers = g_object_ref (bothy_registry_get_containers (registry));
  self->known = g_hash_table_new_full (NULL, NULL, g_object_unref, g_free);
  g_signal_connect (self->containers, "settled", G_CALLBACK (on_settled), self);
  g_signal_connect (self->containers, "ended", G_CALLBACK (on_ended), self);
  self->machined = bothy_machined_new (system_bus, on_appeared, self);
}
