/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/routes.h"

#include "base/fd.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* Fewer bits than these are no network of somebody's, but a way to all. */
#define LEAST_PREFIX 8

/* The kernel fills as much as there is room for. */
#define BUFFER_SIZE (64 * 1024)

static gsize
size_of_family (int family)
{
  if (family == AF_INET)
    return 4;
  return family == AF_INET6 ? 16 : 0;
}

static gboolean
is_link_local (const BothyRoute *route)
{
  if (route->family == AF_INET)
    return route->address[0] == 127 || (route->address[0] == 169 && route->address[1] == 254);
  return route->address[0] == 0xfe && (route->address[1] & 0xc0) == 0x80;
}

static void
add (GArray *routes, BothyRoute *route, const struct rtattr *address)
{
  gsize size = size_of_family (route->family);

  if (size == 0 || !address || RTA_PAYLOAD (address) < size || route->prefix < LEAST_PREFIX ||
      route->prefix > size * 8)
    return;
  memcpy (route->address, RTA_DATA (address), size);
  if (!is_link_local (route))
    g_array_append_val (routes, *route);
}

/* One with several next hops leads by each of their interfaces. */
static void
add_hops (GArray *routes, BothyRoute *route, const struct rtattr *address, const struct rtattr *list)
{
  struct rtnexthop *hop = RTA_DATA (list);
  int left = (int)RTA_PAYLOAD (list);

  while (left >= (int)sizeof *hop && RTNH_OK (hop, left)) {
    route->index = (guint)hop->rtnh_ifindex;
    add (routes, route, address);
    left -= RTNH_ALIGN (hop->rtnh_len);
    hop = RTNH_NEXT (hop);
  }
}

static void
parse (const struct rtattr *attributes[], guint n, const struct rtattr *first, int left)
{
  for (const struct rtattr *each = first; RTA_OK (each, left); each = RTA_NEXT (each, left))
    if (each->rta_type < n)
      attributes[each->rta_type] = each;
}

static void
read_route (GArray *routes, const struct nlmsghdr *header)
{
  const struct rtmsg *message = NLMSG_DATA (header);
  const struct rtattr *attributes[RTA_MAX + 1] = { NULL };
  BothyRoute route = { .family = message->rtm_family, .prefix = message->rtm_dst_len };

  /* A cloned one is what was remembered of another. */
  if (message->rtm_flags & RTM_F_CLONED || message->rtm_type == RTN_LOCAL ||
      message->rtm_type == RTN_BROADCAST || message->rtm_type == RTN_ANYCAST ||
      message->rtm_type == RTN_MULTICAST || message->rtm_type == RTN_THROW)
    return;
  parse (attributes, G_N_ELEMENTS (attributes), RTM_RTA (message), (int)RTM_PAYLOAD (header));
  if (attributes[RTA_MULTIPATH]) {
    add_hops (routes, &route, attributes[RTA_DST], attributes[RTA_MULTIPATH]);
    return;
  }
  if (attributes[RTA_OIF] && RTA_PAYLOAD (attributes[RTA_OIF]) >= sizeof route.index)
    memcpy (&route.index, RTA_DATA (attributes[RTA_OIF]), sizeof route.index);
  add (routes, &route, attributes[RTA_DST]);
}

static void
read_address (GArray *routes, const struct nlmsghdr *header)
{
  const struct ifaddrmsg *message = NLMSG_DATA (header);
  const struct rtattr *attributes[IFA_MAX + 1] = { NULL };
  BothyRoute route = {
    .family = message->ifa_family,
    .prefix = message->ifa_prefixlen,
    .index = message->ifa_index,
    .is_address = TRUE,
  };

  parse (attributes, G_N_ELEMENTS (attributes), IFA_RTA (message), (int)IFA_PAYLOAD (header));
  /* On a link with two ends it is the other end's, and what the prefix counts from. */
  add (routes, &route, attributes[IFA_ADDRESS] ? attributes[IFA_ADDRESS] : attributes[IFA_LOCAL]);
}

/* TRUE: there is more to come. */
static gboolean
read_messages (GArray *routes, const void *buffer, gsize size)
{
  guint left = (guint)size;

  for (const struct nlmsghdr *header = buffer; NLMSG_OK (header, left); header = NLMSG_NEXT (header, left)) {
    if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
      return FALSE;
    if (header->nlmsg_type == RTM_NEWROUTE && header->nlmsg_len >= NLMSG_LENGTH (sizeof (struct rtmsg)))
      read_route (routes, header);
    else if (header->nlmsg_type == RTM_NEWADDR &&
             header->nlmsg_len >= NLMSG_LENGTH (sizeof (struct ifaddrmsg)))
      read_address (routes, header);
  }
  return TRUE;
}

/* Ask for all of TYPE; the kernel answers while it is read, and nobody is waited for. */
static gboolean
dump (int fd, GArray *routes, guint16 type, void *buffer)
{
  struct {
    struct nlmsghdr header;
    struct rtmsg message; /* no shorter than an ifaddrmsg; all zero says: any family, any table */
  } request = {
    .header = { .nlmsg_len = sizeof request, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
  };
  ssize_t size;

  if (send (fd, &request, sizeof request, 0) < 0)
    return FALSE;
  do
    size = TEMP_FAILURE_RETRY (recv (fd, buffer, BUFFER_SIZE, 0));
  while (size > 0 && read_messages (routes, buffer, (gsize)size));
  return size > 0;
}

GArray *
bothy_routes_read (void)
{
  GArray *routes = g_array_new (FALSE, TRUE, sizeof (BothyRoute));
  g_autofree void *buffer = g_malloc (BUFFER_SIZE);
  autofd fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  if (fd < 0 || !dump (fd, routes, RTM_GETROUTE, buffer) || !dump (fd, routes, RTM_GETADDR, buffer))
    g_warning ("Network: the kernel does not tell this machine's routes: %s", g_strerror (errno));
  return routes;
}
