/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/static-addresses.h"

#include "base/error.h"

/* It may have gone since; then the container says so when it starts. */
static gboolean
check_subnet (BothyBridges *bridges, const BothyContainerNetwork *network, GError **error)
{
  BothyKnownBridge *bridge = bothy_bridges_find (bridges, network->bridge);

  return !bridge || bothy_lan_address_check_subnet (network->address, bridge->facts->subnet, error);
}

typedef struct {
  BothyLanAddress address;
  GError *taken; /* what is said when the machine has it */
} Check;

static void
check_free (gpointer data)
{
  Check *check = data;

  g_clear_error (&check->taken);
  g_free (check);
}

static void
look_for_own (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Check *check = task_data;

  if (bothy_lan_address_is_own (&check->address))
    g_task_return_error (task, g_steal_pointer (&check->taken));
  else
    g_task_return_boolean (task, TRUE);
}

void
bothy_static_address_check (BothyContainers *containers,
                            BothyBridges *bridges,
                            const BothyContainerSpec *spec,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (containers, NULL, callback, user_data);
  Check *check = g_new0 (Check, 1);
  GError *error = NULL;

  check->address = *spec->network->address;
  check->taken =
      g_error_new (BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                   "Option \"address\": this machine, or another container on the bridge %s, has it already",
                   spec->network->bridge);
  g_task_set_task_data (task, check, check_free);
  if (!check_subnet (bridges, spec->network, &error))
    g_task_return_error (task, error);
  else if (bothy_containers_has_address (containers, spec))
    g_task_return_error (task, g_steal_pointer (&check->taken));
  else
    g_task_run_in_thread (task, look_for_own);
}

gboolean
bothy_static_address_check_finish (BothyContainers *containers, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
