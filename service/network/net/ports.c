/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared.h"

/* A port of the host, in a list of those that lead somewhere no more. */
struct port {
  uint8_t protocol;
  uint16_t number;
};

struct port_list {
  struct port *ports;
  size_t n;
};

static void
free_ports (struct port_list *list)
{
  free (list->ports);
}

#define AUTO_PORTS __attribute__ ((cleanup (free_ports))) struct port_list

/* Which ports to remove: those that lead to ADDRESS. */
struct removal {
  struct batch *batch;
  const uint8_t *address;
  size_t size;
  const struct element *only; /* the one of this key, or NULL: all */
  struct port_list *removed;
};

struct closing {
  struct nft *nft;
  struct nl_sock *route;
};

static const uint8_t none[16];

static const char *const maps[] = { "ports4", "ports6" };

/* Which elements of the maps have no hold, when they should be looked at. */
struct restoring {
  struct holds *holds;
  struct batch *batch;
  bool *all; /* whether each one has its hold now, or leads nowhere any more */
};

static uint8_t
get_protocol (const struct net_request *request)
{
  return (request->flags & NET_FLAG_UDP) != 0 ? IPPROTO_UDP : IPPROTO_TCP;
}

static struct element
port_element (uint8_t protocol, uint16_t port, const char *map)
{
  struct element element = { .table = TABLE_INET, .set = map };
  uint16_t network_port = htons (port);

  element_add_key (&element, &protocol, sizeof protocol);
  element_add_key (&element, &network_port, sizeof network_port);
  return element;
}

/* Each part of a key begins at a multiple of four bytes. */
static struct port
get_port (const struct element *element)
{
  struct port port = { .protocol = element->key[0] };
  uint16_t number;

  memcpy (&number, element->key + 4, sizeof number);
  port.number = ntohs (number);
  return port;
}

/* Lets go of the hold at INDEX if it is forwarded by none of the maps. */
static int
release_unused (struct nft *nft, struct holds *holds, size_t index)
{
  int error = ENOENT;

  for (size_t i = 0; i < sizeof maps / sizeof maps[0] && error == ENOENT; i++) {
    struct element element = port_element (holds->holds[index].protocol, holds->holds[index].port, maps[i]);

    error = element_get (nft, &element);
  }
  if (error == ENOENT)
    holds_release (holds, index);
  return error == ENOENT ? 0 : error;
}

/* The kernel is asked about PORT alone, however many are held. */
static int
release_port (struct nft *nft, struct holds *holds, const struct port *port)
{
  for (size_t i = 0; i < holds->n; i++)
    if (holds->holds[i].protocol == port->protocol && holds->holds[i].port == port->number)
      return release_unused (nft, holds, i);
  return 0;
}

/* Of all of LIST, also when one of them can not be looked up: that error is returned. */
static int
release_ports (struct nft *nft, struct holds *holds, const struct port_list *list)
{
  int error = 0;

  for (size_t i = 0; i < list->n; i++) {
    int failed = release_port (nft, holds, &list->ports[i]);

    error = error != 0 ? error : failed;
  }
  return error;
}

static int
note_port (struct port_list *list, struct port port)
{
  struct port *larger = reallocarray (list->ports, list->n + 1, sizeof *larger);

  if (larger == NULL)
    return ENOMEM;
  list->ports = larger;
  list->ports[list->n++] = port;
  return 0;
}

static int
remove_port (const struct element *element, void *data)
{
  struct removal *removal = data;

  if (element->value_size < removal->size || memcmp (element->value, removal->address, removal->size) != 0)
    return 0;
  if (removal->only != NULL && (removal->only->key_size != element->key_size ||
                                memcmp (removal->only->key, element->key, element->key_size) != 0))
    return 0;
  batch_change (removal->batch, CHANGE_DELETE, element);
  return note_port (removal->removed, get_port (element));
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
ports_drop (struct nft *nft, struct holds *holds, const struct record *record)
{
  AUTO_BATCH batch = { 0 };
  AUTO_PORTS removed = { 0 };
  struct removal removal4 = { &batch, record->address4, sizeof record->address4, NULL, &removed };
  struct removal removal6 = { &batch, record->address6, sizeof record->address6, NULL, &removed };
  int error;

  batch_begin (&batch, nft);
  error = write_removal (nft, &removal4);
  if (error == 0)
    error = write_removal (nft, &removal6);
  if (error == 0)
    error = batch_commit (&batch);
  return error != 0 ? error : release_ports (nft, holds, &removed);
}

/* What can not be held is no reason to serve nobody. A port that somebody else has leads nowhere any more; what the
   machine is short of says nothing about the port, which stays as it is for now. */
static int
hold_port (const struct element *element, void *data)
{
  const struct restoring *restoring = data;
  struct port port = get_port (element);
  int error = holds_take (restoring->holds, port.protocol, port.number);

  if (error == 0)
    return 0;
  if (error != EADDRINUSE && error != EACCES) {
    fprintf (stderr, "bothy-net: port %u leads to a container, but is not taken: %s\n", port.number,
             strerror (error));
    *restoring->all = false;
    return 0;
  }
  fprintf (stderr, "bothy-net: port %u leads to no container any more: %s\n", port.number,
           error == EADDRINUSE ? "a process of the host has it" : strerror (error));
  batch_change (restoring->batch, CHANGE_DELETE, element);
  return 0;
}

int
ports_restore (struct nft *nft, struct holds *holds, bool *ret_all)
{
  AUTO_BATCH batch = { 0 };
  struct restoring restoring = { holds, &batch, ret_all };
  int error = 0;

  *ret_all = true;
  for (size_t i = holds->n; i-- > 0 && error == 0;)
    error = release_unused (nft, holds, i);
  batch_begin (&batch, nft);
  for (size_t i = 0; i < sizeof maps / sizeof maps[0] && error == 0; i++)
    error = element_each (nft, TABLE_INET, maps[i], hold_port, &restoring);
  if (error == 0)
    error = batch_commit (&batch);
  if (error != 0)
    *ret_all = false;
  return error;
}

/*
 * What comes from the loopback is forwarded only when the bridge is told; and NetworkManager has to let pass
 * what
 * comes from outside.
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
  /* First add the bridge to the set "loopback": its rules (chain "martian") drop what strangers send to the
     host's loopback addresses, which the bridge routes from then on. */
  element_add_name (&element, bridge.name);
  batch_begin (&batch, nft);
  batch_change (&batch, CHANGE_ADD, &element);
  error = batch_commit (&batch);
  if (error == 0)
    error = link_open_loopback (route, index, true);
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
    (void)link_open_loopback (closing->route, bridge.index, false);
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
  struct element element = port_element (get_protocol (request), request->port, map);
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
ports_add (struct nft *nft, struct nl_sock *route, struct holds *holds, const struct net_request *request)
{
  AUTO_BATCH batch = { 0 };
  const struct port port = { get_protocol (request), request->port };
  int error;

  batch_begin (&batch, nft);
  error = write_port (nft, request, "ports4", request->address4, sizeof request->address4, &batch);
  if (error == 0)
    error = write_port (nft, request, "ports6", request->address6, sizeof request->address6, &batch);
  if (error == 0)
    error = holds_take (holds, port.protocol, port.number);
  if (error != 0)
    return error;
  if (request->bridge != 0)
    error = open_bridge (nft, route, request->bridge);
  if (error == 0)
    error = batch_commit (&batch);
  if (error != 0)
    (void)release_port (nft, holds, &port);
  return error;
}

int
ports_remove (struct nft *nft, struct holds *holds, const struct net_request *request)
{
  AUTO_BATCH batch = { 0 };
  struct element port = port_element (get_protocol (request), request->port, NULL);
  AUTO_PORTS removed = { 0 };
  struct removal removal4 = { &batch, request->address4, sizeof request->address4, &port, &removed };
  struct removal removal6 = { &batch, request->address6, sizeof request->address6, &port, &removed };
  int error;

  batch_begin (&batch, nft);
  error = write_removal (nft, &removal4);
  if (error == 0)
    error = write_removal (nft, &removal6);
  if (error == 0)
    error = batch_commit (&batch);
  return error != 0 ? error : release_ports (nft, holds, &removed);
}
