/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/machines.h"

#include "platform/machined.h"

#include <string.h>

#define MAX_NAME 64 /* as machined takes it */

typedef struct {
  BothyContainers *containers;
  BothyMachined *machined;
  GHashTable *known; /* BothyContainer → Machine, of each that machined was told of */
} Machines;

typedef enum {
  ASKED,
  ASKED_AND_ENDED, /* before the answer was there */
  REGISTERED,
  REFUSED, /* there is none of ours, such as when somebody else has one of that name */
  TAKEN,   /* somebody took it away */
} MachineState;

/* One run of a container's, as machined knows it. */
typedef struct {
  grefcount references;
  Machines *machines;
  BothyContainer *container;
  char *name;
  MachineState state;
} Machine;

static void
machine_unref (Machine *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_object_unref (self->container);
  g_free (self->name);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Machine, machine_unref)

/* What does not fit is called by its id, which nobody else is. (transfer full) */
static char *
name_of (const BothyContainer *container)
{
  g_autofree char *name = g_strdup_printf ("%s.u%u", container->spec->name, container->owner);

  return strlen (name) <= MAX_NAME ? g_steal_pointer (&name) : g_strdup (container->id);
}

static void on_registered (GObject *source, GAsyncResult *result, gpointer user_data);

static void
follow (Machines *self, BothyContainer *container)
{
  Machine *machine;

  if (!container->supervisor || container->leader == 0 || !bothy_machined_is_there (self->machined) ||
      g_hash_table_contains (self->known, container))
    return;
  machine = g_new0 (Machine, 1);
  g_ref_count_init (&machine->references);
  machine->machines = self;
  machine->container = g_object_ref (container);
  machine->name = name_of (container);
  g_hash_table_insert (self->known, container, machine);
  g_ref_count_inc (&machine->references);
  bothy_machined_register (self->machined, machine->name, container->id, container->leader, container->group,
                           on_registered, machine);
}

/* Only what machined has taken from us may be taken away from there: another machine may have the name that ours would have had. */
static void
on_registered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Machine) machine = user_data;
  Machines *self = machine->machines;
  gboolean registered = bothy_machined_register_finish (self->machined, result);
  gboolean ended = machine->state == ASKED_AND_ENDED;

  /* Another machined, which was told anew, has come meanwhile. */
  if (g_hash_table_lookup (self->known, machine->container) != machine)
    return;
  machine->state = registered ? REGISTERED : REFUSED;
  if (!ended)
    return;
  if (registered)
    bothy_machined_unregister (self->machined, machine->name);
  g_hash_table_remove (self->known, machine->container);
  /* It may have begun anew. */
  follow (self, machine->container);
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
  Machine *machine = g_hash_table_lookup (self->known, container);

  if (!machine)
    return;
  if (machine->state == ASKED || machine->state == ASKED_AND_ENDED) {
    machine->state = ASKED_AND_ENDED;
    return;
  }
  if (machine->state == REGISTERED && bothy_machined_is_there (self->machined))
    bothy_machined_unregister (self->machined, machine->name);
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

/* Whoever has the name from now on is not us; and where another one had it, it is free for ours. */
static void
on_removed (const char *name, gpointer data)
{
  Machines *self = data;
  g_autoptr (GList) containers = bothy_containers_list (self->containers);

  for (GList *l = containers; l; l = l->next) {
    Machine *machine = g_hash_table_lookup (self->known, l->data);

    if (!machine || !g_str_equal (machine->name, name))
      continue;
    if (machine->state == REGISTERED)
      machine->state = TAKEN;
    else if (machine->state == REFUSED) {
      g_hash_table_remove (self->known, l->data);
      follow (self, l->data);
    }
  }
}

void
bothy_registry_begin_machines (BothyRegistry *registry, GDBusConnection *system_bus)
{
  static const BothyMachinedEvents events = { on_appeared, on_removed };
  Machines *self = g_new0 (Machines, 1);

  self->containers = g_object_ref (bothy_registry_get_containers (registry));
  self->known = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)machine_unref);
  g_signal_connect (self->containers, "settled", G_CALLBACK (on_settled), self);
  g_signal_connect (self->containers, "ended", G_CALLBACK (on_ended), self);
  self->machined = bothy_machined_new (system_bus, &events, self);
}
