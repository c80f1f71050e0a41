/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Removing a bridge: nobody is let in any more, it is looked whether anybody is left, and NetworkManager does the
   rest. */
#include "core/registry/delete-bridge.h"

#include "base/error.h"
#include "core/accounts/passwd.h"
#include "network/bridge-profile.h"
#include "network/nic.h"

#define MOST_NAMED 5u

static BothyContainer *
find_container (BothyRegistry *registry, const BothyNic *place)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (registry));

  for (GList *l = containers; l; l = l->next) {
    g_autofree char *name = bothy_container_nic_name (l->data);

    if (g_str_equal (name, place->name))
      return l->data;
  }
  return NULL;
}

/* Whose the nic PLACE is, for people. */
static char *
describe_holder (BothyRegistry *registry, const BothyNic *place)
{
  BothyContainer *container = find_container (registry, place);
  g_autofree char *account = bothy_passwd_name (place->owner);
  g_autofree char *user = account ? g_strdup (account) : g_strdup_printf ("%u", place->owner);

  return container ? g_strdup_printf ("container %s/%s", user, container->spec->name)
                   : g_strdup_printf ("a nic that %s attached by hand", user);
}

static void
add_name (GString *names, guint n, const char *name)
{
  if (n <= MOST_NAMED)
    g_string_append_printf (names, "%s%s", n > 1 ? ", " : "", name);
  else if (n == MOST_NAMED + 1)
    g_string_append (names, ", and more");
}

/* Who has nics on BRIDGE, by ALIASES; NULL: nobody. */
static char *
list_holders (BothyRegistry *registry, const char *bridge, char **aliases)
{
  g_autoptr (GString) names = g_string_new (NULL);
  guint n = 0;

  for (char **alias = aliases; alias && *alias; alias++) {
    g_autoptr (BothyNic) place = bothy_nic_parse (*alias);
    g_autofree char *name =
        place && g_str_equal (place->bridge, bridge) ? describe_holder (registry, place) : NULL;

    if (name)
      add_name (names, ++n, name);
  }
  return n > 0 ? g_string_free (g_steal_pointer (&names), FALSE) : NULL;
}

/* The bridge stays, and nics may be made on it again. */
static void
give_up (GTask *task, GError *error)
{
  BothyRegistry *registry = g_task_get_source_object (task);

  bothy_admission_open (bothy_registry_get_admission (registry), g_task_get_task_data (task));
  g_task_return_error (task, error);
}

/* What comes by this name has another profile: that it is closed does not matter any more. */
static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_bridge_profile_remove_finish (BOTHY_NM (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    give_up (task, error);
}

static void
on_nics_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *registry = g_task_get_source_object (task);
  const char *bridge = g_task_get_task_data (task);
  GError *error = NULL;
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, &error);
  g_autofree char *holders = list_holders (registry, bridge, aliases);

  if (holders)
    error =
        g_error_new (BOTHY_ERROR, BOTHY_ERROR_BRIDGE_IN_USE,
                     "The bridge %s has nics still, of %s; stop the containers, and have the others detached "
                     "(bothy nic detach)",
                     bridge, holders);
  if (error)
    give_up (task, error);
  else
    bothy_bridge_profile_remove (bothy_registry_get_nm (registry), bridge, on_removed, g_object_ref (task));
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *registry = g_task_get_source_object (task);
  GError *error = NULL;

  if (bothy_admission_close_finish (bothy_registry_get_admission (registry), result, &error))
    bothy_net_client_list (bothy_network_get_nics (bothy_registry_get_network (registry)), on_nics_listed,
                           g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_delete_bridge (BothyRegistry *registry,
                     const char *bridge,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  GTask *task = g_task_new (registry, NULL, callback, user_data);

  g_task_set_task_data (task, g_strdup (bridge), g_free);
  bothy_admission_close (bothy_registry_get_admission (registry), bridge, on_closed, task);
}

gboolean
bothy_delete_bridge_finish (BothyRegistry *registry, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
