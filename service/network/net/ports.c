/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "filter.h"
#include "listeners.h"
#include "shared.h"

/* Which ports to remove: those that lead to ADDRESS. */
struct removal {
  struct batch *batch;
  const uint8_t *address;
  size_t size;
  const struct element *only; /* the one of this key, or NULL: all */
};

struct closing {
  struct nft *nft;
  struct nl_sock *route;
};

static const uint8_t none[16];

static uint8_t
get_protocol (const struct net_request *request)
{
  return (request->flags & NET_FLAG_UDP) != 0 ? IPPROTO_UDP : IPPROTO_TCP;
}

static struct element
port_element (const struct net_request *request, const char *map)
{
  struct element element = { .table = TABLE_INET, .set = map };
  uint8_t protocol = get_protocol (request);
  uint16_t port = htons (request->port);

  element_add_key (&element, &protocol, sizeof protocol);
  element_add_key (&element, &port, sizeof port);
  return element;
}

static int
remove_port (const struct element *element, void *data)
{
  const struct removal *removal = data;

  if (element->value_size < removal->size || memcmp (element->value, removal->address, removal->size) != 0)
    return 0;
  if (removal->only != NULL && (removal->only->key_size != element->key_size ||
                                memcmp (removal->only->key, element->key, element->key_size) != 0))
    return 0;
  batch_change (removal->batch, CHANGE_DELETE, element);
  return 0;
}

/* Of the map of ADDRESS' family, which SIZE tells. */
static int
write_removal (struct nft *nft, struct removal *removal)
{
  const char *map = removal->size == 4 ? "ports4" : "ports6";

  if (memcmp (removal->address, none, removal->size) == 0)
    return 0;
  return element_each (nft, TABLE_INET, map, remove_port, removal);
}

int
ports_write_removal (struct nft *nft, const struct record *record, struct batch *batch)
{
  struct removal removal4 = { batch, record->address4, sizeof record->address4, NULL };
  struct removal removal6 = { batch, record->address6, sizeof record->address6, NULL };
  int error = write_removal (nft, &removal4);

  return error != 0 ? error : write_removal (nft, &removal6);
}

/*
 * Through the loopback only IPv4 can be forwarded, and only when the bridge is told; and
 * NetworkManager has to let pass what comes from outside.
 */
static int
open_bridge (struct nft *nft, struct nl_sock *route, uint32_t index)
{
  AUTO_BATCH batch = { 0 };
  struct element element = { .table = TABLE_INET, .set = "loopback" };
  struct link bridge;
  int error = link_get (route, index, &bridge);

  if (error != 0)
    return error;
  if (strcmp (bridge.kind, "bridge") != 0)
    return EINVAL;
  /* The rules against strangers who would use it first. */
  element_add_name (&element, bridge.name);
  batch_begin (&batch, nft);
  batch_change (&batch, CHANGE_ADD, &element);
  error = batch_commit (&batch);
  if (error == 0)
    error = link_set_route_localnet (route, index, true);
  return error != 0 ? error : shared_open (nft, bridge.name);
}

static int
close_bridge (const struct element *element, void *data)
{
  struct closing *closing = data;
  struct link bridge;
  char name[IFNAMSIZ] = { 0 };

  memcpy (name, element->key, sizeof name - 1);
  if (link_find (closing->route, name, &bridge) == 0)
    (void)link_set_route_localnet (closing->route, bridge.index, false);
  return shared_close (closing->nft, name);
}

int
ports_close (struct nft *nft, struct nl_sock *route)
{
  struct closing closing = { nft, route };

  return element_each (nft, TABLE_INET, "loopback", close_bridge, &closing);
}

/* Adds to BATCH what is not there yet. */
static int
write_port (struct nft *nft,
            const struct net_request *request,
            const char *map,
            const uint8_t *address,
            size_t size,
            struct batch *batch)
{
  struct element element = port_element (request, map);
  struct element there = element;
  uint16_t inside_port = htons (request->inside_port);
  int error;

  if (memcmp (address, none, size) == 0)
    return 0;
  element_add_value (&element, address, size);
  element_add_value (&element, &inside_port, sizeof inside_port);
  error = element_get (nft, &there);
  if (error == ENOENT)
    batch_change (batch, CHANGE_CREATE, &element);
  if (error != 0)
    return error == ENOENT ? 0 : error;
  return there.value_size == element.value_size &&
                 memcmp (there.value, element.value, element.value_size) == 0
             ? 0
             : EEXIST;
}

int
ports_add (struct nft *nft, struct nl_sock *route, const struct net_request *request)
{
  AUTO_BATCH batch = { 0 };
  int error = filter_ensure (nft);

  if (error != 0)
    return error;
  batch_begin (&batch, nft);
  error = write_port (nft, request, "ports4", request->address4, sizeof request->address4, &batch);
  if (error == 0)
    error = write_port (nft, request, "ports6", request->address6, sizeof request->address6, &batch);
  /* Asked when it is new: later nobody is disturbed by a process that can't be reached any more. */
  if (error == 0 && batch.n_changes > 0)
    error = listeners_check (get_protocol (request), request->port);
  if (error == 0 && request->bridge != 0)
    error = open_bridge (nft, route, request->bridge);
  return error != 0 ? error : batch_commit (&batch);
}

int
ports_remove (struct nft *nft, const struct net_request *request)
{
  AUTO_BATCH batch = { 0 };
  struct element port = port_element (request, NULL);
  struct removal removal4 = { &batch, request->address4, sizeof request->address4, &port };
  struct removal removal6 = { &batch, request->address6, sizeof request->address6, &port };
  int error;

  batch_begin (&batch, nft);
  error = write_removal (nft, &removal4);
  if (error == 0)
    error = write_removal (nft, &removal6);
  return error != 0 ? error : batch_commit (&batch);
}
