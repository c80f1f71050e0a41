/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/set-egress.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/registry/change.h"
#include "network/egress.h"
#include "network/nic.h"

/* The task's data is the change. ERROR (taken over) or NULL is its result. */
static void
return_result (GTask *task, GError *error)
{
  bothy_change_end (g_task_get_task_data (task));
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  BothyChange *change = g_task_get_task_data (task);
  BothyContainer *container = bothy_change_get_container (change);
  GError *error = NULL;
  g_autoptr (BothyNetworkConfig) config =
      bothy_network_attach_finish (BOTHY_NETWORK (source), result, &error);

  /* One that ended meanwhile gets it when it starts again. */
  if (!config && !*container->nic)
    g_clear_error (&error);
  if (error) {
    bothy_change_roll_back (change);
    /* Its link is down now. */
    bothy_network_repair_begin (bothy_runner_get_repair (bothy_registry_get_runner (self)), container);
  }
  return_result (task, error);
}

/* Tell the filter of the container's nic of its new egress list. */
static void
tell_filter (BothyRegistry *self, GTask *task)
{
  BothyContainer *container = bothy_change_get_container (g_task_get_task_data (task));
  BothyNetwork *network = bothy_registry_get_network (self);
  g_autoptr (BothyNic) place = bothy_nic_parse_id (container->owner, container->nic);

  if (!place) {
    bothy_network_resume (network, container->id, container->owner, container->range_base,
                          container->spec->egress, on_told, g_object_ref (task));
    return;
  }
  bothy_nic_resume (network, place, container->spec->egress, container->spec->network->address, on_told,
                    g_object_ref (task));
}

/* The nic may have been in the making while the list changed, and may have got the old one. */
static void
on_nic_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;

  bothy_network_repair_wait_finish (BOTHY_NETWORK_REPAIR (source), result);
  if (*bothy_change_get_container (g_task_get_task_data (task))->nic)
    tell_filter (g_task_get_source_object (task), task);
  else
    return_result (task, NULL);
}

static char **
compute_egress (char **egress, BothyEgressChange how, char **destinations, GError **error)
{
  switch (how) {
  case BOTHY_EGRESS_ALLOW:
    return bothy_egress_add (egress, destinations, error);
  case BOTHY_EGRESS_DENY:
    return bothy_egress_remove (egress, destinations, error);
  case BOTHY_EGRESS_SET:
  default:
    return g_strdupv (destinations);
  }
}

static void
restore_egress (BothyContainers *containers, BothyContainer *container, gpointer before)
{
  bothy_container_set_egress (container, before);
}

static gboolean
record_egress (BothyChange *change, BothyEgressChange how, char **destinations, GError **error)
{
  BothyContainer *container = bothy_change_get_container (change);
  g_auto (GStrv) egress = NULL;
  char **before;

  if (!bothy_container_wants_network (container)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s has no network",
                 container->spec->name);
    return FALSE;
  }
  egress = compute_egress (container->spec->egress, how, destinations, error);
  if (!egress)
    return FALSE;
  before = g_strdupv (container->spec->egress);
  bothy_container_set_egress (container, (const char *const *)egress);
  return bothy_change_record (change, restore_egress, before, (GDestroyNotify)g_strfreev, error);
}

void
bothy_registry_set_egress (BothyRegistry *self,
                           BothyContainer *container,
                           BothyEgressChange how,
                           char **destinations,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyNetworkRepair *repair = bothy_runner_get_repair (bothy_registry_get_runner (self));
  GError *error = NULL;
  g_autoptr (BothyChange) change = bothy_change_begin (bothy_registry_get_containers (self), container,
                                                       "changing what it may reach", &error);

  if (!change || !record_egress (change, how, destinations, &error)) {
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("egress.recorded");
  g_task_set_task_data (task, g_steal_pointer (&change), (GDestroyNotify)bothy_change_free);
  bothy_network_repair_wait (repair, container, on_nic_settled, g_object_ref (task));
}

gboolean
bothy_registry_set_egress_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
