/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which of our nics is called so in a namespace: whatever it was called when it was made. */
#include "find.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define NO_ID (-1)

static int
read_id (const struct nlmsghdr *header, void *data)
{
  struct nlattr *attributes[NETNSA_MAX + 1];

  if (nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header, sizeof (struct rtgenmsg), attributes, NETNSA_MAX,
                   NULL) < 0 ||
      attributes[NETNSA_NSID] == NULL)
    return EBADMSG;
  *(int32_t *)data = (int32_t)nla_get_u32 (attributes[NETNSA_NSID]);
  return 0;
}

/* The number by which the kernel tells us of NAMESPACE; there is none as long as no link leads there. */
static int
get_id (struct nl_sock *socket, int netns, int32_t *ret_id)
{
  struct rtgenmsg general = { .rtgen_family = AF_UNSPEC };
  AUTO_MESSAGE message = nlmsg_alloc_simple (RTM_GETNSID, 0);
  int error;

  *ret_id = NO_ID;
  if (message == NULL || nlmsg_append (message, &general, sizeof general, NLMSG_ALIGNTO) < 0 ||
      nla_put_u32 (message, NETNSA_FD, (uint32_t)netns) < 0)
    return ENOMEM;
  error = netlink_ask (socket, message, read_id, ret_id);
  return error == 0 && *ret_id == NO_ID ? ENODEV : error;
}

int
nic_find (struct net *net, const struct net_request *request, int netns, struct outcome *ret)
{
  struct link inside;
  struct link link;
  int32_t id;
  int error = nic_check_namespace (netns);

  if (error != 0)
    return fail (ret, NET_STEP_NAMESPACE, error);
  error = get_id (net->route, netns, &id);
  if (error == 0)
    error = link_find_in (net->route, id, request->inside, &inside);
  if (error == 0)
    error = link_get (net->route, inside.peer, &link);
  /* Its number could be that of a link of a third namespace. */
  if (error == 0 && (!link_is_ours (&link) || link.peer != inside.index || link.peer_namespace != id))
    error = ENODEV;
  if (error == 0 && (ret->text = strdup (link.alias)) == NULL)
    error = ENOMEM;
  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  ret->text_size = strlen (ret->text) + 1;
  return 0;
}
