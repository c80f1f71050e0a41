/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "addresses.h"
#include "bridge-port.h"
#include "fd.h"
#include "filter.h"
#include "forwarding.h"
#include "identity.h"
#include "ports.h"

struct search {
  const char *alias;
  struct link *found;
};

int
nic_check_namespace (int namespace)
{
  AUTO_FD own = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  struct statfs file_system;
  struct stat theirs;
  struct stat ours;

  /* First what file system it is: an ioctl means something else to other files. */
  if (fstatfs (namespace, &file_system) < 0 || file_system.f_type != NSFS_MAGIC ||
      ioctl (namespace, NS_GET_NSTYPE) != CLONE_NEWNET)
    return EINVAL;
  if (own < 0 || fstat (own, &ours) < 0 || fstat (namespace, &theirs) < 0)
    return errno;
  return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev ? EPERM : 0;
}

static int
find_bridge (struct net *net, uint32_t index, struct link *ret_bridge)
{
  int error = link_get (net->route, index, ret_bridge);

  if (error != 0)
    return error;
  return strcmp (ret_bridge->kind, "bridge") == 0 && record_name_is_plain (ret_bridge->name) ? 0 : EINVAL;
}

static bool
is_nic (const struct link *link, const char *alias)
{
  return link_is_ours (link) && strcmp (link->alias, alias) == 0;
}

static int
match (const struct link *link, void *data)
{
  struct search *search = data;

  if (is_nic (link, search->alias))
    *search->found = *link;
  return 0;
}

/* Whatever its name is: it has one of ours, but which one depended on what was taken then. */
static int
find_nic (struct net *net, const char *alias, struct link *ret_link)
{
  struct search search = { alias, ret_link };
  int error;

  for (unsigned int attempt = 0; attempt < IDENTITY_ATTEMPTS; attempt++) {
    char name[IFNAMSIZ];

    identity_name (alias, attempt, name);
    if (link_find (net->route, name, ret_link) == 0 && is_nic (ret_link, alias))
      return 0;
  }
  *ret_link = (struct link){ 0 };
  error = link_each (net->route, match, &search);
  if (error != 0)
    return error;
  return ret_link->index != 0 ? 0 : ENODEV;
}

/* A free name for ALIAS, after what carried ALIAS before has been removed. */
static int
choose_name (struct net *net, const char *alias, char ret_name[IFNAMSIZ])
{
  ret_name[0] = '\0';
  for (unsigned int attempt = 0; attempt < IDENTITY_ATTEMPTS; attempt++) {
    char name[IFNAMSIZ];
    struct link link;
    int error;

    identity_name (alias, attempt, name);
    error = link_find (net->route, name, &link);
    if (error == 0 && is_nic (&link, alias))
      error = link_remove (net->route, link.index) == 0 ? ENODEV : EBUSY;
    if (error == ENODEV && ret_name[0] == '\0')
      memcpy (ret_name, name, IFNAMSIZ);
    else if (error != 0 && error != ENODEV)
      return error;
  }
  return ret_name[0] == '\0' ? EEXIST : 0;
}

/* The port as it has to be. Until it is up nothing passes, so the order here does not matter. */
static int
set_port (struct net *net, const struct link *link, const struct net_request *request)
{
  int error = 0;

  if (link->master != request->bridge)
    error = link_set_master (net->route, link->index, request->bridge);
  if (error == 0)
    error = bridge_port_set (net->route, link->index, request->group == 0);
  if (error == 0)
    error = bridge_port_add_mac (net->route, link->index, request->mac);
  return error;
}

/* Whether the kernel shows what was asked for. */
static int
verify (struct net *net, const struct net_request *request, uint32_t index, bool up)
{
  struct link link;
  int error = link_get (net->route, index, &link);

  if (error != 0)
    return error;
  if (!is_nic (&link, request->alias) || link.master != request->bridge || !link.port.is_right ||
      link.port.isolated != (request->group == 0) || !link.makes_no_addresses ||
      (link.flags & IFF_NOARP) == 0 || ((link.flags & IFF_UP) != 0) != up)
    return EBADMSG;
  return 0;
}

/* From the first nic of a LAN on, what the host's addresses are is followed. */
static int
follow_addresses (struct net *net)
{
  if (net->addresses < 0)
    net->addresses = addresses_watch ();
  if (net->addresses < 0)
    return errno;
  (void)addresses_read (net->addresses);
  return addresses_refresh (&net->nft, net->route);
}

/*
 * Everything from a link that is down to one that is up. This order is what the program is for: the
 * filter first, then the bridge, then up, each seen in the kernel before the next.
 */
static int
bring_up (struct net *net,
          const struct net_request *request,
          const struct link *link,
          const char *bridge,
          struct outcome *ret)
{
  struct record record;
  int error;

  record_init (&record, request, link->name, bridge);
  error = link_dress (net->route, link->index, link->name, request->alias);
  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  error = filter_put (&net->nft, &record, request);
  if (error != 0)
    return fail (ret, NET_STEP_FILTER, error);
  error = set_port (net, link, request);
  if (error != 0)
    return fail (ret, NET_STEP_PORT, error);
  error = verify (net, request, link->index, false);
  if (error != 0)
    return fail (ret, NET_STEP_VERIFY, error);
  error = link_set_up (net->route, link->index, true);
  if (error != 0)
    return fail (ret, NET_STEP_PORT, error);
  error = verify (net, request, link->index, true);
  if (error != 0)
    return fail (ret, NET_STEP_VERIFY, error);
  if (!record.lan)
    forwarding_ensure ();
  ret->index = link->index;
  memcpy (ret->name, link->name, sizeof ret->name);
  return 0;
}

static int
make (struct net *net,
      const struct net_request *request,
      int namespace,
      const struct link *bridge,
      struct link *ret_link)
{
  char name[IFNAMSIZ];
  struct link_pair pair = {
    .name = name,
    .inside = request->inside,
    .inside_mac = request->mac,
    .namespace = namespace,
    .mtu = bridge->mtu,
    .inside_mtu = request->mtu != 0 && request->mtu < bridge->mtu ? request->mtu : bridge->mtu,
  };
  int error = choose_name (net, request->alias, name);

  if (error == 0)
    error = link_make (net->route, &pair);
  if (error == 0)
    error = link_find (net->route, name, ret_link);
  return error == 0 && !link_is_ours (ret_link) ? EBUSY : error;
}

static void
forget (struct net *net, const char *name)
{
  struct record record;

  if (filter_get (&net->nft, name, &record) == 0)
    (void)filter_drop (&net->nft, &record);
}

int
nic_attach (struct net *net, const struct net_request *request, int namespace, struct outcome *ret)
{
  struct link bridge;
  struct link link;
  int error = nic_check_namespace (namespace);

  if (error != 0)
    return fail (ret, NET_STEP_NAMESPACE, error);
  error = find_bridge (net, request->bridge, &bridge);
  if (error != 0)
    return fail (ret, NET_STEP_BRIDGE, error);
  error = filter_ensure (&net->nft);
  if (error == 0 && (request->flags & NET_FLAG_LAN) != 0)
    error = follow_addresses (net);
  if (error != 0)
    return fail (ret, NET_STEP_FILTER, error);
  error = make (net, request, namespace, &bridge, &link);
  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  error = bring_up (net, request, &link, bridge.name, ret);
  if (error != 0) {
    (void)link_remove (net->route, link.index);
    forget (net, link.name);
  }
  return error;
}

/*
 * Whether nothing is wrong with the link itself, so that nobody's connection stutters: rules and
 * elements can be put back without taking it down.
 */
static bool
is_right (struct net *net, const struct net_request *request, const struct record *expected, uint32_t index)
{
  struct record found;
  bool has_record;

  has_record = filter_get (&net->nft, expected->name, &found) == 0;
  /* Where it may go to is changed as it runs. */
  found.destinations = expected->destinations;
  return has_record && verify (net, request, index, true) == 0 && record_is_same (expected, &found);
}

static int
repair (struct net *net, const struct net_request *request, const struct link *link, struct outcome *ret)
{
  struct link bridge;
  struct record record;
  int error = find_bridge (net, request->bridge, &bridge);

  if (error != 0)
    return fail (ret, NET_STEP_BRIDGE, error);
  error = filter_ensure (&net->nft);
  if (error == 0 && (request->flags & NET_FLAG_LAN) != 0)
    error = follow_addresses (net);
  if (error != 0)
    return fail (ret, NET_STEP_FILTER, error);
  record_init (&record, request, link->name, bridge.name);
  if (is_right (net, request, &record, link->index)) {
    error = filter_put (&net->nft, &record, request);
    ret->index = link->index;
    memcpy (ret->name, link->name, sizeof ret->name);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  }
  error = link_set_up (net->route, link->index, false);
  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  return bring_up (net, request, link, bridge.name, ret);
}

int
nic_repair (struct net *net, const struct net_request *request, struct outcome *ret)
{
  struct link link;
  int error = find_nic (net, request->alias, &link);

  if (error != 0)
    return fail (ret, NET_STEP_LINK, error);
  error = repair (net, request, &link, ret);
  if (error != 0)
    (void)link_set_up (net->route, link.index, false);
  return error;
}

bool
nic_is_doomed (const struct net *net, uint32_t index)
{
  for (unsigned int i = 0; i < NET_N_DOOMED; i++)
    if (net->doomed[i] == index)
      return true;
  return false;
}

void
nic_spare (struct net *net, uint32_t index)
{
  for (unsigned int i = 0; i < NET_N_DOOMED; i++)
    if (net->doomed[i] == index)
      net->doomed[i] = 0;
}

int
nic_detach (struct net *net, const struct net_request *request, struct outcome *ret)
{
  uint64_t hash = identity_hash (request->alias);
  struct link link;
  int error = find_nic (net, request->alias, &link);

  if (error != 0 && error != ENODEV)
    return fail (ret, NET_STEP_LINK, error);
  if (error == 0) {
    ret->doomed = link.index;
    net->doomed[net->n_doomed++ % NET_N_DOOMED] = link.index;
  }
  /* First of all: what has no elements can send nothing. */
  for (unsigned int attempt = 0; attempt < IDENTITY_ATTEMPTS; attempt++) {
    char name[IFNAMSIZ];
    struct record record;

    identity_name (request->alias, attempt, name);
    error = filter_get (&net->nft, name, &record);
    if (error == 0 && record.hash == hash) {
      /* Ports lead to containers on the NAT bridge alone; on a LAN somebody may have chosen the address of one. */
      if (!record.lan)
        error = ports_drop (&net->nft, &net->holds, &record);
      if (error == 0)
        error = filter_drop (&net->nft, &record);
    }
    if (error != 0 && error != ENOENT) {
      /* Nobody comes back to a nic that was detached. */
      if (ret->doomed != 0 && link_remove (net->route, ret->doomed) != 0)
        nic_spare (net, ret->doomed);
      return fail (ret, NET_STEP_FILTER, error);
    }
  }
  return 0;
}
