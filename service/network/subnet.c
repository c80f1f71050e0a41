/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/subnet.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Networks to choose from, before all others that begin with 10. */
static const guint8 preferred[] = { 209, 137, 73 };

/* What follows "10." in networks that other programs take without a question: LXC, OpenVPN, NetworkManager and k3s, Podman, Kubernetes.
   Docker and libvirt have theirs in 172.16.0.0/12 and 192.168.0.0/16. */
static const struct {
  guint8 first, last;
} avoided[] = { { 0, 10 }, { 42, 44 }, { 88, 91 }, { 96, 111 }, { 244, 244 } };

/* A line of /proc/net/route, proc(5). */
typedef struct {
  char interface[IFNAMSIZ + 1];
  guint32 network, mask; /* in host byte order */
} Route;

/* Of all routes of the host but default ones. (element-type Route) */
static GArray *
read_routes (void)
{
  GArray *routes = g_array_new (FALSE, TRUE, sizeof (Route));
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents ("/proc/net/route", &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    Route route = { 0 };

    if (sscanf (*line, "%16s %8x %*x %*x %*u %*u %*u %8x", route.interface, &route.network, &route.mask) !=
            3 ||
        route.mask == 0)
      continue;
    route.network = ntohl (route.network);
    route.mask = ntohl (route.mask);
    g_array_append_val (routes, route);
  }
  return routes;
}

/* The route that goes to an address of ADDRESS/MASK, but not by the interface OWN; NULL: there is none. */
static const Route *
find_route (const GArray *routes, guint32 address, guint32 mask, const char *own)
{
  for (guint i = 0; i < routes->len; i++) {
    const Route *route = &g_array_index (routes, Route, i);
    guint32 common = route->mask & mask;

    if (!g_str_equal (route->interface, own) && (route->network & common) == (address & common))
      return route;
  }
  return NULL;
}

static gboolean
is_avoided (guint8 second)
{
  for (gsize i = 0; i < G_N_ELEMENTS (avoided); i++)
    if (second >= avoided[i].first && second <= avoided[i].last)
      return TRUE;
  return FALSE;
}

/* The first of 10.X.THIRD.1 whose network no route goes to; each X comes once, from FIRST on. 0: there is none. */
static guint32
choose_from (const GArray *routes, guint8 first, guint8 third, guint32 mask, const char *own)
{
  for (guint i = 0; i < 256; i++) {
    guint8 second = (guint8)(first + 57 * i);
    guint32 address = 10u << 24 | (guint32)second << 16 | (guint32)third << 8 | 1;

    if (!is_avoided (second) && !find_route (routes, address, mask, own))
      return address;
  }
  return 0;
}

guint32
bothy_subnet_choose4 (const char *interface)
{
  g_autoptr (GArray) routes = read_routes ();
  guint32 chosen;

  for (gsize i = 0; i < G_N_ELEMENTS (preferred); i++) {
    guint32 address = 10u << 24 | (guint32)preferred[i] << 16 | 1;

    if (!find_route (routes, address, 0xffff0000, interface))
      return address;
  }
  chosen = choose_from (routes, preferred[0], 0, 0xffff0000, interface);
  return chosen ? chosen : (10u << 24 | (guint32)preferred[0] << 16 | 1);
}

char *
bothy_subnet_choose_small (const char *interface)
{
  g_autoptr (GArray) routes = read_routes ();
  guint hash = g_str_hash (interface);
  guint32 address = htonl (choose_from (routes, (guint8)(hash >> 8), (guint8)hash, 0xffffff00, interface));
  char text[INET_ADDRSTRLEN];

  if (!address)
    return NULL;
  return g_strconcat (inet_ntop (AF_INET, &address, text, sizeof text), "/24", NULL);
}

char *
bothy_subnet_find_collision (const char *interface)
{
  g_autoptr (GArray) routes = read_routes ();

  for (guint i = 0; i < routes->len; i++) {
    const Route *own = &g_array_index (routes, Route, i);
    const Route *other = g_str_equal (own->interface, interface)
                             ? find_route (routes, own->network, own->mask, interface)
                             : NULL;
    guint32 network = other ? htonl (other->network) : 0;
    char text[INET_ADDRSTRLEN];

    if (other)
      return g_strdup_printf ("%s/%d, which %s leads to", inet_ntop (AF_INET, &network, text, sizeof text),
                              __builtin_popcount (other->mask), other->interface);
  }
  return NULL;
}

/* RFC 4193: a random global id. */
void
bothy_subnet_derive6 (const char *purpose, guint8 address[16])
{
  g_autofree char *machine = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;

  g_file_get_contents ("/etc/machine-id", &machine, NULL, NULL);
  g_checksum_update (checksum, (const guint8 *)purpose, -1);
  g_checksum_update (checksum, (const guint8 *)(machine ? machine : ""), -1);
  g_checksum_get_digest (checksum, digest, &size);
  memset (address, 0, 16);
  address[0] = 0xfd;
  memcpy (address + 1, digest, 5);
  address[15] = 1;
}
