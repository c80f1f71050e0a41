/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge-port.h"
#include "fd.h"
#include "identity.h"
#include "rules.h"

/* Behind the loopback's own route. */
#define LOOPBACK_METRIC 1024u

struct each {
  int (*reader) (const struct link *link, void *data);
  void *data;
};

static struct nl_msg *
new_message (int type, int flags, uint32_t index, uint32_t set, uint32_t change)
{
  struct ifinfomsg info = { .ifi_index = (int)index, .ifi_flags = set, .ifi_change = change };
  struct nl_msg *message = nlmsg_alloc_simple (type, flags);

  if (message != NULL)
    nlmsg_append (message, &info, sizeof info, NLMSG_ALIGNTO);
  return message;
}

/* Copies a text that fits; else leaves RET empty. */
static void
read_text (struct nlattr *attribute, char *ret, size_t size)
{
  ret[0] = '\0';
  if (attribute != NULL && nla_len (attribute) > 0 && (size_t)nla_len (attribute) <= size)
    nla_strlcpy (ret, attribute, size);
}

static void
read_kinds (struct nlattr *attribute, struct link *link)
{
  struct nlattr *info[IFLA_INFO_MAX + 1];

  if (attribute == NULL || nla_parse_nested (info, IFLA_INFO_MAX, attribute, NULL) < 0)
    return;
  read_text (info[IFLA_INFO_KIND], link->kind, sizeof link->kind);
  read_text (info[IFLA_INFO_SLAVE_KIND], link->master_kind, sizeof link->master_kind);
  if (info[IFLA_INFO_SLAVE_DATA] != NULL && strcmp (link->master_kind, "bridge") == 0)
    link->port = bridge_port_read (info[IFLA_INFO_SLAVE_DATA]);
}

static void
read_families (struct nlattr *attribute, struct link *link)
{
  struct nlattr *families[AF_INET6 + 1];
  struct nlattr *inet6[IFLA_INET6_MAX + 1];

  /* A kernel without IPv6 has nothing here. */
  link->makes_no_addresses = true;
  if (attribute == NULL || nla_parse_nested (families, AF_INET6, attribute, NULL) < 0 ||
      families[AF_INET6] == NULL || nla_parse_nested (inet6, IFLA_INET6_MAX, families[AF_INET6], NULL) < 0)
    return;
  link->makes_no_addresses = inet6[IFLA_INET6_ADDR_GEN_MODE] != NULL &&
                             nla_get_u8 (inet6[IFLA_INET6_ADDR_GEN_MODE]) == IN6_ADDR_GEN_MODE_NONE;
}

static int
read_link (const struct nlmsghdr *header, struct link *link)
{
  struct nlattr *attributes[IFLA_MAX + 1];
  const struct ifinfomsg *info = nlmsg_data (header);

  *link = (struct link){ 0 };
  if (header->nlmsg_type != RTM_NEWLINK ||
      nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header, sizeof *info, attributes, IFLA_MAX, NULL) < 0)
    return EBADMSG;
  link->index = (uint32_t)info->ifi_index;
  link->flags = info->ifi_flags;
  if (attributes[IFLA_MASTER] != NULL)
    link->master = nla_get_u32 (attributes[IFLA_MASTER]);
  link->peer_namespace = -1;
  if (attributes[IFLA_LINK] != NULL)
    link->peer = nla_get_u32 (attributes[IFLA_LINK]);
  if (attributes[IFLA_LINK_NETNSID] != NULL)
    link->peer_namespace = (int32_t)nla_get_u32 (attributes[IFLA_LINK_NETNSID]);
  if (attributes[IFLA_MTU] != NULL)
    link->mtu = nla_get_u32 (attributes[IFLA_MTU]);
  if (attributes[IFLA_GROUP] != NULL)
    link->group = nla_get_u32 (attributes[IFLA_GROUP]);
  read_text (attributes[IFLA_IFNAME], link->name, sizeof link->name);
  read_text (attributes[IFLA_IFALIAS], link->alias, sizeof link->alias);
  read_kinds (attributes[IFLA_LINKINFO], link);
  read_families (attributes[IFLA_AF_SPEC], link);
  return 0;
}

static int
read_one (const struct nlmsghdr *header, void *data)
{
  return read_link (header, data);
}

static int
read_each (const struct nlmsghdr *header, void *data)
{
  const struct each *each = data;
  struct link link;
  int error = read_link (header, &link);

  return error != 0 ? error : each->reader (&link, each->data);
}

int
link_find (struct nl_sock *socket, const char *name, struct link *ret_link)
{
  AUTO_MESSAGE message = new_message (RTM_GETLINK, 0, 0, 0, 0);

  if (message == NULL || nla_put_string (message, IFLA_IFNAME, name) < 0 ||
      nla_put_u32 (message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
    return ENOMEM;
  return netlink_ask (socket, message, read_one, ret_link);
}

int
link_find_in (struct nl_sock *socket, int32_t netns, const char *name, struct link *ret_link)
{
  AUTO_MESSAGE message = new_message (RTM_GETLINK, 0, 0, 0, 0);

  if (message == NULL || nla_put_string (message, IFLA_IFNAME, name) < 0 ||
      nla_put_u32 (message, IFLA_TARGET_NETNSID, (uint32_t)netns) < 0 ||
      nla_put_u32 (message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
    return ENOMEM;
  return netlink_ask (socket, message, read_one, ret_link);
}

int
link_get (struct nl_sock *socket, uint32_t index, struct link *ret_link)
{
  AUTO_MESSAGE message = new_message (RTM_GETLINK, 0, index, 0, 0);

  if (index == 0 || index > INT32_MAX)
    return ENODEV;
  if (message == NULL || nla_put_u32 (message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
    return ENOMEM;
  return netlink_ask (socket, message, read_one, ret_link);
}

int
link_each (struct nl_sock *socket, int (*reader) (const struct link *link, void *data), void *data)
{
  AUTO_MESSAGE message = new_message (RTM_GETLINK, NLM_F_DUMP, 0, 0, 0);
  struct each each = { reader, data };

  if (message == NULL || nla_put_u32 (message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
    return ENOMEM;
  return netlink_ask (socket, message, read_each, &each);
}

bool
link_is_ours (const struct link *link)
{
  return link->group == LINK_GROUP && strcmp (link->kind, "veth") == 0 &&
         strncmp (link->name, RULES_PREFIX, strlen (RULES_PREFIX)) == 0;
}

/* One each is what a veth uses. Unasked it gets more, and the kernel waits for an RCU grace period to take them away. */
static int
put_queues (struct nl_msg *message)
{
  return nla_put_u32 (message, IFLA_NUM_TX_QUEUES, 1) < 0 || nla_put_u32 (message, IFLA_NUM_RX_QUEUES, 1) < 0
             ? -1
             : 0;
}

static int
put_peer (struct nl_msg *message, const struct link_pair *pair)
{
  struct ifinfomsg info = { 0 };
  struct nlattr *peer = nla_nest_start (message, VETH_INFO_PEER);

  if (peer == NULL || nlmsg_append (message, &info, sizeof info, NLMSG_ALIGNTO) < 0 ||
      nla_put_string (message, IFLA_IFNAME, pair->inside) < 0 ||
      nla_put (message, IFLA_ADDRESS, 6, pair->inside_mac) < 0 ||
      nla_put_u32 (message, IFLA_MTU, pair->inside_mtu) < 0 || put_queues (message) < 0 ||
      nla_put_u32 (message, IFLA_NET_NS_FD, (uint32_t)pair->namespace) < 0)
    return ENOMEM;
  nla_nest_end (message, peer);
  return 0;
}

int
link_make (struct nl_sock *socket, const struct link_pair *pair)
{
  AUTO_MESSAGE message = new_message (RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0);
  struct nlattr *info;
  struct nlattr *data;
  uint8_t mac[6];

  identity_host_mac (pair->name, mac);
  if (message == NULL || nla_put_string (message, IFLA_IFNAME, pair->name) < 0 ||
      nla_put (message, IFLA_ADDRESS, sizeof mac, mac) < 0 ||
      nla_put_u32 (message, IFLA_GROUP, LINK_GROUP) < 0 || nla_put_u32 (message, IFLA_MTU, pair->mtu) < 0 ||
      put_queues (message) < 0)
    return ENOMEM;
  info = nla_nest_start (message, IFLA_LINKINFO);
  if (info == NULL || nla_put_string (message, IFLA_INFO_KIND, "veth") < 0)
    return ENOMEM;
  data = nla_nest_start (message, IFLA_INFO_DATA);
  if (data == NULL || put_peer (message, pair) != 0)
    return ENOMEM;
  nla_nest_end (message, data);
  nla_nest_end (message, info);
  return netlink_order (socket, message);
}

/*
 * A kernel without IPv6 has no such file, and the unit's sandbox hides it: then it rests on making no address
 * by itself, and on the bridge, which takes every frame.
 */
static int
set_ipv6 (const char *name, const char *setting, const char *value)
{
  char path[64];
  AUTO_FD fd = -1;

  snprintf (path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", name, setting);
  fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT || errno == EROFS ? 0 : errno;
  return write (fd, value, strlen (value)) > 0 ? 0 : errno;
}

/* No address of any kind, not even by an admin's mistake, and no ear for routers. */
static int
disable_ipv6 (const char *name)
{
  int error = set_ipv6 (name, "disable_ipv6", "1");

  return error != 0 ? error : set_ipv6 (name, "accept_ra", "0");
}

int
link_dress (struct nl_sock *socket, uint32_t index, const char *name, const char *alias)
{
  AUTO_MESSAGE message = new_message (RTM_SETLINK, 0, index, IFF_NOARP, IFF_NOARP);
  struct nlattr *families;
  struct nlattr *inet6;
  int error;

  if (message == NULL || nla_put (message, IFLA_IFALIAS, (int)strlen (alias), alias) < 0)
    return ENOMEM;
  families = nla_nest_start (message, IFLA_AF_SPEC);
  inet6 = families == NULL ? NULL : nla_nest_start (message, AF_INET6);
  if (inet6 == NULL || nla_put_u8 (message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0)
    return ENOMEM;
  nla_nest_end (message, inet6);
  nla_nest_end (message, families);
  error = netlink_order (socket, message);
  return error != 0 ? error : disable_ipv6 (name);
}

int
link_set_master (struct nl_sock *socket, uint32_t index, uint32_t master)
{
  AUTO_MESSAGE message = new_message (RTM_SETLINK, 0, index, 0, 0);

  if (message == NULL || nla_put_u32 (message, IFLA_MASTER, master) < 0)
    return ENOMEM;
  return netlink_order (socket, message);
}

int
link_set_up (struct nl_sock *socket, uint32_t index, bool up)
{
  AUTO_MESSAGE message = new_message (RTM_SETLINK, 0, index, up ? IFF_UP : 0, IFF_UP);

  return message == NULL ? ENOMEM : netlink_order (socket, message);
}

int
link_remove (struct nl_sock *socket, uint32_t index)
{
  AUTO_MESSAGE message = new_message (RTM_DELLINK, 0, index, 0, 0);

  return message == NULL ? ENOMEM : netlink_order (socket, message);
}

/* A route of the host itself to ADDRESS, for what comes in by the link INDEX. */
static int
set_local_route6 (struct nl_sock *socket, uint32_t index, const uint8_t address[16], bool on)
{
  struct rtmsg route = { .rtm_family = AF_INET6,
                         .rtm_dst_len = 128,
                         .rtm_table = RT_TABLE_LOCAL,
                         .rtm_protocol = RTPROT_STATIC,
                         .rtm_scope = RT_SCOPE_UNIVERSE,
                         .rtm_type = RTN_LOCAL };
  AUTO_MESSAGE message =
      nlmsg_alloc_simple (on ? RTM_NEWROUTE : RTM_DELROUTE, on ? NLM_F_CREATE | NLM_F_REPLACE : 0);

  if (message == NULL || nlmsg_append (message, &route, sizeof route, NLMSG_ALIGNTO) < 0 ||
      nla_put (message, RTA_DST, 16, address) < 0 || nla_put_u32 (message, RTA_OIF, index) < 0 ||
      nla_put_u32 (message, RTA_PRIORITY, LOOPBACK_METRIC) < 0)
    return ENOMEM;
  return netlink_order (socket, message);
}

/*
 * An answer to ::1 is looked up as if it had to come in by the interface of the route, which is the loopback's: so there is
 * a second route to ::1, and one to what stands for it on a bridge (rules.c). They let in nobody: the kernel drops what
 * comes with ::1 from elsewhere before it looks, and the rules what comes with the other.
 */
static void
set_loopback6 (struct nl_sock *socket, uint32_t index, bool on)
{
  static const uint8_t loopback[16] = { [15] = 1 };
  static const uint8_t stand_in[16] = { 0x01, 0x00, [14] = 0xb0, 0x74 };

  (void)set_local_route6 (socket, index, loopback, on);
  (void)set_local_route6 (socket, index, stand_in, on);
}

int
link_open_loopback (struct nl_sock *socket, uint32_t index, bool on)
{
  AUTO_MESSAGE message = new_message (RTM_SETLINK, 0, index, 0, 0);
  struct nlattr *families;
  struct nlattr *inet;
  struct nlattr *settings;

  if (message == NULL)
    return ENOMEM;
  families = nla_nest_start (message, IFLA_AF_SPEC);
  inet = families == NULL ? NULL : nla_nest_start (message, AF_INET);
  settings = inet == NULL ? NULL : nla_nest_start (message, IFLA_INET_CONF);
  if (settings == NULL || nla_put_u32 (message, IPV4_DEVCONF_ROUTE_LOCALNET, on) < 0)
    return ENOMEM;
  nla_nest_end (message, settings);
  nla_nest_end (message, inet);
  nla_nest_end (message, families);
  set_loopback6 (socket, index, on);
  return netlink_order (socket, message);
}
