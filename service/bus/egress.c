/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: SetEgress and GetAddresses */
#include "bus/handlers.h"

#include "base/error.h"
#include "core/registry/set-egress.h"
#include "network/egress.h"

#include <arpa/inet.h>
#include <string.h>

static gboolean
parse_change (const char *text, BothyEgressChange *ret, GError **error)
{
  static const struct {
    const char *text;
    BothyEgressChange change;
  } changes[] = { { "set", BOTHY_EGRESS_SET },
                  { "allow", BOTHY_EGRESS_ALLOW },
                  { "deny", BOTHY_EGRESS_DENY } };

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    *ret = changes[i].change;
    if (g_str_equal (text, changes[i].text))
      return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "change: \"set\", \"allow\" or \"deny\"");
  return FALSE;
}

/* NULL with ERROR. */
static char **
parse (BothyCall *call, BothyEgressChange *ret_change, GError **error)
{
  g_auto (GStrv) destinations = NULL;
  const char *change;

  g_variant_get (call->args, "(&s^as)", &change, &destinations);
  return parse_change (change, ret_change, error)
             ? bothy_egress_parse ((const char *const *)destinations, error)
             : NULL;
}

gboolean
bothy_container_check_set_egress (BothyCall *call, GError **error)
{
  BothyEgressChange change;
  g_auto (GStrv) destinations = parse (call, &change, error);

  return destinations != NULL;
}

static void
on_set (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_registry_set_egress_finish (BOTHY_REGISTRY (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_set_egress (BothyCall *call)
{
  BothyEgressChange change;
  g_auto (GStrv) destinations = parse (call, &change, NULL);

  bothy_registry_set_egress (call->registry, BOTHY_CONTAINER (call->node->target), change, destinations,
                             on_set, bothy_call_ref (call));
}

void
bothy_container_handle_get_addresses (BothyCall *call)
{
  BothyContainer *container = BOTHY_CONTAINER (call->node->target);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(iay)"));
  for (char **address = container->addresses; *address; address++) {
    g_autofree char *bare = g_strndup (*address, strcspn (*address, "/"));
    int family = strchr (bare, ':') ? AF_INET6 : AF_INET;
    guint8 bytes[16];

    if (inet_pton (family, bare, bytes) == 1)
      g_variant_builder_add (
          &builder, "(i@ay)", family,
          g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, family == AF_INET ? 4 : 16, 1));
  }
  bothy_call_return (call, g_variant_new ("(a(iay))", &builder));
}
