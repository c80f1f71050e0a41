/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network.h"

#include "fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESS_TEXT 64

/* One rtnetlink(7) request. */
struct request {
  struct nlmsghdr head;
  union {
    struct ifinfomsg link;
    struct ifaddrmsg address;
    struct rtmsg route;
  };
  char attributes[128];
};

struct address {
  int family;
  unsigned char bytes[16];
  unsigned char size;
  unsigned char prefix;
};

static int
parse_address (const char *text, struct address *address)
{
  char host[ADDRESS_TEXT];
  unsigned prefix = 0;
  const char *slash = strchr (text, '/');
  size_t length = slash ? (size_t)(slash - text) : strlen (text);

  if (length >= sizeof host || (slash && sscanf (slash, "/%3u", &prefix) != 1))
    return -EINVAL;
  memcpy (host, text, length);
  host[length] = '\0';
  address->family = strchr (host, ':') ? AF_INET6 : AF_INET;
  address->size = address->family == AF_INET6 ? 16 : 4;
  address->prefix = (unsigned char)prefix;
  return prefix <= address->size * 8U && inet_pton (address->family, host, address->bytes) == 1 ? 0 : -EINVAL;
}

static void
begin (struct request *request, uint16_t type, uint16_t flags, size_t body)
{
  memset (request, 0, sizeof *request);
  request->head.nlmsg_type = type;
  request->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  request->head.nlmsg_len = (uint32_t)NLMSG_LENGTH (body);
}

static void
add (struct request *request, uint16_t type, const void *data, uint16_t size)
{
  struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN (request->head.nlmsg_len));

  attribute->rta_type = type;
  attribute->rta_len = (uint16_t)RTA_LENGTH (size);
  memcpy (RTA_DATA (attribute), data, size);
  request->head.nlmsg_len =
      (uint32_t)(NLMSG_ALIGN (request->head.nlmsg_len) + RTA_ALIGN (attribute->rta_len));
}

/* Sends REQUEST and waits for the kernel's word on it, which comes at once. */
static int
ask (int netlink, struct request *request)
{
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char rest[512];
  } reply;

  if (send (netlink, request, request->head.nlmsg_len, 0) < 0)
    return -errno;
  if (recv (netlink, &reply, sizeof reply, 0) < (ssize_t)NLMSG_LENGTH (sizeof reply.error))
    return -EBADMSG;
  if (reply.head.nlmsg_type != NLMSG_ERROR)
    return -EBADMSG;
  return reply.error.error == -EEXIST ? 0 : reply.error.error;
}

static int
add_address (int netlink, unsigned index, const char *text)
{
  struct address address;
  struct request request;

  if (!*text)
    return 0;
  int r = parse_address (text, &address);
  if (r < 0)
    return r;
  begin (&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof request.address);
  request.address.ifa_family = (unsigned char)address.family;
  request.address.ifa_prefixlen = address.prefix;
  request.address.ifa_index = index;
  /* The broker gives each address to one container only: nothing to probe for. */
  request.address.ifa_flags = IFA_F_NODAD;
  add (&request, IFA_LOCAL, address.bytes, address.size);
  add (&request, IFA_ADDRESS, address.bytes, address.size);
  return ask (netlink, &request);
}

static int
add_default_route (int netlink, unsigned index, const char *text)
{
  struct address gateway;
  struct request request;

  if (!*text)
    return 0;
  int r = parse_address (text, &gateway);
  if (r < 0)
    return r;
  begin (&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof request.route);
  request.route.rtm_family = (unsigned char)gateway.family;
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_UNIVERSE;
  request.route.rtm_type = RTN_UNICAST;
  add (&request, RTA_GATEWAY, gateway.bytes, gateway.size);
  add (&request, RTA_OIF, &index, sizeof index);
  return ask (netlink, &request);
}

static int
set_up (int netlink, unsigned index)
{
  struct request request;

  begin (&request, RTM_NEWLINK, 0, sizeof request.link);
  request.link.ifi_index = (int)index;
  request.link.ifi_flags = IFF_UP;
  request.link.ifi_change = IFF_UP;
  return ask (netlink, &request);
}

int
network_configure (const struct network *network)
{
  unsigned index = if_nametoindex (network->interface);
  AUTO_FD netlink = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  if (index == 0)
    return -ENODEV;
  if (netlink < 0)
    return -errno;
  int r = add_address (netlink, index, network->address4);
  if (r == 0)
    r = add_address (netlink, index, network->address6);
  if (r == 0)
    r = set_up (netlink, index);
  if (r == 0)
    r = add_default_route (netlink, index, network->gateway4);
  if (r == 0)
    r = add_default_route (netlink, index, network->gateway6);
  return r;
}
