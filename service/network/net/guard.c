/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"

#define OUR_TABLE "bothy"
#define GOING_NS  100000000 /* what removing a link takes at most, mostly */
/* Of every message about tables, chains and rules the same attribute. */
#define TABLE_NAME NFTA_RULE_TABLE

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
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

  if (fd < 0)
    return -1;
  if (bind (fd, (struct sockaddr *)&address, sizeof address) == 0 &&
      setsockopt (fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
    return fd;
  close (fd);
  return -1;
}

static bool
is_loss (struct nlmsghdr *header)
{
  struct nlattr *attributes[TABLE_NAME + 1];
  int type = header->nlmsg_type & 0xff;

  return header->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
         (type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN || type == NFT_MSG_DELRULE) &&
         nlmsg_parse (header, sizeof (struct nfgenmsg), attributes, TABLE_NAME, NULL) >= 0 &&
         attributes[TABLE_NAME] != NULL && strcmp (nla_get_string (attributes[TABLE_NAME]), OUR_TABLE) == 0;
}

bool
guard_read (int fd)
{
  _Alignas(struct nlmsghdr) char buffer[65536];
  bool lost = false;
  ssize_t size;

  while ((size = recv (fd, buffer, sizeof buffer, 0)) > 0 ||
         (size < 0 && (errno == ENOBUFS || errno == EINTR))) {
    int left = (int)size;

    /* More than there is room for: what it was is not known. */
    lost = lost || (size < 0 && errno == ENOBUFS);
    for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; size > 0 && nlmsg_ok (header, left);
         header = nlmsg_next (header, &left))
      lost = lost || is_loss (header);
  }
  return lost;
}

static int
count (const struct link *link, void *data)
{
  ((struct survey *)data)->n_nics += link_is_ours (link) && (link->flags & IFF_UP) != 0;
  return 0;
}

static int
look_at (const struct link *link, void *data)
{
  struct survey *survey = data;
  struct record record;

  if (!link_is_ours (link) ||
      (survey->error == 0 && filter_get (&survey->net->nft, link->name, &record) == 0))
    return 0;
  survey->n_bare++;
  /* One that goes meanwhile needs nothing. */
  if ((link->flags & IFF_UP) != 0)
    (void)link_set_up (survey->orders, link->index, false);
  return 0;
}

bool
guard_check (struct net *net)
{
  const struct timespec going = { .tv_nsec = GOING_NS };
  struct survey survey = { .net = net };

  if (link_each (net->route, count, &survey) != 0 || survey.n_nics == 0)
    return false;
  survey.orders = netlink_open (NETLINK_ROUTE);
  if (survey.orders == NULL)
    return true;
  survey.error = filter_ensure (&net->nft);
  (void)link_each (net->route, look_at, &survey);
  /* What was detached has no filter either, and is about to go. */
  if (survey.n_bare > 0) {
    nanosleep (&going, NULL);
    survey.n_bare = 0;
    (void)link_each (net->route, look_at, &survey);
  }
  netlink_free_socket (&survey.orders);
  return survey.n_bare > 0;
}
