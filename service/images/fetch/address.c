/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static Reach
reach_of_v4 (guint32 a)
{
  if (a >> 16 == 0xa9fe)
    return REACH_NONE;
  if (a >> 24 == 127 || a >> 24 == 0)
    return REACH_LOOPBACK;
  /* Those of multicast and of tomorrow are nobody's that we know. */
  if (a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191 || a >> 28 >= 0xe)
    return REACH_PRIVATE;
  return REACH_PUBLIC;
}

static Reach
reach_of_v6 (const struct in6_addr *a)
{
  guint32 v4;

  if (IN6_IS_ADDR_V4MAPPED (a)) {
    memcpy (&v4, a->s6_addr + 12, sizeof v4);
    return reach_of_v4 (ntohl (v4));
  }
  if (IN6_IS_ADDR_LINKLOCAL (a) || IN6_IS_ADDR_MULTICAST (a))
    return REACH_NONE;
  if (IN6_IS_ADDR_LOOPBACK (a) || IN6_IS_ADDR_UNSPECIFIED (a))
    return REACH_LOOPBACK;
  return (a->s6_addr[0] & 0xfe) == 0xfc ? REACH_PRIVATE : REACH_PUBLIC;
}

Reach
address_reach (const struct sockaddr *address)
{
  if (address->sa_family == AF_INET)
    return reach_of_v4 (ntohl (((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
  if (address->sa_family == AF_INET6)
    return reach_of_v6 (&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
  return REACH_NONE;
}
