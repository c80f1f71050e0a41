/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <errno.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define MIN_MTU 1280u /* of IPv6 */
#define MAX_MTU 65535u

static const char alias_prefix[] = "bothy:";

static bool
is_text (const char *text, size_t size, const char *characters)
{
  size_t length = strnlen (text, size);

  return length > 0 && length < size && strspn (text, characters) == length;
}

static bool
is_alias (const char *alias)
{
  return is_text (alias, NET_ALIAS_SIZE, LETTERS ":._-") &&
         strncmp (alias, alias_prefix, strlen (alias_prefix)) == 0 && alias[strlen (alias_prefix)] != '\0';
}

/* A name of an interface that no sysctl, and no program that walks them, takes for something else. */
static bool
is_inside (const char *name)
{
  static const char *const taken[] = { ".", "..", "lo", "all", "default" };

  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
    if (strncmp (name, taken[i], NET_NAME_SIZE) == 0)
      return false;
  return is_text (name, NET_NAME_SIZE, LETTERS "._-");
}

static bool
is_unicast_mac (const uint8_t mac[6])
{
  static const uint8_t zero[6];

  return (mac[0] & 1) == 0 && memcmp (mac, zero, sizeof zero) != 0;
}

static bool
is_unicast_address (const uint8_t address4[4], const uint8_t address6[16])
{
  static const uint8_t none[16];
  static const uint8_t loopback[16] = { [15] = 1 };
  bool is_none = memcmp (address4, none, 4) == 0;

  if (!is_none && (address4[0] == 0 || address4[0] == 127 || address4[0] >= 224))
    return false;
  return address6[0] != 0xff && memcmp (address6, loopback, sizeof loopback) != 0;
}

static bool
is_destination (const struct net_destination *destination)
{
  size_t size = destination->family == 4 ? 4 : 16;

  return (destination->family == 4 || destination->family == 6) &&
         memcmp (destination->first, destination->last, size) <= 0 &&
         destination->first_protocol <= destination->last_protocol &&
         destination->first_port <= destination->last_port;
}

static bool
are_destinations (const struct net_request *request)
{
  if ((request->flags & NET_FLAG_LIMITED) == 0 && request->n_destinations > 0)
    return false;
  for (uint32_t i = 0; i < request->n_destinations; i++)
    if (!is_destination (&request->destinations[i]))
      return false;
  return true;
}

/* NET_FLAG_BOUND needs NET_FLAG_LAN, since elsewhere a nic is bound to its addresses in any case, and it
   needs an IPv4 address. */
static bool
is_bound_to_something (const struct net_request *request)
{
  static const uint8_t none[4];

  return (request->flags & NET_FLAG_BOUND) == 0 ||
         ((request->flags & NET_FLAG_LAN) != 0 && memcmp (request->address4, none, sizeof none) != 0);
}

static bool
is_nic (const struct net_request *request)
{
  return (request->flags & ~(uint32_t)(NET_FLAG_LAN | NET_FLAG_LIMITED | NET_FLAG_BOUND)) == 0 &&
         is_bound_to_something (request) && are_destinations (request) && is_alias (request->alias) &&
         is_inside (request->inside) && is_unicast_mac (request->mac) &&
         is_unicast_address (request->address4, request->address6) &&
         (request->mtu == 0 || (request->mtu >= MIN_MTU && request->mtu <= MAX_MTU));
}

/* One address alone, which needs no interface beside it to be found: a link-local one does. */
static bool
is_host_address (const struct net_request *request)
{
  static const uint8_t none[16];
  static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
  const uint8_t *address = request->host_address;

  if (request->host_family == 0)
    return memcmp (address, none, sizeof none) == 0;
  if (request->host_family == 4)
    return address[0] != 0 && address[0] < 224 && memcmp (address + 4, none, 12) == 0;
  return request->host_family == 6 && memcmp (address, none, sizeof none) != 0 && address[0] != 0xff &&
         (address[0] != 0xfe || (address[1] & 0xc0) != 0x80) && memcmp (address, mapped, sizeof mapped) != 0;
}

/* A port at one address leads to one of the same family. */
static bool
has_address (const struct net_request *request)
{
  static const uint8_t none[16];
  bool has_4 = memcmp (request->address4, none, 4) != 0, has_6 = memcmp (request->address6, none, 16) != 0;

  return request->host_family == 0 ? has_4 || has_6 : request->host_family == 4 ? has_4 : has_6;
}

static bool
is_port (const struct net_request *request)
{
  return (request->flags & ~(uint32_t)NET_FLAG_UDP) == 0 && request->port != 0 && is_host_address (request) &&
         is_unicast_address (request->address4, request->address6) && has_address (request);
}

/* Where to listen. */
static bool
is_asked_for (const struct net_request *request)
{
  return (request->flags & ~(uint32_t)NET_FLAG_PAUSED) == 0 && request->asker != 0 &&
         is_host_address (request);
}

static bool
is_sensible (const struct net_request *request)
{
  switch ((enum net_op)request->op) {
  case NET_ATTACH:
  case NET_REPAIR:
    return is_nic (request);
  case NET_DETACH:
    return is_alias (request->alias);
  case NET_FIND:
    return is_inside (request->inside);
  case NET_PUBLISH:
    return is_port (request) && request->inside_port != 0;
  case NET_UNPUBLISH:
    return is_port (request);
  case NET_LISTEN:
    return request->port != 0 && is_asked_for (request);
  case NET_UNLISTEN:
    return request->flags == 0 && is_asked_for (request);
  case NET_LIST:
  case NET_TIDY:
  case NET_EXAMINE:
  case NET_OPEN_FIREWALLS:
    return true;
  }
  return false;
}

int
request_check (const struct net_request *request, const struct wire *wire)
{
  unsigned int expected_fds = request->op == NET_ATTACH || request->op == NET_FIND ? 1 : 0;

  if (wire->size < sizeof *request || request->version != NET_PROTOCOL_VERSION ||
      request->n_destinations > NET_MAX_DESTINATIONS ||
      wire->size != sizeof *request + request->n_destinations * sizeof request->destinations[0])
    return EPROTO;
  if (wire->truncated)
    return E2BIG;
  return wire->n_fds == expected_fds && is_sensible (request) ? 0 : EINVAL;
}
