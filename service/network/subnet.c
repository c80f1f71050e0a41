/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/subnet.h"

#include "network/routes.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/* Networks to choose from, before all others that begin with 10. */
static const guint8 preferred[] = { 209, 137, 73 };

/* What follows "10." in networks that other programs take without a question: LXC, OpenVPN, NetworkManager and k3s, Podman, Kubernetes.
   Docker and libvirt have theirs in 172.16.0.0/12 and 192.168.0.0/16. */
static const struct {
  guint8 first, last;
} avoided[] = { { 0, 10 }, { 42, 44 }, { 88, 91 }, { 96, 111 }, { 244, 244 } };

/* What follows "172." where all that begins with 10 is somebody's, as behind many a VPN: from the last that Docker comes to on. */
#define FIRST_172 30
#define LAST_172  16

/* Random ones that are tried; one of them is somebody's only if he has all, or this machine's id. */
#define ATTEMPTS6 16

/* How much of another's network may be in ours. */
typedef enum {
  NOTHING,
  A_PART, /* ours is in a wider one: for our addresses the nearer route, which is ours, holds */
} Shared;

static gboolean
is_within (const guint8 *a, const guint8 *b, guint bits)
{
  guint bytes = bits / 8, rest = bits % 8;
  guint8 mask = (guint8)(0xff00 >> rest);

  return memcmp (a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0);
}

/* The network of another interface than OWN that has addresses of ADDRESS/PREFIX's; NULL: there is none. */
static const BothyRoute *
find_route (const GArray *routes, int family, gconstpointer address, guint prefix, guint own, Shared allowed)
{
  for (guint i = 0; i < routes->len; i++) {
    const BothyRoute *route = &g_array_index (routes, BothyRoute, i);

    if (route->family == family && (own == 0 || route->index != own) &&
        is_within (route->address, address, MIN (route->prefix, prefix)) &&
        !(allowed == A_PART && route->prefix < prefix))
      return route;
  }
  return NULL;
}

static const BothyRoute *
find_route4 (const GArray *routes, guint32 address, guint prefix, guint own, Shared allowed)
{
  guint32 bytes = htonl (address);

  return find_route (routes, AF_INET, &bytes, prefix, own, allowed);
}

static gboolean
is_avoided (guint8 second)
{
  for (gsize i = 0; i < G_N_ELEMENTS (avoided); i++)
    if (second >= avoided[i].first && second <= avoided[i].last)
      return TRUE;
  return FALSE;
}

/* The first of 10.X.THIRD.1 whose network is free; each X comes once, from FIRST on. 0: there is none. */
static guint32
choose_from (const GArray *routes, guint8 first, guint8 third, guint prefix, guint own, Shared allowed)
{
  for (guint i = 0; i < 256; i++) {
    guint8 second = (guint8)(first + 57 * i);
    guint32 address = 10u << 24 | (guint32)second << 16 | (guint32)third << 8 | 1;

    if (!is_avoided (second) && !find_route4 (routes, address, prefix, own, allowed))
      return address;
  }
  return 0;
}

static guint32
choose_from_172 (const GArray *routes, guint32 third, guint prefix, guint own)
{
  for (guint32 second = FIRST_172; second >= LAST_172; second--) {
    guint32 address = 172u << 24 | second << 16 | third << 8 | 1;

    if (!find_route4 (routes, address, prefix, own, NOTHING))
      return address;
  }
  return 0;
}

guint32
bothy_subnet_choose4 (const char *interface)
{
  g_autoptr (GArray) routes = bothy_routes_read ();
  guint own = if_nametoindex (interface);
  guint32 chosen;

  for (gsize i = 0; i < G_N_ELEMENTS (preferred); i++) {
    guint32 address = 10u << 24 | (guint32)preferred[i] << 16 | 1;

    if (!find_route4 (routes, address, 16, own, NOTHING))
      return address;
  }
  chosen = choose_from (routes, preferred[0], 0, 16, own, NOTHING);
  if (!chosen)
    chosen = choose_from_172 (routes, 0, 16, own);
  return chosen ? chosen : choose_from (routes, preferred[0], 0, 16, own, A_PART);
}

char *
bothy_subnet_choose_small (const char *interface)
{
  g_autoptr (GArray) routes = bothy_routes_read ();
  guint own = if_nametoindex (interface);
  guint hash = g_str_hash (interface);
  guint32 address = choose_from (routes, (guint8)(hash >> 8), (guint8)hash, 24, own, NOTHING);
  char text[INET_ADDRSTRLEN];

  if (!address)
    address = choose_from_172 (routes, (guint8)hash, 24, own);
  if (!address)
    address = choose_from (routes, (guint8)(hash >> 8), (guint8)hash, 24, own, A_PART);
  if (!address)
    return NULL;
  address = htonl (address);
  return g_strconcat (inet_ntop (AF_INET, &address, text, sizeof text), "/24", NULL);
}

static char *
describe (const BothyRoute *route)
{
  char text[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
  guint8 network[16] = { 0 };

  /* Without what of an interface's address is its own. */
  for (guint bit = 0; bit < route->prefix; bit++)
    network[bit / 8] |= (guint8)(route->address[bit / 8] & 0x80 >> bit % 8);
  inet_ntop (route->family, network, text, sizeof text);
  if (route->index == 0 || !if_indextoname (route->index, name))
    return g_strdup_printf ("%s/%u, which the routing tables have", text, route->prefix);
  return g_strdup_printf ("%s/%u, which %s leads to", text, route->prefix, name);
}

char *
bothy_subnet_find_collision (const char *interface)
{
  g_autoptr (GArray) routes = bothy_routes_read ();
  guint index = if_nametoindex (interface);

  for (guint i = 0; i < routes->len && index != 0; i++) {
    const BothyRoute *own = &g_array_index (routes, BothyRoute, i);
    const BothyRoute *other =
        own->is_address && own->index == index
            ? find_route (routes, own->family, own->address, own->prefix, index, NOTHING)
            : NULL;

    if (other)
      return describe (other);
  }
  return NULL;
}

/* RFC 4193: a random global id. */
static void
derive6 (const char *purpose, guint8 attempt, guint8 address[16])
{
  g_autofree char *machine = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;

  g_file_get_contents ("/etc/machine-id", &machine, NULL, NULL);
  g_checksum_update (checksum, (const guint8 *)purpose, -1);
  g_checksum_update (checksum, (const guint8 *)(machine ? machine : ""), -1);
  if (attempt > 0)
    g_checksum_update (checksum, &attempt, 1);
  g_checksum_get_digest (checksum, digest, &size);
  memset (address, 0, 16);
  address[0] = 0xfd;
  memcpy (address + 1, digest, 5);
  address[15] = 1;
}

void
bothy_subnet_choose6 (const char *purpose, const char *interface, guint8 address[16])
{
  g_autoptr (GArray) routes = bothy_routes_read ();
  guint own = if_nametoindex (interface);

  for (guint8 attempt = 0; attempt < ATTEMPTS6; attempt++) {
    derive6 (purpose, attempt, address);
    if (!find_route (routes, AF_INET6, address, 64, own, NOTHING))
      return;
  }
  /* Somebody has all unique local ones; for these the nearer route holds. */
  derive6 (purpose, 0, address);
}
