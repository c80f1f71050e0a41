/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SetAutostart of org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "base/error.h"
#include "base/validate.h"
#include "bus/options.h"
#include "core/registry/set-autostart.h"

static gpointer
parse_set_autostart (BothyArguments *arguments, GError **error)
{
  g_autoptr (BothyAutostartChange) change = g_new0 (BothyAutostartChange, 1);
  g_autofree char *restart = NULL;
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "delay", "u", &change->values.delay },
                                { "after", "s", &change->after },
                                { "restart", "s", &restart },
                                { NULL, NULL, NULL } };
  const char *mode;

  bothy_arguments_get (arguments, "(&s@a{sv})", &mode, &options);
  if (!bothy_options_parse (options, table, error))
    return NULL;
  change->has_mode = *mode != '\0';
  change->has_delay = g_variant_lookup (options, "delay", "u", NULL);
  change->has_restart = restart != NULL;
  if ((change->has_mode && !bothy_autostart_parse_mode (mode, &change->values.mode, error)) ||
      !bothy_autostart_check_delay (change->values.delay, error) ||
      (change->after && *change->after && !bothy_validate_name (change->after, "after", error)) ||
      (restart &&
       !bothy_restart_parse (restart, &change->values.restart, &change->values.max_restarts, error)))
    return NULL;
  return g_steal_pointer (&change);
}

const BothyRequestType bothy_container_set_autostart_request = {
  parse_set_autostart, (GDestroyNotify)bothy_autostart_change_free
};

gboolean
bothy_container_check_set_autostart (BothyCall *call, GError **error)
{
  BothyContainer *container = BOTHY_CONTAINER (call->node->target);
  const BothyConfiguration *configuration = bothy_registry_get_configuration (call->registry);
  g_autofree char *owner = g_strdup_printf ("%u", container->owner);
  g_autofree char *wanted = g_strdup_printf ("autostarts=%u", configuration->max_autostarts + 1);
  g_autofree char *ceiling = g_strdup_printf ("autostarts=%u", configuration->max_autostarts);

  g_clear_error (&call->exceeds);
  polkit_details_insert (call->details, "container", container->spec->name);
  if (bothy_registry_check_autostarts (call->registry, container, call->request, &call->exceeds))
    return TRUE;
  polkit_details_insert (call->details, "owner", owner);
  polkit_details_insert (call->details, "limits", wanted);
  polkit_details_insert (call->details, "ceilings", ceiling);
  return TRUE;
}

/* For the container's history. */
static void
describe_change (BothyCall *call)
{
  const BothyAutostartChange *change = call->request;
  g_autofree char *delay = g_strdup_printf ("%u", change->values.delay);
  g_autofree char *restart = bothy_restart_format (&change->values);

  if (change->has_mode)
    polkit_details_insert (call->details, "mode", bothy_autostart_mode_name (change->values.mode));
  if (change->has_delay)
    polkit_details_insert (call->details, "delay", delay);
  if (change->after)
    polkit_details_insert (call->details, "after", change->after);
  if (change->has_restart)
    polkit_details_insert (call->details, "restart", restart);
}

void
bothy_container_handle_set_autostart (BothyCall *call)
{
  BothyContainer *container = BOTHY_CONTAINER (call->node->target);
  GError *error = NULL;

  describe_change (call);
  /* Others of the caller's calls may have come first. */
  if ((call->may_exceed ||
       bothy_registry_check_autostarts (call->registry, container, call->request, &error)) &&
      bothy_registry_set_autostart (call->registry, container, call->request, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}
