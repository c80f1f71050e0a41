/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a container may reach: written down first, then told to the filter; what can not be done is taken
 * back. */
#include "core/registry/registry-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "network/egress.h"
#include "network/nic.h"

typedef struct {
  BothyContainer *container;
  char **before;
  gboolean begun;
} Change;

static void
change_free (Change *change)
{
  if (change->begun)
    bothy_container_end (change->container);
  g_strfreev (change->before);
  g_object_unref (change->container);
  g_free (change);
}

static gboolean
write_down (BothyRegistry *self, Change *change, const char *const *egress, GError **error)
{
  g_auto (GStrv) before = g_strdupv (change->container->spec->egress);

  bothy_container_set_egress (change->container, egress);
  if (bothy_registry_save (self, change->container, error)) {
    g_strfreev (change->before);
    change->before = g_steal_pointer (&before);
    return TRUE;
  }
  bothy_container_set_egress (change->container, (const char *const *)before);
  return FALSE;
}

/* What it did meanwhile has to be followed up before the caller hears of this. */
static void
end (BothyRegistry *self, Change *change)
{
  bothy_container_end (change->container);
  change->begun = FALSE;
  bothy_registry_follow_up (self, change->container);
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);
  BothyContainer *container = change->container;
  g_autoptr (BothyNetworkConfig) config = NULL;
  g_autoptr (GError) unsaved = NULL;
  g_auto (GStrv) before = NULL;
  GError *error = NULL;

  config = bothy_network_attach_finish (BOTHY_NETWORK (source), result, &error);
  /* One that ended meanwhile gets it when it starts again. */
  if (!config && !*container->nic)
    g_clear_error (&error);
  if (!error) {
    end (self, change);
    g_task_return_boolean (task, TRUE);
    return;
  }
  before = g_steal_pointer (&change->before);
  if (!write_down (self, change, (const char *const *)before, &unsaved))
    g_warning ("Container %s: %s", container->id, unsaved->message);
  /* Its link is down now. */
  bothy_network_repair_begin (bothy_runner_get_repair (self->runner), container);
  end (self, change);
  g_task_return_error (task, error);
}

/* Have the filter of the nic that it has know of it. */
static void
tell (BothyRegistry *self, GTask *task)
{
  BothyContainer *container = ((Change *)g_task_get_task_data (task))->container;
  g_autoptr (BothyNic) place = bothy_nic_parse_id (container->owner, container->nic);
  BothyLanAddress address = { 0 };

  if (!place) {
    bothy_network_resume (self->network, container->id, container->owner, container->range_base,
                          container->spec->egress, on_told, g_object_ref (task));
    return;
  }
  if (*container->spec->address)
    bothy_lan_address_parse (container->spec->address, &address, NULL);
  bothy_nic_resume (self->network, place, container->spec->egress, &address, on_told, g_object_ref (task));
}

/* A nic that was just being made may have got what held before. */
static void
on_nic_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);

  bothy_network_repair_wait_finish (BOTHY_NETWORK_REPAIR (source), result);
  if (*change->container->nic) {
    tell (self, task);
    return;
  }
  end (self, change);
  g_task_return_boolean (task, TRUE);
}

static char **
compute (char **egress, BothyEgressChange how, char **destinations, GError **error)
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

static gboolean
begin (BothyRegistry *self, Change *change, BothyEgressChange how, char **destinations, GError **error)
{
  BothyContainer *container = change->container;
  g_auto (GStrv) egress = NULL;

  change->begun = bothy_container_begin (container, "changing what it may reach", error);
  if (!change->begun)
    return FALSE;
  if (g_str_equal (container->spec->network, "none")) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s has no network",
                 container->spec->name);
    return FALSE;
  }
  egress = compute (container->spec->egress, how, destinations, error);
  return egress && write_down (self, change, (const char *const *)egress, error);
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
  Change *change = g_new0 (Change, 1);
  GError *error = NULL;

  change->container = g_object_ref (container);
  g_task_set_task_data (task, change, (GDestroyNotify)change_free);
  if (!begin (self, change, how, destinations, &error)) {
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("egress.recorded");
  bothy_network_repair_wait (bothy_runner_get_repair (self->runner), container, on_nic_settled,
                             g_object_ref (task));
}

gboolean
bothy_registry_set_egress_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
