/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter.h"

#define OUR_TABLE "bothy"
#define ROOM      (4 << 20) /* for what the kernel tells of all our rules, when they are made anew */
/* The attribute with the table's name has the same number in messages about tables, chains, rules, sets and
   elements; so has the one with the set's name in those about sets and elements. */
#define TABLE_NAME NFTA_RULE_TABLE
#define SET_NAME   NFTA_SET_NAME

struct survey {
  struct net *net;
  struct nl_sock *orders; /* the other one is busy with telling us of links */
  int error;              /* why there are no rules */
  unsigned int n_nics;
  unsigned int n_bare; /* without a filter */
};

int
guard_open (void)
{
  struct sockaddr_nl address = { .nl_family = AF_NETLINK };
  int group = NFNLGRP_NFTABLES;
  int room = ROOM;
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

  if (fd < 0)
    return -1;
  if (bind (fd, (struct sockaddr *)&address, sizeof address) == 0 &&
      setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0 &&
      setsockopt (fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
    return fd;
  close (fd);
  return -1;
}

/* The sets that are written into rules come and go with them, and have names of the kernel's. */
static bool
is_named (const struct nlattr *name)
{
  return name != NULL && strncmp (nla_get_string ((struct nlattr *)(uintptr_t)name), "__", 2) != 0;
}

/* What the message HEADER says was removed of ours: GUARD_RULES, GUARD_ELEMENTS or 0. Elements that we
   removed ourselves, through the socket with the netlink port OWN_PORT, do not count. */
static unsigned int
find_loss (struct nlmsghdr *header, uint32_t own_port)
{
  struct nlattr *attributes[SET_NAME + 1];

  if (header->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
      nlmsg_parse (header, sizeof (struct nfgenmsg), attributes, SET_NAME, NULL) < 0 ||
      attributes[TABLE_NAME] == NULL || strcmp (nla_get_string (attributes[TABLE_NAME]), OUR_TABLE) != 0)
    return 0;
  switch (header->nlmsg_type & 0xff) {
  case NFT_MSG_DELTABLE:
  case NFT_MSG_DELCHAIN:
  case NFT_MSG_DELRULE:
    return GUARD_RULES;
  case NFT_MSG_DELSET:
  case NFT_MSG_DELSETELEM:
    return is_named (attributes[SET_NAME]) && (own_port == 0 || header->nlmsg_pid != own_port)
               ? GUARD_ELEMENTS
               : 0;
  default:
    return 0;
  }
}

unsigned int
guard_read (int fd, uint32_t own_port)
{
  alignas (struct nlmsghdr) char buffer[65536];
  unsigned int lost = 0;
  ssize_t size;

  while ((size = recv (fd, buffer, sizeof buffer, 0)) > 0 ||
         (size < 0 && (errno == ENOBUFS || errno == EINTR))) {
    int left = (int)size;

    /* More than there is room for: what it was is not known. */
    if (size < 0 && errno == ENOBUFS)
      lost |= GUARD_RULES | GUARD_ELEMENTS;
    for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; size > 0 && nlmsg_ok (header, left);
         header = nlmsg_next (header, &left))
      lost |= find_loss (header, own_port);
  }
  return lost;
}

static int
count (const struct link *link, void *data)
{
  struct survey *survey = data;

  survey->n_nics +=
      link_is_ours (link) && (link->flags & IFF_UP) != 0 && !nic_is_doomed (survey->net, link->index);
  return 0;
}

static int
look_at (const struct link *link, void *data)
{
  struct survey *survey = data;
  struct record record;

  if (!link_is_ours (link) || nic_is_doomed (survey->net, link->index) ||
      (survey->error == 0 && filter_get (&survey->net->nft, link->name, &record) == 0))
    return 0;
  survey->n_bare++;
  /* One that goes meanwhile needs nothing. */
  if ((link->flags & IFF_UP) != 0)
    (void)link_set_up (survey->orders, link->index, false);
  return 0;
}

bool
guard_check (struct net *net, unsigned int lost)
{
  struct survey survey = { .net = net };
  int error = link_each (net->route, count, &survey);

  /* Links that come and go may break the look: then there may be some. */
  if (error == 0 && survey.n_nics == 0)
    return false;
  survey.orders = netlink_open (NETLINK_ROUTE);
  if (survey.orders == NULL)
    return true;
  survey.error = filter_ensure (&net->nft);
  if (survey.error == 0 && (lost & GUARD_ELEMENTS) != 0)
    survey.error = filter_restore (&net->nft);
  error = link_each (net->route, look_at, &survey);
  netlink_free_socket (&survey.orders);
  /* Where a nic may go to is not in its record. */
  return error != 0 || survey.n_bare > 0 || (lost & GUARD_ELEMENTS) != 0;
}
