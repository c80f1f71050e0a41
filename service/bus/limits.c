/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SetLimits and GetStats of org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "core/registry/set-limits.h"

gboolean
bothy_container_check_set_limits (BothyCall *call, GError **error)
{
  BothyContainer *container = BOTHY_CONTAINER (call->node->target);
  g_autoptr (GVariant) changes = g_variant_get_child_value (call->args, 0);
  g_autofree char *owner = g_strdup_printf ("%u", container->owner);
  BothyCgroupLimits limits = container->spec->limits;
  const char *key;
  guint changed;

  if (!bothy_limits_change (&limits, changes, &changed, error))
    return FALSE;
  if (!bothy_limits_exceeding (&limits, changed, bothy_registry_get_configuration (call->registry), &key,
                               &call->exceeds))
    return TRUE;
  polkit_details_insert (call->details, "container", container->spec->name);
  polkit_details_insert (call->details, "owner", owner);
  polkit_details_insert (call->details, "limit", key);
  return TRUE;
}

static void
on_limits_set (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_registry_set_limits_finish (BOTHY_REGISTRY (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_set_limits (BothyCall *call)
{
  g_autoptr (GVariant) changes = g_variant_get_child_value (call->args, 0);

  bothy_registry_set_limits (call->registry, BOTHY_CONTAINER (call->node->target), changes, call->may_exceed,
                             on_limits_set, bothy_call_ref (call));
}

static void
on_stats (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) stats = bothy_registry_get_stats_finish (BOTHY_REGISTRY (source), result, &error);

  if (stats)
    bothy_call_return (call, g_variant_new ("(@a{sv})", stats));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_get_stats (BothyCall *call)
{
  bothy_registry_get_stats (call->registry, BOTHY_CONTAINER (call->node->target), on_stats,
                            bothy_call_ref (call));
}
