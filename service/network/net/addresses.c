/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "elements.h"

#define SET4         "host4"
#define SET6         "host6"
#define SET6_TARGETS "host_targets6"

static void
add_to (struct batch *batch, const char *set, const void *address, size_t size)
{
  struct element element = { .table = TABLE_BRIDGE, .set = set };

  element_add_key (&element, address, size);
  batch_change (batch, CHANGE_ADD, &element);
}

/* Of IPv6 once as a sender, and once as what neighbour discovery is about. */
static void
add (struct batch *batch, const void *address, size_t size)
{
  if (size == 4) {
    add_to (batch, SET4, address, size);
  } else if (size == 16) {
    add_to (batch, SET6, address, size);
    add_to (batch, SET6_TARGETS, address, size);
  }
}

static void
add_attribute (struct batch *batch, struct nlattr *attribute)
{
  if (attribute != NULL)
    add (batch, nla_data (attribute), (size_t)nla_len (attribute));
}

static int
read_address (const struct nlmsghdr *header, void *data)
{
  struct nlattr *attributes[IFA_MAX + 1];

  if (header->nlmsg_type != RTM_NEWADDR ||
      nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header, sizeof (struct ifaddrmsg), attributes, IFA_MAX,
                   NULL) < 0)
    return EBADMSG;
  /* On a link with two ends the other address is the other end's. */
  add_attribute (data, attributes[IFA_LOCAL] != NULL ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS]);
  return 0;
}

/* A router of another family than the route's: the family, and the address. */
static void
add_via (struct batch *batch, struct nlattr *via)
{
  size_t skipped = sizeof (uint16_t);

  if (via != NULL && (size_t)nla_len (via) > skipped)
    add (batch, (uint8_t *)nla_data (via) + skipped, (size_t)nla_len (via) - skipped);
}

/* Routes with several next hops have a list of them, each with attributes of its own. */
static void
add_hops (struct batch *batch, struct nlattr *list)
{
  struct rtnexthop *hop = list == NULL ? NULL : nla_data (list);
  int left = list == NULL ? 0 : nla_len (list);

  /* RTNH_OK reads a length before it knows that there is one. */
  while (left >= (int)sizeof *hop && RTNH_OK (hop, left)) {
    struct nlattr *attributes[RTA_MAX + 1];

    if (nla_parse (attributes, RTA_MAX, (struct nlattr *)RTNH_DATA (hop), (int)(hop->rtnh_len - sizeof *hop),
                   NULL) == 0) {
      add_attribute (batch, attributes[RTA_GATEWAY]);
      add_via (batch, attributes[RTA_VIA]);
    }
    left -= NLMSG_ALIGN (hop->rtnh_len);
    hop = RTNH_NEXT (hop);
  }
}

static int
read_route (const struct nlmsghdr *header, void *data)
{
  struct nlattr *attributes[RTA_MAX + 1];

  if (header->nlmsg_type != RTM_NEWROUTE ||
      nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header, sizeof (struct rtmsg), attributes, RTA_MAX, NULL) <
          0)
    return EBADMSG;
  add_attribute (data, attributes[RTA_GATEWAY]);
  add_via (data, attributes[RTA_VIA]);
  add_hops (data, attributes[RTA_MULTIPATH]);
  return 0;
}

static int
dump (struct nl_sock *route, int type, void *general, size_t size, netlink_reader reader, struct batch *batch)
{
  AUTO_MESSAGE message = nlmsg_alloc_simple (type, NLM_F_DUMP);

  if (message == NULL || nlmsg_append (message, general, size, NLMSG_ALIGNTO) < 0)
    return ENOMEM;
  return netlink_ask (route, message, reader, batch);
}

int
addresses_watch (void)
{
  static const int groups[] = { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                RTNLGRP_IPV6_ROUTE };
  struct sockaddr_nl own = { .nl_family = AF_NETLINK };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  int result = fd < 0 ? -1 : bind (fd, (struct sockaddr *)&own, sizeof own);

  for (size_t i = 0; i < sizeof groups / sizeof groups[0] && result >= 0; i++)
    result = setsockopt (fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]);
  if (result >= 0 || fd < 0)
    return fd;
  close (fd);
  return -1;
}

bool
addresses_read (int fd)
{
  char buffer[8192];
  bool changed = false;
  ssize_t size;

  /* That there is something says enough; so does that there was more than fits. */
  while ((size = recv (fd, buffer, sizeof buffer, 0)) > 0 ||
         (size < 0 && (errno == ENOBUFS || errno == EINTR)))
    changed = true;
  return changed;
}

int
addresses_refresh (struct nft *nft, struct nl_sock *route)
{
  AUTO_BATCH batch = { 0 };
  struct ifaddrmsg address = { .ifa_family = AF_UNSPEC };
  struct rtmsg any = { .rtm_family = AF_UNSPEC };
  int error;

  batch_begin (&batch, nft);
  batch_flush (&batch, TABLE_BRIDGE, SET4);
  batch_flush (&batch, TABLE_BRIDGE, SET6);
  batch_flush (&batch, TABLE_BRIDGE, SET6_TARGETS);
  error = dump (route, RTM_GETADDR, &address, sizeof address, read_address, &batch);
  if (error == 0)
    error = dump (route, RTM_GETROUTE, &any, sizeof any, read_route, &batch);
  return error != 0 ? error : batch_commit (&batch);
}

int
addresses_check (struct nft *nft, const uint8_t address[4])
{
  struct element element = { .table = TABLE_BRIDGE, .set = SET4 };
  int error;

  element_add_key (&element, address, 4);
  error = element_get (nft, &element);
  if (error == 0)
    return EADDRNOTAVAIL;
  return error == ENOENT ? 0 : error;
}
