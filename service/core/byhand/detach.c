/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user takes the nic of a network namespace of his away. */
#include "core/byhand/nics-private.h"

#include "base/error.h"
#include "core/byhand/netns.h"
#include "core/registry/registry-private.h"

typedef struct {
  BothyByhandPlace where;
  BothyNic *place; /* NULL until it is found */
} Detach;

static void
detach_free (Detach *detach)
{
  bothy_byhand_place_clear (&detach->where);
  g_clear_pointer (&detach->place, bothy_nic_free);
  g_free (detach);
}

static void
on_detached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  GError *error = NULL;

  bothy_byhand_forget_nic (self, ((Detach *)g_task_get_task_data (task))->place);
  if (bothy_nic_detach_finish (BOTHY_NETWORK (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* What is in the namespace is the caller's or not; whose the nic is, its alias says. */
static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Detach *detach = g_task_get_task_data (task);
  GError *error = NULL;
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, &error);
  BothyNic *place = aliases && aliases[0] ? bothy_nic_parse (aliases[0]) : NULL;

  detach->place = place;
  if (place && place->owner == detach->where.user && bothy_nic_number (place) > 0 &&
      g_str_equal (place->bridge, detach->where.bridge)) {
    bothy_nic_detach (self->network, place, on_detached, g_object_ref (task));
    return;
  }
  if (!error)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                         "There is no nic %s that you attached to the bridge %s in this network namespace",
                         detach->where.inside, detach->where.bridge);
  g_task_return_error (task, error);
}

static void
find (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Detach *detach = g_task_get_task_data (task);

  bothy_net_client_find (bothy_network_get_nics (self->network), detach->where.netns_fd, detach->where.inside,
                         on_found, g_object_ref (task));
}

void
bothy_byhand_detach_nic (BothyRegistry *registry,
                         guint32 user,
                         const char *bridge,
                         int netns_fd,
                         const char *inside,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (registry, NULL, callback, user_data);
  Detach *detach = g_new0 (Detach, 1);

  bothy_byhand_place_init (&detach->where, user, bridge, netns_fd, inside);
  g_task_set_task_data (task, detach, (GDestroyNotify)detach_free);
  bothy_netns_prove (detach->where.netns_fd, user, find, task);
}

gboolean
bothy_byhand_detach_nic_finish (BothyRegistry *registry, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
