/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A user's containers that run know each other by name: in the /etc/hosts of each. */
#include "core/registry/registry-private.h"

#include <string.h>

static void
add_lines (GString *lines, const BothyContainer *container)
{
  for (char **address = container->addresses; *address; address++) {
    g_autofree char *bare = g_strndup (*address, strcspn (*address, "/"));

    g_string_append_printf (lines, "%s\t%s.bothy %s\n", bare, container->spec->name, container->spec->name);
  }
}

static gboolean
is_neighbour (const BothyContainer *container, guint32 owner)
{
  return container->owner == owner && container->supervisor && container->addresses[0];
}

/* Found running by a new broker, and not yet looked after: nobody is to forget it meanwhile. */
static gboolean
is_expected (const BothyContainer *container, guint32 owner)
{
  return container->owner == owner && container->supervisor &&
         g_str_equal (container->spec->network, "nat") && !container->addresses[0] &&
         !*container->network_error;
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error))
    g_message ("Neighbours: %s", error->message);
}

static void
tell (BothySupervisor *supervisor, const char *lines)
{
  struct supervisor_message message = { .type = SUPERVISOR_HOSTS };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, lines);
  bothy_supervisor_call (supervisor, message, text, NULL, on_told, NULL);
}

/* The names of OWNER's; NULL: not all are known yet. */
static GString *
list_names (GList *containers, guint32 owner)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  for (GList *l = containers; l; l = l->next) {
    if (is_expected (l->data, owner))
      return NULL;
    if (is_neighbour (l->data, owner))
      add_lines (lines, l->data);
  }
  return g_steal_pointer (&lines);
}

/* Tell ONE, or all if it is NULL. Returns how many were told. */
static guint
tell_of (BothyRegistry *self, guint32 owner, const BothyContainer *one)
{
  g_autoptr (GList) containers = bothy_registry_list_containers (self);
  g_autoptr (GString) lines = list_names (containers, owner);
  guint told = 0;

  for (GList *l = lines ? containers : NULL; l; l = l->next) {
    if (is_neighbour (l->data, owner) && (!one || l->data == one)) {
      tell (((BothyContainer *)l->data)->supervisor, lines->str);
      told++;
    }
  }
  return told;
}

/*
 * Who starts many containers would have all of them woken up for each. The pause grows with their
 * number, so that telling them stays a small and constant part of what starting one costs; of a few
 * it is shorter than a start takes, so they know the next one when its start is answered.
 */
#define PAUSE_ONE_MS 10

typedef struct {
  BothyRegistry *registry;
  guint32 owner;
  gboolean again; /* something changed meanwhile */
} Pause;

static gboolean on_pause_over (gpointer user_data);

static void
wait_after (Pause *pause, guint told)
{
  g_timeout_add (MAX (1, told) * PAUSE_ONE_MS, on_pause_over, pause);
}

static gboolean
on_pause_over (gpointer user_data)
{
  Pause *pause = user_data;

  if (!pause->again) {
    g_hash_table_remove (pause->registry->pauses, GUINT_TO_POINTER (pause->owner));
    g_free (pause);
  } else {
    pause->again = FALSE;
    wait_after (pause, tell_of (pause->registry, pause->owner, NULL));
  }
  return G_SOURCE_REMOVE;
}

static void
begin_pause (BothyRegistry *self, guint32 owner, guint told)
{
  Pause *pause = g_new0 (Pause, 1);

  pause->registry = self;
  pause->owner = owner;
  g_hash_table_insert (self->pauses, GUINT_TO_POINTER (owner), pause);
  wait_after (pause, told);
}

void
bothy_registry_tell_neighbours (BothyRegistry *self, BothyContainer *container)
{
  guint32 owner = container->owner;
  Pause *pause = g_hash_table_lookup (self->pauses, GUINT_TO_POINTER (owner));

  guint told = tell_of (self, owner, pause ? container : NULL);

  if (pause)
    pause->again = TRUE;
  else
    begin_pause (self, owner, told);
}

void
bothy_registry_introduce (BothyRegistry *self, BothyContainer *container, BothySupervisor *supervisor)
{
  g_autoptr (GList) containers = bothy_registry_list_containers (self);
  GString *known = list_names (containers, container->owner);
  g_autoptr (GString) lines = known ? known : g_string_new (NULL);

  if (!container->addresses[0])
    return;
  add_lines (lines, container);
  tell (supervisor, lines->str);
}
