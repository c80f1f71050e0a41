/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: SetEgress and GetAddresses */
#include "bus/handlers.h"

#include "base/error.h"
#include "core/registry/set-egress.h"
#include "network/egress.h"

#include <arpa/inet.h>
#include <string.h>

static const char *const change_names[] = {
  [BOTHY_EGRESS_SET] = "set", [BOTHY_EGRESS_ALLOW] = "allow", [BOTHY_EGRESS_DENY] = "deny"
};

static gboolean
parse_change (const char *text, BothyEgressChange *ret, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (change_names); i++) {
    *ret = (BothyEgressChange)i;
    if (g_str_equal (text, change_names[i]))
      return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "change: \"set\", \"allow\" or \"deny\"");
  return FALSE;
}

typedef struct {
  BothyEgressChange change;
  char **destinations;
} EgressRequest;

static void
egress_request_free (EgressRequest *request)
{
  g_strfreev (request->destinations);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EgressRequest, egress_request_free)

static gpointer
parse_set_egress (BothyArguments *arguments, GError **error)
{
  g_autoptr (EgressRequest) request = g_new0 (EgressRequest, 1);
  g_auto (GStrv) destinations = NULL;
  const char *change;

  bothy_arguments_get (arguments, "(&s^as)", &change, &destinations);
  if (!parse_change (change, &request->change, error))
    return NULL;
  request->destinations = bothy_egress_parse ((const char *const *)destinations, error);
  return request->destinations ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_container_set_egress_request = { parse_set_egress,
                                                              (GDestroyNotify)egress_request_free };

static void
on_egress_set (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_registry_set_egress_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_container_handle_set_egress (BothyCall *call)
{
  const EgressRequest *request = call->request;
  g_autofree char *destinations = g_strjoinv (" ", request->destinations);

  polkit_details_insert (call->details, change_names[request->change], destinations);
  bothy_registry_set_egress (call->registry, BOTHY_CONTAINER (call->node->target), request->change,
                             request->destinations, on_egress_set, bothy_call_ref (call));
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
