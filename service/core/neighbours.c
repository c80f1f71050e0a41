/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A user's containers that run know each other by name: in the /etc/hosts of each. */
#include "core/registry-private.h"

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
  return container->owner == owner && container->supervisor && g_str_equal (container->spec->network, "nat") &&
         !container->addresses[0] && !*container->network_error;
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error))
    g_message ("Neighbours: %s", error->message);
}

static void
tell (BothyContainer *container, const char *lines)
{
  struct supervisor_message message = { .type = SUPERVISOR_HOSTS };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, lines);
  bothy_supervisor_call (container->supervisor, message, text, NULL, on_told, NULL);
}

void
bothy_registry_tell_neighbours (BothyRegistry *self, guint32 owner)
{
  g_autoptr (GList) containers = bothy_registry_list_containers (self);
  g_autoptr (GString) lines = g_string_new (NULL);

  for (GList *l = containers; l; l = l->next) {
    if (is_expected (l->data, owner))
      return;
    if (is_neighbour (l->data, owner))
      add_lines (lines, l->data);
  }
  for (GList *l = containers; l; l = l->next) {
    if (is_neighbour (l->data, owner))
      tell (l->data, lines->str);
  }
}
