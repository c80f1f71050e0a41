/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-port.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

/* Since Linux 6.3; an older kernel ignores it. */
#define MCAST_MAX_GROUPS   (IFLA_BRPORT_LOCKED + 3)
#define MOST_MCAST_GROUPS  64
#define MOST_MCAST_SOURCES 64
#define N_SETTINGS         (sizeof settings / sizeof settings[0])
#define ROUTER_NEVER       0
/* A mask with a bit for each of the addresses 01:80:c2:00:00:00 to :0f, which are for the other end of a wire (STP,
   LLDP). A bridge hands frames to them to the host without passing any netfilter hook. With its bit set here such a frame
   is forwarded as any other, so that the filter sees it and drops it. The kernel refuses the bit of PAUSE (0x2); it
   drops those frames itself. */
#define GROUPS_LIKE_OTHERS 0xfffdu

static const struct {
  int attribute;
  uint8_t value;
} settings[] = {
  { IFLA_BRPORT_GUARD, 1 },          { IFLA_BRPORT_PROTECT, 1 },
  { IFLA_BRPORT_LEARNING, 0 },       { IFLA_BRPORT_UNICAST_FLOOD, 0 },
  { IFLA_BRPORT_MODE, 0 },           { IFLA_BRPORT_MULTICAST_ROUTER, ROUTER_NEVER },
  { IFLA_BRPORT_MCAST_FLOOD, 1 },    { IFLA_BRPORT_BCAST_FLOOD, 1 },
  { IFLA_BRPORT_NEIGH_SUPPRESS, 0 }, { IFLA_BRPORT_PROXYARP, 0 },
};

int
bridge_port_set (struct nl_sock *socket, uint32_t index, bool isolated)
{
  struct ifinfomsg link = { .ifi_index = (int)index };
  AUTO_MESSAGE message = nlmsg_alloc_simple (RTM_NEWLINK, 0);
  struct nlattr *info;
  struct nlattr *data;

  if (message == NULL || nlmsg_append (message, &link, sizeof link, NLMSG_ALIGNTO) < 0)
    return ENOMEM;
  info = nla_nest_start (message, IFLA_LINKINFO);
  if (info == NULL || nla_put_string (message, IFLA_INFO_SLAVE_KIND, "bridge") < 0)
    return ENOMEM;
  data = nla_nest_start (message, IFLA_INFO_SLAVE_DATA);
  if (data == NULL || nla_put_u8 (message, IFLA_BRPORT_ISOLATED, isolated) < 0 ||
      nla_put_u16 (message, IFLA_BRPORT_GROUP_FWD_MASK, GROUPS_LIKE_OTHERS) < 0 ||
      nla_put_u32 (message, IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, MOST_MCAST_SOURCES) < 0 ||
      nla_put_u32 (message, MCAST_MAX_GROUPS, MOST_MCAST_GROUPS) < 0)
    return ENOMEM;
  for (size_t i = 0; i < N_SETTINGS; i++)
    if (nla_put_u8 (message, settings[i].attribute, settings[i].value) < 0)
      return ENOMEM;
  nla_nest_end (message, data);
  nla_nest_end (message, info);
  return netlink_order (socket, message);
}

int
bridge_port_add_mac (struct nl_sock *socket, uint32_t index, const uint8_t mac[6])
{
  struct ndmsg entry = {
    .ndm_family = AF_BRIDGE, .ndm_ifindex = (int)index, .ndm_state = NUD_NOARP, .ndm_flags = NTF_MASTER
  };
  AUTO_MESSAGE message = nlmsg_alloc_simple (RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);

  if (message == NULL || nlmsg_append (message, &entry, sizeof entry, NLMSG_ALIGNTO) < 0 ||
      nla_put (message, NDA_LLADDR, 6, mac) < 0)
    return ENOMEM;
  return netlink_order (socket, message);
}

struct bridge_port
bridge_port_read (struct nlattr *data)
{
  struct nlattr *attributes[IFLA_BRPORT_MAX + 1];
  struct bridge_port port = { 0 };

  if (nla_parse_nested (attributes, IFLA_BRPORT_MAX, data, NULL) < 0)
    return port;
  port.is_right = attributes[IFLA_BRPORT_GROUP_FWD_MASK] != NULL &&
                  nla_get_u16 (attributes[IFLA_BRPORT_GROUP_FWD_MASK]) == GROUPS_LIKE_OTHERS;
  for (size_t i = 0; i < N_SETTINGS; i++) {
    const struct nlattr *attribute = attributes[settings[i].attribute];

    if (attribute == NULL || nla_get_u8 (attribute) != settings[i].value)
      port.is_right = false;
  }
  port.isolated =
      attributes[IFLA_BRPORT_ISOLATED] != NULL && nla_get_u8 (attributes[IFLA_BRPORT_ISOLATED]) != 0;
  return port;
}
