/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/network-spec.h"

#include "base/error.h"
#include "base/validate.h"
#include "network/resolvers.h"

#include <string.h>

#define LAN "lan:"

static gboolean
parse_kind (BothyContainerNetwork *self, const char *text, GError **error)
{
  const char *bridge = g_str_has_prefix (text, LAN) ? text + strlen (LAN) : NULL;

  if (g_str_equal (text, "none"))
    self->kind = BOTHY_CONTAINER_NETWORK_NONE;
  else if (g_str_equal (text, "nat"))
    self->kind = BOTHY_CONTAINER_NETWORK_NAT;
  else if (bothy_is_interface_name (bridge)) {
    self->kind = BOTHY_CONTAINER_NETWORK_LAN;
    self->bridge = g_strdup (bridge);
  } else {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"network\": \"nat\", \"none\", or \"lan:\" and the name of a bridge");
    return FALSE;
  }
  return TRUE;
}

static gboolean
parse_address (BothyContainerNetwork *self, const char *text, GError **error)
{
  BothyLanAddress address;

  if (!*text)
    return TRUE;
  if (!self->bridge) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"address\": only on a bridge of the LAN, with the network \"lan:BRIDGE\", can one "
                 "be chosen");
    return FALSE;
  }
  if (!bothy_lan_address_parse (text, &address, error))
    return FALSE;
  self->address = g_memdup2 (&address, sizeof address);
  return TRUE;
}

static gboolean
parse_resolvers (BothyContainerNetwork *self, const char *const *resolvers, GError **error)
{
  if (*resolvers && !self->bridge) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"resolvers\": only on a bridge of the LAN, with the network \"lan:BRIDGE\", can "
                 "they be chosen");
    return FALSE;
  }
  self->resolvers = bothy_resolvers_parse (resolvers, error);
  return self->resolvers != NULL;
}

BothyContainerNetwork *
bothy_container_network_parse (const char *network,
                               const char *address,
                               const char *const *resolvers,
                               GError **error)
{
  g_autoptr (BothyContainerNetwork) self = g_new0 (BothyContainerNetwork, 1);

  if (!parse_kind (self, network, error) || !parse_address (self, address, error) ||
      !parse_resolvers (self, resolvers, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
bothy_container_network_free (BothyContainerNetwork *self)
{
  g_free (self->bridge);
  g_free (self->address);
  g_strfreev (self->resolvers);
  g_free (self);
}

char *
bothy_container_network_format (const BothyContainerNetwork *self)
{
  switch (self->kind) {
  case BOTHY_CONTAINER_NETWORK_LAN:
    return g_strconcat (LAN, self->bridge, NULL);
  case BOTHY_CONTAINER_NETWORK_NAT:
    return g_strdup ("nat");
  case BOTHY_CONTAINER_NETWORK_NONE:
  default:
    return g_strdup ("none");
  }
}

char *
bothy_container_network_format_address (const BothyContainerNetwork *self)
{
  g_autofree char *address = self->address ? bothy_lan_address_format (self->address) : NULL;
  g_autofree char *gateway = self->address ? bothy_lan_address_format_gateway (self->address) : NULL;

  if (!address)
    return g_strdup ("");
  return *gateway ? g_strconcat (address, ",", gateway, NULL) : g_steal_pointer (&address);
}

gboolean
bothy_container_network_shares_address (const BothyContainerNetwork *self, const BothyContainerNetwork *other)
{
  return self->address && other->address && g_str_equal (self->bridge, other->bridge) &&
         self->address->address == other->address->address;
}
