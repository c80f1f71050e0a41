/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules.h"

/*
 * Numbers, not names, for protocols: names come from files that may be missing. What the
 * chains have to say:
 *
 *  bridge  nic      an allow-list for every frame that comes out of a container; bridge-port.c sees to it that it is every
 *          between  from container to container: only inside a group
 *          egress   what a limited nic may say on the bridge; told: what it may answer there
 *  inet    host     what a container may ask of the host: DHCP, DNS, ping, neighbours
 *          output   what of the host may reach a container: its owner and root
 *          between  the same as above for what takes the way through the router
 *          limited  the same for what is routed: connections that it begins, and where to
 *          *nat     ports of the host that lead to a container: "ports" at every address, "at" at one
 */

/*
 * Where a client connected to a published port of [::1], the container's answer is addressed to ::1 again when it leaves
 * the bridge, if br_netfilter undoes the translation there already. The kernel drops packets for ::1 that come from any
 * link but the loopback, so such an answer carries this address instead until it is past the bridge. The address is one
 * of the discard prefix (RFC 6666), which nobody has.
 */
#define LOOPBACK6 "100::b074"

/* One command a line. */
/* clang-format off */
#define BRIDGE "bridge bothy "
#define INET   "inet bothy "

#define BRIDGE_SETS                                                                                                \
  "add table bridge bothy\n"                                                                                       \
  "add set " BRIDGE "nics { type ifname; }\n"                                                                      \
  "add set " BRIDGE "lan { type ifname; }\n"                                                                       \
  "add set " BRIDGE "macs { type ifname . ether_addr; }\n"                                                         \
  "add set " BRIDGE "own4 { type ifname . ipv4_addr; }\n"                                                          \
  "add set " BRIDGE "own6 { type ifname . ipv6_addr; }\n"                                                          \
  "add set " BRIDGE "claimed4 { type ipv4_addr; }\n"                                                               \
  "add set " BRIDGE "claimed6 { type ipv6_addr; }\n" /* what neighbour discovery is about: see NEIGHBOUR_TARGET */ \
  "add set " BRIDGE "targets6 { typeof iifname . @th,64,128; }\n"                                                  \
  "add set " BRIDGE "claimed_targets6 { typeof @th,64,128; }\n"                                                    \
  "add set " BRIDGE "host4 { type ipv4_addr; }\n"                                                                  \
  "add set " BRIDGE "host6 { type ipv6_addr; }\n"                                                                  \
  "add set " BRIDGE "host_targets6 { typeof @th,64,128; }\n"                                                       \
  "add set " BRIDGE "bound { type ifname; }\n"                                                                    \
  "add set " BRIDGE "limited { type ifname; }\n"                                                                  \
  "add set " BRIDGE "egress4 { type ifname . ipv4_addr . inet_proto . inet_service; flags interval; }\n"          \
  "add set " BRIDGE "egress6 { type ifname . ipv6_addr . inet_proto . inet_service; flags interval; }\n"          \
  "add set " BRIDGE "callers4 { type ifname . ipv4_addr . inet_service; size 65535; flags dynamic,timeout; timeout 1h; }\n" \
  "add set " BRIDGE "callers6 { type ifname . ipv6_addr . inet_service; size 65535; flags dynamic,timeout; timeout 1h; }\n" \
  "add set " BRIDGE "speakers4 { type ifname . ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }\n"      \
  "add set " BRIDGE "speakers6 { type ifname . ipv6_addr; size 65535; flags dynamic,timeout; timeout 1m; }\n"      \
  "add set " BRIDGE "reached4 { type ifname . ipv4_addr; size 65535; flags dynamic,timeout; timeout 30s; }\n"      \
  "add set " BRIDGE "reached6 { type ifname . ipv6_addr; size 65535; flags dynamic,timeout; timeout 30s; }\n"      \
  "add map " BRIDGE "groups { type ifname : mark; }\n"                                                             \
  "add set " BRIDGE "members { type ifname . mark; }\n"                                                            \
  "add set " BRIDGE "storm { type ifname; size 8192; flags dynamic,timeout; timeout 1m; }\n"                       \
  "add set " BRIDGE "storm_arp { type ifname; size 8192; flags dynamic,timeout; timeout 1m; }\n"

#define BRIDGE_CHAINS                                                                                     \
  "add chain " BRIDGE "from_arp\nadd chain " BRIDGE "from_ip4\nadd chain " BRIDGE "from_ip6\nadd chain " BRIDGE "from_icmp6\n" \
  "add chain " BRIDGE "from_icmp4\nadd chain " BRIDGE "from_udp4\nadd chain " BRIDGE "from_igmp\n"       \
  "add chain " BRIDGE "lan4\nflush chain " BRIDGE "from_icmp4\nflush chain " BRIDGE "from_udp4\n"        \
  "flush chain " BRIDGE "from_igmp\nflush chain " BRIDGE "lan4\n"                                       \
  "add chain " BRIDGE "egress\nflush chain " BRIDGE "egress\nadd chain " BRIDGE "told\n"               \
  "flush chain " BRIDGE "told\nadd chain " BRIDGE "reach\nflush chain " BRIDGE "reach\n"              \
  "add chain " BRIDGE "output { type filter hook output priority -310; policy accept; }\n"            \
  "flush chain " BRIDGE "output\n"                                           \
  "add chain " BRIDGE "fragment6\nflush chain " BRIDGE "fragment6\n"                                     \
  "add chain " BRIDGE "mld\nadd chain " BRIDGE "nic\nadd chain " BRIDGE "between\n"                       \
  "add chain " BRIDGE "prerouting { type filter hook prerouting priority -310; policy accept; }\n"        \
  "add chain " BRIDGE "input { type filter hook input priority -310; policy accept; }\n"                  \
  "add chain " BRIDGE "forward { type filter hook forward priority -310; policy accept; }\n"              \
  "flush chain " BRIDGE "from_arp\nflush chain " BRIDGE "from_ip4\nflush chain " BRIDGE "from_ip6\n"                     \
  "flush chain " BRIDGE "from_icmp6\nflush chain " BRIDGE "mld\nflush chain " BRIDGE "nic\n"                   \
  "flush chain " BRIDGE "between\nflush chain " BRIDGE "prerouting\nflush chain " BRIDGE "input\n"        \
  "flush chain " BRIDGE "forward\n"

#define NIC  "add rule " BRIDGE "nic "
#define ARP  "add rule " BRIDGE "from_arp "
#define IP4  "add rule " BRIDGE "from_ip4 "
#define IP6  "add rule " BRIDGE "from_ip6 "
#define ICMP "add rule " BRIDGE "from_icmp6 "
#define MLD  "add rule " BRIDGE "mld "

#define BRIDGE_NIC                                                                                             \
  NIC "iifname . ether saddr != @macs drop\n" /* not the protocol that the kernel sees behind a tag */         \
  NIC "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop\n"                                            \
  NIC "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 "                                                  \
      "update @storm { iifname limit rate over 300/second burst 600 packets } drop\n"                          \
  NIC "ether type vmap { 0x0806 : goto from_arp, 0x0800 : goto from_ip4, 0x86dd : goto from_ip6 }\n"                          \
  NIC "drop\n"                                                                                                 \
  "add rule " BRIDGE "prerouting iifname \"" RULES_PREFIX "*\" goto nic\n"

/*
 * A sender of 0.0.0.0 asks whose an address is, before he takes it; the one who has it then must not keep it if he asks at
 * the same time. So only addresses may be asked for that could be taken.
 */
#define BRIDGE_ARP                                                                                    \
  ARP "arp htype != 1 drop\n"                                                                         \
  ARP "arp ptype != 0x0800 drop\n"                                                                    \
  ARP "arp hlen != 6 drop\n"                                                                          \
  ARP "arp plen != 4 drop\n"                                                                          \
  ARP "arp operation != { 1, 2 } drop\n"                                                              \
  ARP "iifname . arp saddr ether != @macs drop\n"                                                     \
  ARP "update @storm_arp { iifname limit rate over 100/second burst 200 packets } drop\n"             \
  ARP "iifname . arp saddr ip @own4 accept\n"                                                         \
  ARP "arp saddr ip 0.0.0.0 arp operation 1 iifname . arp daddr ip @own4 accept\n"                    \
  ARP "iifname @bound drop\n"                                                                         \
  ARP "iifname != @lan drop\n"                                                                        \
  ARP "arp saddr ip 0.0.0.0 arp operation 1 arp daddr ip != @claimed4 arp daddr ip != @host4 accept\n" \
  ARP "arp saddr ip { 0.0.0.0, 127.0.0.1, 255.255.255.255 } drop\n"                                   \
  ARP "arp saddr ip @claimed4 drop\n"                                                                 \
  ARP "arp saddr ip @host4 drop\n"                                                                    \
  ARP "accept\n"

/*
 * The most frequent way, that of TCP and UDP from an own address, is the shortest. Options change what
 * routers do with a packet; only listener reports (IGMP) have one. Fragments pass: all that is looked at is in
 * the first eight bytes of the first one, which no other can overlap. 0x11 of IGMP asks who listens, which is
 * the bridge's to ask; ICMP 5 redirects, 9 is a router.
 */
#define BRIDGE_IP4                                                                                    \
  IP4 "ip protocol vmap { 1 : jump from_icmp4, 2 : goto from_igmp, 17 : jump from_udp4 }\n"           \
  IP4 "@nh,0,8 != 0x45 drop\n"                                                                        \
  IP4 "ip daddr 127.0.0.0/8 drop\n"                                                                   \
  IP4 "iifname . ip saddr @own4 accept\n"                                                             \
  IP4 "ip saddr 0.0.0.0 ip daddr 255.255.255.255 ip protocol 17 ip frag-off & 0x3fff == 0 "           \
      "udp sport 68 udp dport 67 accept\n"                                                            \
  IP4 "goto lan4\n"                                                                                   \
  "add rule " BRIDGE "from_icmp4 icmp type { 5, 9 } drop\n"                                           \
  "add rule " BRIDGE "from_udp4 udp sport 67 drop\n"                                                  \
  "add rule " BRIDGE "from_igmp ip version != 4 drop\n"                                               \
  "add rule " BRIDGE "from_igmp ip frag-off & 0x3fff != 0 drop\n"                                     \
  "add rule " BRIDGE "from_igmp igmp type 0x11 drop\n"                                                \
  "add rule " BRIDGE "from_igmp iifname . ip saddr @own4 accept\n"                                    \
  "add rule " BRIDGE "from_igmp goto lan4\n"                                                          \
  "add rule " BRIDGE "lan4 iifname @bound drop\n"                                                     \
  "add rule " BRIDGE "lan4 iifname != @lan drop\n"                                                    \
  "add rule " BRIDGE "lan4 ip saddr & 240.0.0.0 == 224.0.0.0 drop\n"                                  \
  "add rule " BRIDGE "lan4 ip saddr & 240.0.0.0 == 240.0.0.0 drop\n"                                  \
  "add rule " BRIDGE "lan4 ip saddr & 255.0.0.0 == { 0.0.0.0, 127.0.0.0 } drop\n"                     \
  "add rule " BRIDGE "lan4 ip saddr @claimed4 drop\nadd rule " BRIDGE "lan4 ip saddr @host4 drop\n"                                                 \
  "add rule " BRIDGE "lan4 accept\n"

/*
 * Extension headers hide what follows; only listener reports and fragments need one. Of a report that is the hop-by-hop
 * header, of eight bytes and with nothing between it and ICMP.
 */
#define BRIDGE_IP6                                                                            \
  IP6 "ip6 daddr { ::1, " LOOPBACK6 " } drop\n"                                                \
  IP6 "ip6 version != 6 drop\n"                                                               \
  IP6 "ip6 nexthdr vmap { 0 : goto mld, 58 : goto from_icmp6, 43 : drop, 44 : jump fragment6, 51 : drop, " \
      "60 : drop, 135 : drop, 139 : drop, 140 : drop, 253 : drop, 254 : drop }\n"             \
  IP6 "ip6 nexthdr 17 udp sport 547 drop\n"                                                   \
  IP6 "iifname . ip6 saddr @own6 accept\n"                                                    \
  IP6 "iifname != @lan drop\n"                                                                \
  IP6 "ip6 saddr & ff00:: == ff00:: drop\n"                                                   \
  IP6 "ip6 saddr { ::, ::1 } drop\n"                                                          \
  IP6 "ip6 saddr @host6 drop\n"                                                               \
  IP6 "ip6 saddr @claimed6 drop\n"                                                            \
  IP6 "accept\n"                                                                              \
  MLD "update @storm_arp { iifname limit rate over 100/second burst 200 packets } drop\n"     \
  MLD "@nh,320,16 != 0x3a00 drop\n"                                                             \
  MLD "@nh,384,8 != { 131, 132, 143 } drop\n"                                               \
  MLD "iifname . ip6 saddr @own6 accept\n"                                                    \
  MLD "ip6 saddr :: accept\n"                                                                 \
  MLD "iifname @lan ip6 saddr & ffc0:: == fe80:: accept\n"                                    \
  MLD "drop\n"

/*
 * Behind the fragment's header comes TCP, UDP or ICMP, nothing else; of a first fragment (offset 0) the same
 * is looked at as of a whole packet. Neighbour discovery never comes in fragments (RFC 6980).
 */
#define FRAGMENT6    "add rule " BRIDGE "fragment6 "
#define FRAGMENT_OF  "@nh,320,8" /* the protocol */
#define IS_FIRST     "@nh,336,16 & 0xfff8 == 0"
#define BRIDGE_FRAGMENT6                                                                              \
  FRAGMENT6 FRAGMENT_OF " != { 6, 17, 58 } drop\n"                                                    \
  FRAGMENT6 FRAGMENT_OF " 58 " IS_FIRST " @nh,384,8 != { 1, 2, 3, 4, 128, 129 } drop\n"               \
  FRAGMENT6 FRAGMENT_OF " 17 " IS_FIRST " @nh,384,16 547 drop\n"

/* Bits 64 to 191 of a solicitation or advertisement are the address that it is about. */
#define NEIGHBOUR_TARGET "@th,64,128"

/*
 * 135 asks, 136 tells who has an address; 133 asks for routers. With the source "::" one's own
 * address is asked for (is it free?): for another's, that would keep the other from having it.
 */
#define BRIDGE_ICMP6                                                                                  \
  ICMP "icmpv6 type { 133, 135, 136 } "                                                               \
       "update @storm_arp { iifname limit rate over 100/second burst 200 packets } drop\n"            \
  ICMP "icmpv6 type 136 iifname != @lan iifname . " NEIGHBOUR_TARGET " != @targets6 drop\n"           \
  ICMP "icmpv6 type 136 iifname . " NEIGHBOUR_TARGET " != @targets6 " NEIGHBOUR_TARGET                \
       " @claimed_targets6 drop\n"                                                                    \
  ICMP "icmpv6 type 136 iifname . " NEIGHBOUR_TARGET " != @targets6 " NEIGHBOUR_TARGET                \
       " @host_targets6 drop\n"                                                                       \
  ICMP "icmpv6 type 135 ip6 saddr :: iifname . " NEIGHBOUR_TARGET " @targets6 accept\n"               \
  ICMP "icmpv6 type 135 ip6 saddr :: iifname @lan " NEIGHBOUR_TARGET " != @claimed_targets6 "  \
       NEIGHBOUR_TARGET " != @host_targets6 accept\n" \
  ICMP "icmpv6 type 133 ip6 saddr :: accept\n"                                                        \
  ICMP "icmpv6 type != { 1, 2, 3, 4, 128, 129, 133, 135, 136 } drop\n"                                \
  ICMP "iifname . ip6 saddr @own6 accept\n"                                                           \
  ICMP "iifname != @lan drop\n"                                                                       \
  ICMP "ip6 saddr & ff00:: == ff00:: drop\n"                                                          \
  ICMP "ip6 saddr { ::, ::1 } drop\n"                                                                 \
  ICMP "ip6 saddr @host6 drop\n"                                                                      \
  ICMP "ip6 saddr @claimed6 drop\n"                                                                   \
  ICMP "accept\n"

/* The mark is only a place to keep the sender's group in while the receiver is looked up. */
#define BRIDGE_BETWEEN                                                                                \
  "add rule " BRIDGE "between iifname != @groups drop\n"                                              \
  "add rule " BRIDGE "between meta mark set iifname map @groups\n"                                    \
  "add rule " BRIDGE "between oifname . meta mark @members meta mark set 0 accept\n"                  \
  "add rule " BRIDGE "between drop\n"                                                                 \
  "add rule " BRIDGE "forward iifname \"" RULES_PREFIX "*\" oifname \"" RULES_PREFIX "*\" goto between\n"

/*
 * Of a limited nic pass: ARP and neighbours, DHCP, what it may reach, and what answers. Not every kernel tracks connections
 * on a bridge, so what may be answered is remembered here: a TCP connection that somebody began with the nic, for
 * an hour after the last that he said, and who spoke to it at all, who gets errors and answers to ping for a minute. Of UDP
 * nothing tells a question from an answer, so answers have to be allowed. Later fragments have no ports: they go to
 * where a first one went just before.
 */
#define EGRESS "add rule " BRIDGE "egress "
#define TOLD   "add rule " BRIDGE "told "
#define REACH  "add rule " BRIDGE "reach "
#define BRIDGE_EGRESS                                                                                 \
  EGRESS "ether type 0x0806 return\n"                                                                 \
  EGRESS "ip frag-off & 0x1fff != 0 iifname . ip daddr @reached4 return\n"                            \
  EGRESS "ip frag-off & 0x1fff != 0 drop\n"                                                           \
  EGRESS "ip6 nexthdr 44 @nh,336,16 & 0xfff8 != 0 iifname . ip6 daddr @reached6 return\n"             \
  EGRESS "ip6 nexthdr 44 @nh,336,16 & 0xfff8 != 0 drop\n"                                             \
  EGRESS "meta l4proto 6 tcp flags & 0x12 != 0x02 iifname . ip daddr . tcp dport @callers4 goto reach\n"   \
  EGRESS "meta l4proto 6 tcp flags & 0x12 != 0x02 iifname . ip6 daddr . tcp dport @callers6 goto reach\n"  \
  EGRESS "ip protocol 1 icmp type { 0, 3, 11, 12 } iifname . ip daddr @speakers4 goto reach\n"        \
  EGRESS "ip protocol 17 udp sport 68 udp dport 67 return\n"                                          \
  EGRESS "icmpv6 type { 131, 132, 133, 135, 136, 143 } return\n"                                      \
  EGRESS "icmpv6 type { 1, 2, 3, 4, 129 } iifname . ip6 daddr @speakers6 goto reach\n"                \
  EGRESS "ip6 nexthdr 17 udp sport 546 udp dport 547 return\n"                                        \
  EGRESS "iifname . ip daddr . meta l4proto . th dport @egress4 goto reach\n"                         \
  EGRESS "iifname . ip6 daddr . meta l4proto . th dport @egress6 goto reach\n"                        \
  EGRESS "drop\n"                                                                                     \
  REACH "ip frag-off & 0x2000 != 0 update @reached4 { iifname . ip daddr }\n"                         \
  REACH "ip6 nexthdr 44 update @reached6 { iifname . ip6 daddr }\n"                                   \
  TOLD "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 return\n"                                \
  TOLD "update @speakers4 { oifname . ip saddr }\n"                                                   \
  TOLD "update @speakers6 { oifname . ip6 saddr }\n"                                                  \
  TOLD "meta l4proto != 6 return\n"                                                                   \
  TOLD "tcp flags & 0x12 != 0x02 oifname . ip saddr . tcp sport != @callers4 return\n"                \
  TOLD "tcp flags & 0x12 != 0x02 oifname . ip6 saddr . tcp sport != @callers6 return\n"               \
  TOLD "update @callers4 { oifname . ip saddr . tcp sport }\n"                                        \
  TOLD "update @callers6 { oifname . ip6 saddr . tcp sport }\n"                                       \
  "add rule " BRIDGE "input iifname \"" RULES_PREFIX "*\" ip6 daddr ::1 ip6 daddr set " LOOPBACK6 "\n" \
  "add rule " BRIDGE "output oifname @limited jump told\n"                                            \
  "add rule " BRIDGE "forward oifname @limited jump told\n"                                           \
  "add rule " BRIDGE "forward iifname @limited jump egress\n"                                         \
  "add rule " BRIDGE "input iifname @lan iifname @limited jump egress\n"

/* nics4 and nics6: bridge and address, of bridges that are not the LAN's. */
#define INET_SETS                                                                                  \
  "add table inet bothy\n"                                                                         \
  "add set " INET "nics4 { type ifname . ipv4_addr; }\n"                                           \
  "add set " INET "nics6 { type ifname . ipv6_addr; }\n"                                           \
  "add map " INET "groups4 { type ifname . ipv4_addr : mark; }\n"                                  \
  "add map " INET "groups6 { type ifname . ipv6_addr : mark; }\n"                                  \
  "add set " INET "members4 { type ifname . ipv4_addr . mark; }\n"                                 \
  "add set " INET "members6 { type ifname . ipv6_addr . mark; }\n"                                 \
  "add set " INET "bridges { type ifname; }\n"                                                      \
  "add set " INET "owners4 { type ifname . ipv4_addr . uid; }\n"                                    \
  "add set " INET "owners6 { type ifname . ipv6_addr . uid; }\n"                                    \
  "add set " INET "limited4 { type ifname . ipv4_addr; }\n"                                        \
  "add set " INET "limited6 { type ifname . ipv6_addr; }\n"                                        \
  "add set " INET "egress4 { type ifname . ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval; }\n" \
  "add set " INET "egress6 { type ifname . ipv6_addr . ipv6_addr . inet_proto . inet_service; flags interval; }\n" \
  "add map " INET "ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"        \
  "add map " INET "ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }\n"        \
  "add map " INET "at4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n" \
  "add map " INET "at6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }\n" \
  "add set " INET "loopback { type ifname; }\n"

/* A chain keeps the priority that it was made with, which an older version may have done. */
#define MAKE_ANEW(chain) "add chain " INET chain "\nflush chain " INET chain "\ndelete chain " INET chain "\n"

#define INET_CHAINS                                                                                   \
  "add set " INET "connections4 { type ifname . ipv4_addr; size 65535; flags dynamic; }\n"           \
  "add set " INET "connections6 { type ifname . ipv6_addr; size 65535; flags dynamic; }\n"           \
  "add set " INET "begun4 { type ifname . ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }\n" \
  "add set " INET "begun6 { type ifname . ipv6_addr; size 65535; flags dynamic,timeout; timeout 1m; }\n" \
  "add chain " INET "bounded\nflush chain " INET "bounded\n"                                         \
  "add chain " INET "output { type filter hook output priority -10; policy accept; }\n"             \
  "add chain " INET "owned\nadd chain " INET "loud\nflush chain " INET "output\n"                    \
  "flush chain " INET "owned\nflush chain " INET "loud\n"                                            \
  "add chain " INET "routed\nadd chain " INET "limited\n"                                             \
  "flush chain " INET "routed\nflush chain " INET "limited\n"                                         \
  "add chain " INET "host\nadd chain " INET "between4\nadd chain " INET "between6\n"                  \
  "add chain " INET "martian { type filter hook prerouting priority -310; policy accept; }\n"         \
  "add chain " INET "input { type filter hook input priority -10; policy accept; }\n"                 \
  "add chain " INET "forward { type filter hook forward priority -10; policy accept; }\n"             \
  "add chain " INET "arrived { type filter hook input priority 110; policy accept; }\n"              \
  "flush chain " INET "arrived\n"                                                                    \
  MAKE_ANEW ("prenat") MAKE_ANEW ("outnat") MAKE_ANEW ("postnat")                                     \
  "add chain " INET "prenat { type nat hook prerouting priority -80; policy accept; }\n"             \
  "add chain " INET "outnat { type nat hook output priority -80; policy accept; }\n"                 \
  "add chain " INET "postnat { type nat hook postrouting priority 120; policy accept; }\n"             \
  "flush chain " INET "host\nflush chain " INET "between4\nflush chain " INET "between6\n"            \
  "flush chain " INET "martian\nflush chain " INET "input\nflush chain " INET "forward\n"

/*
 * The host remembers each connection, those of others among them, in a table that has an end. So an address of a nic may have
 * so many at once. Counting takes time, hence also the limit of how many may begin.
 */
#define BOUNDED "add rule " INET "bounded "
#define INET_BOUNDED                                                                                  \
  BOUNDED "ct state != new return\n"                                                                  \
  BOUNDED "update @begun4 { iifname . ip saddr limit rate over 500/second burst 2000 packets } drop\n" \
  BOUNDED "update @begun6 { iifname . ip6 saddr limit rate over 500/second burst 2000 packets } drop\n" \
  BOUNDED "add @connections4 { iifname . ip saddr ct count over 4096 } drop\n"                        \
  BOUNDED "add @connections6 { iifname . ip6 saddr ct count over 4096 } drop\n"

#define INET_INPUT                                                                                    \
  "add rule " INET "input iifname . ip saddr @nics4 goto host\n"                                      \
  "add rule " INET "input iifname . ip6 saddr @nics6 goto host\n"                                     \
  "add rule " INET "host ct state established,related accept\n"                                       \
  "add rule " INET "host jump bounded\n"                                                             \
  "add rule " INET "host udp dport { 53, 67 } accept\n"                                               \
  "add rule " INET "host tcp dport 53 accept\n"                                                       \
  "add rule " INET "host meta l4proto 1 icmp type 8 accept\n"                                         \
  "add rule " INET "host meta l4proto 58 icmpv6 type { 128, 133, 135, 136 } accept\n"                 \
  "add rule " INET "host ip6 saddr & ffc0:: == fe80:: udp sport 546 udp dport 547 accept\n"           \
  "add rule " INET "host drop\n"

/*
 * What the host itself begins with a nic comes from its owner or from root. Everybody may use a port of the host that leads
 * there, and answers what the nic began. The rest of a TCP connection passes without a look at who sends: after
 * close(2) the kernel does, for nobody. Of other protocols the sender is looked at each time, since somebody else could
 * be bound to the port of a socket that was just closed. What goes to all nics of a bridge at once (broadcasts,
 * multicast) is root's, for it may reach others' as well; the kernel asks for neighbours and listeners, and dnsmasq,
 * which is not root, answers DHCP.
 */
#define OUTPUT "add rule " INET "output "
#define OWNED  "add rule " INET "owned "
#define LOUD   "add rule " INET "loud "
#define INET_OUTPUT                                                                                   \
  OUTPUT "oifname . ip daddr @nics4 goto owned\n"                                                     \
  OUTPUT "oifname . ip6 daddr @nics6 goto owned\n"                                                    \
  OUTPUT "oifname @bridges fib daddr type { broadcast, multicast } goto loud\n"                        \
  OWNED "ct direction reply accept\n"                                                                 \
  OWNED "ct state related accept\n"                                                                   \
  OWNED "ct status dnat accept\n"                                                                     \
  OWNED "meta l4proto 6 ct state established tcp flags & 0x12 != 0x02 accept\n"                       \
  OWNED "meta skuid 0 accept\n"                                                                       \
  OWNED "oifname . ip daddr . meta skuid @owners4 accept\n"                                           \
  OWNED "oifname . ip6 daddr . meta skuid @owners6 accept\n"                                          \
  OWNED "icmpv6 type { 135, 136 } accept\n"                                                           \
  OWNED "meta l4proto 17 udp sport 67 udp dport 68 accept\n"                                          \
  OWNED "meta l4proto 17 udp sport 547 udp dport 546 accept\n"                                        \
  OWNED "reject with icmpx admin-prohibited\n"                                                        \
  LOUD "meta skuid 0 accept\n"                                                                         \
  LOUD "meta l4proto 2 accept\n"                                                                       \
  LOUD "icmpv6 type { 130, 131, 132, 133, 134, 135, 136, 143 } accept\n"                               \
  LOUD "meta l4proto 17 udp sport 67 udp dport 68 accept\n"                                            \
  LOUD "meta l4proto 17 udp sport 547 udp dport 546 accept\n"                                          \
  LOUD "drop\n"

/*
 * A forwarded port is for everybody, so also for other containers. Where a limited nic goes to is what it said
 * itself, before any translation; on connections that others began with it, it may say what it wants. From
 * outside comes nobody. With br_netfilter, what stays on the bridge comes by here as well, neighbour discovery
 * among it.
 */
#define ROUTED  "add rule " INET "routed "
#define LIMITED "add rule " INET "limited "
#define LIMITED_OF(protocol, port)                                                                    \
  LIMITED "meta l4proto " protocol " iifname . ip saddr . ct original ip daddr . meta l4proto . " port \
          " @egress4 goto routed\n"                                                                   \
  LIMITED "meta l4proto " protocol " iifname . ip6 saddr . ct original ip6 daddr . meta l4proto . " port \
          " @egress6 goto routed\n"
#define INET_FORWARD                                                                                  \
  "add rule " INET "forward iifname . ip saddr @nics4 jump bounded\n"                                \
  "add rule " INET "forward iifname . ip6 saddr @nics6 jump bounded\n"                               \
  "add rule " INET "forward iifname . ip saddr @limited4 goto limited\n"                              \
  "add rule " INET "forward iifname . ip6 saddr @limited6 goto limited\n"                             \
  "add rule " INET "forward goto routed\n"                                                            \
  LIMITED "ct direction reply goto routed\n"                                                          \
  LIMITED "icmpv6 type { 131, 132, 133, 135, 136, 143 } goto routed\n"                                \
  LIMITED_OF ("6", "ct original proto-dst")                                                           \
  LIMITED_OF ("17", "ct original proto-dst")                                                          \
  LIMITED_OF ("!= { 6, 17 }", "th dport")                                                             \
  LIMITED "reject with icmpx admin-prohibited\n"                                                      \
  ROUTED "ct state established,related accept\n"                                                      \
  ROUTED "ct status dnat accept\n"                                                                    \
  ROUTED "iifname . ip saddr @nics4 oifname . ip daddr @nics4 goto between4\n"                        \
  ROUTED "iifname . ip6 saddr @nics6 oifname . ip6 daddr @nics6 goto between6\n"                      \
  ROUTED "oifname . ip daddr @nics4 drop\n"                                                           \
  ROUTED "oifname . ip6 daddr @nics6 drop\n"                                                          \
  "add rule " INET "between4 iifname . ip saddr != @groups4 drop\n"                                   \
  "add rule " INET "between4 meta mark set iifname . ip saddr map @groups4\n"                         \
  "add rule " INET "between4 oifname . ip daddr . meta mark @members4 meta mark set 0 accept\n"       \
  "add rule " INET "between4 drop\n"                                                                  \
  "add rule " INET "between6 iifname . ip6 saddr != @groups6 drop\n"                                  \
  "add rule " INET "between6 meta mark set iifname . ip6 saddr map @groups6\n"                        \
  "add rule " INET "between6 oifname . ip6 daddr . meta mark @members6 meta mark set 0 accept\n"      \
  "add rule " INET "between6 drop\n"

/*
 * Whoever has a rule of his own for the same connection comes first: translation happens once, and these chains are
 * behind those of administrators (-100 and 100) and of firewalld (-90 and 110).
 *
 * Clients keep their address. Only two kinds would get answers from somebody they did not ask:
 * the host through its loopback, and a neighbour of the container; the bridge speaks for them.
 * Forwarding from the loopback needs route_localnet and a route to ::1 on the bridge, hence "martian". By the last rules
 * containers go out with an address of the host's; NetworkManager has the same for IPv4, but does not put it
 * back when another firewall takes it away.
 *
 * A port at an address of the loopback is for who is on the host. "prenat" leaves it alone, since it comes before the kernel
 * looks whether such an address may come from outside: what it translated would pass.
 */
#define INET_NAT                                                                                      \
  "add rule " INET "martian iifname @loopback ip daddr 127.0.0.0/8 drop\n"                            \
  "add rule " INET "martian iifname @loopback ip saddr 127.0.0.0/8 drop\n"                            \
  "add rule " INET "martian iifname @loopback ip6 daddr ::1 drop\n"                                   \
  "add rule " INET "martian iifname @loopback ip6 daddr " LOOPBACK6 " drop\n"                         \
  "add rule " INET "arrived iifname @loopback ip6 daddr " LOOPBACK6 " ip6 daddr set ::1\n"            \
  "add rule " INET "martian iifname @loopback ip6 saddr ::1 drop\n"                                   \
  "add rule " INET "prenat fib daddr type local dnat ip to meta l4proto . th dport map @ports4\n"     \
  "add rule " INET "prenat fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6\n"    \
  "add rule " INET "prenat fib daddr type local ip daddr != 127.0.0.0/8 "                              \
  "dnat ip to ip daddr . meta l4proto . th dport map @at4\n"                                          \
  "add rule " INET "prenat fib daddr type local ip6 daddr != ::1 "                                     \
  "dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6\n"                                        \
  "add rule " INET "outnat fib daddr type local "                                                     \
  "dnat ip to ip daddr . meta l4proto . th dport map @at4\n"                                          \
  "add rule " INET "outnat fib daddr type local "                                                     \
  "dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6\n"                                        \
  "add rule " INET "outnat fib daddr type local dnat ip to meta l4proto . th dport map @ports4\n"     \
  "add rule " INET "outnat fib daddr type local "                                                     \
  "dnat ip6 to meta l4proto . th dport map @ports6\n"                                                 \
  "add rule " INET "postnat ct status dnat ip saddr 127.0.0.0/8 oifname @loopback masquerade\n"       \
  "add rule " INET "postnat ct status dnat ip6 saddr ::1 oifname @loopback masquerade\n"              \
  "add rule " INET "postnat ct status dnat iifname . ip saddr @nics4 oifname . ip daddr @nics4 "      \
  "masquerade\n"                                                                                      \
  "add rule " INET "postnat ct status dnat iifname . ip6 saddr @nics6 oifname . ip6 daddr @nics6 "    \
  "masquerade\n"                                                                                      \
  "add rule " INET "postnat iifname . ip saddr @nics4 oifname . ip daddr != @nics4 masquerade\n"     \
  "add rule " INET "postnat iifname . ip6 saddr @nics6 oifname . ip6 daddr != @nics6 masquerade\n"

/* clang-format on */

const char rules_text[] = BRIDGE_SETS BRIDGE_CHAINS BRIDGE_NIC BRIDGE_ARP BRIDGE_IP4 BRIDGE_IP6
    BRIDGE_FRAGMENT6 BRIDGE_ICMP6 BRIDGE_EGRESS BRIDGE_BETWEEN INET_SETS INET_CHAINS INET_BOUNDED INET_INPUT
        INET_OUTPUT INET_FORWARD INET_NAT;
