/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SetLimits and GetStats of org.bothy.Bothy1.Container */
#include "bus/limits.h"

#include "bus/handlers.h"
#include "base/error.h"
#include "core/container/limits.h"

/* LIMITS is the request of this call. Those of its values that are above a ceiling are marked as granted and
   told to polkit, so that exactly what was authorized is set, and nothing else exceeds a ceiling. */
void
bothy_limits_ask_to_exceed (BothyCall *call, BothyCgroupLimits *limits, guint32 owner)
{
  const BothyConfiguration *configuration =
      bothy_ceilings_for (bothy_registry_get_ceilings (call->registry), owner);
  guint exceeding = bothy_limits_exceeding (limits, configuration);
  g_autofree char *wanted = bothy_limits_describe (limits, exceeding);
  g_autofree char *ceilings = bothy_limits_describe_ceilings (configuration, exceeding);
  g_autofree char *uid = g_strdup_printf ("%u", owner);

  limits->granted = exceeding;
  if (!exceeding)
    return;
  polkit_details_insert (call->details, "owner", uid);
  polkit_details_insert (call->details, "limits", wanted);
  polkit_details_insert (call->details, "ceilings", ceilings);
  call->exceeds = g_error_new (BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                               "A container may have at most %s, and %s was asked for", ceilings, wanted);
}

/* A detail that says several things has them in a row. */
static void
append_detail (PolkitDetails *details, const char *key, guint ranges)
{
  const char *before = polkit_details_lookup (details, key);
  g_autofree char *all = g_strdup_printf ("%s%sranges=%u", before ? before : "", before ? " " : "", ranges);

  polkit_details_insert (details, key, all);
}

guint
bothy_limits_ask_for_range (BothyCall *call)
{
  g_autofree char *uid = g_strdup_printf ("%u", call->user);
  g_autoptr (GError) error = NULL;
  guint count;

  if (bothy_ranges_check_all (bothy_registry_get_ranges (call->registry), call->user, 0, &count, &error))
    return 0;
  polkit_details_insert (call->details, "owner", uid);
  append_detail (call->details, "limits", count + 1);
  append_detail (call->details, "ceilings",
                 bothy_registry_get_configuration (call->registry)->max_all_ranges);
  if (call->exceeds)
    g_prefix_error (&error, "%s. ", call->exceeds->message);
  g_clear_error (&call->exceeds);
  call->exceeds = g_steal_pointer (&error);
  return count + 1;
}

/* The changes. */
static gpointer
parse_set_limits (BothyArguments *arguments, GError **error)
{
  g_autofree BothyCgroupLimits *changes = g_new0 (BothyCgroupLimits, 1);
  g_autoptr (GVariant) values = NULL;

  bothy_arguments_get (arguments, "(@a{sv})", &values);
  return bothy_limits_parse (values, changes, error) ? g_steal_pointer (&changes) : NULL;
}

const BothyRequestType bothy_container_set_limits_request = { parse_set_limits, g_free };

#include "core/registry/set-limits.h"

gboolean
bothy_container_check_set_limits (BothyCall *call, GError **error)
{
  BothyContainer *container = BOTHY_CONTAINER (call->node->target);

  polkit_details_insert (call->details, "container", container->spec->name);
  bothy_limits_ask_to_exceed (call, call->request, container->owner);
  return TRUE;
}

static void
on_limits_set (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_registry_set_limits_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_container_handle_set_limits (BothyCall *call)
{
  const BothyCgroupLimits *changes = call->request;
  g_autofree char *all = bothy_limits_describe (changes, changes->given);

  polkit_details_insert (call->details, "limits", all);
  bothy_registry_set_limits (call->registry, BOTHY_CONTAINER (call->node->target), call->request,
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
