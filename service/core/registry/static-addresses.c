/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses that were chosen for containers on bridges of the LAN: each is one container's, and none the
   machine's. bothy-net sees to that once more when they start. */
#include "core/registry/registry-private.h"

#include "base/error.h"
#include "network/lanaddress.h"

#include <string.h>

static char *
make_key (const BothyContainerSpec *spec, const BothyLanAddress *address)
{
  return g_strdup_printf ("%s %u", spec->network, address->address);
}

static gboolean
is_taken (BothyRegistry *self, const char *key)
{
  g_autoptr (GList) containers = bothy_registry_list_containers (self);
  gboolean taken = g_hash_table_contains (self->addresses, key);

  for (GList *l = containers; l && !taken; l = l->next) {
    const BothyContainerSpec *other = ((BothyContainer *)l->data)->spec;
    g_autofree char *its = NULL;
    BothyLanAddress address;

    if (*other->address && bothy_lan_address_parse (other->address, &address, NULL))
      its = make_key (other, &address);
    taken = g_strcmp0 (its, key) == 0;
  }
  return taken;
}

static GError *
taken_error (const BothyContainerSpec *spec)
{
  return g_error_new (
      BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
      "Option \"address\": this machine, or another container on the bridge %s, has it already",
      spec->network + strlen (BOTHY_CONTAINER_LAN));
}

/* Of the bridge as it is now; it may have gone since, and then the container says so when it starts. */
static gboolean
check_subnet (BothyRegistry *self,
              const BothyContainerSpec *spec,
              const BothyLanAddress *address,
              GError **error)
{
  BothyKnownBridge *bridge = bothy_bridges_find (self->bridges, spec->network + strlen (BOTHY_CONTAINER_LAN));

  return !bridge || bothy_lan_address_check_subnet (address, bridge->facts->subnet, error);
}

/* ---- claiming ---- */

typedef struct {
  BothyLanAddress address;
  char *key;
  GError *taken; /* what is said then */
} Claim;

static void
claim_free (Claim *claim)
{
  g_clear_error (&claim->taken);
  g_free (claim->key);
  g_free (claim);
}

static void
look (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_task_return_boolean (task, bothy_lan_address_is_own (&((Claim *)task_data)->address));
}

static void
on_looked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  Claim *claim = g_task_get_task_data (task);

  if (!g_task_propagate_boolean (G_TASK (result), NULL)) {
    g_task_return_pointer (task, g_steal_pointer (&claim->key), g_free);
    return;
  }
  bothy_registry_yield_address (self, claim->key);
  g_task_return_error (task, g_steal_pointer (&claim->taken));
}

void
bothy_registry_claim_address (BothyRegistry *self,
                              const BothyContainerSpec *spec,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (GTask) thread = NULL;
  Claim *claim = g_new0 (Claim, 1);
  GError *error = NULL;

  g_task_set_task_data (task, claim, (GDestroyNotify)claim_free);
  if (bothy_lan_address_parse (spec->address, &claim->address, &error) &&
      check_subnet (self, spec, &claim->address, &error)) {
    claim->key = make_key (spec, &claim->address);
    claim->taken = taken_error (spec);
    if (is_taken (self, claim->key))
      error = g_steal_pointer (&claim->taken);
  }
  if (error) {
    g_task_return_error (task, error);
    return;
  }
  g_hash_table_add (self->addresses, g_strdup (claim->key));
  thread = g_task_new (self, NULL, on_looked, g_object_ref (task));
  g_task_set_task_data (thread, claim, NULL);
  g_task_run_in_thread (thread, look);
}

char *
bothy_registry_claim_address_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
bothy_registry_yield_address (BothyRegistry *self, const char *key)
{
  g_hash_table_remove (self->addresses, key);
}
