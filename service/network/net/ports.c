/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "knocks.h"
#include "proxy.h"
#include "shared.h"

#define MAX_PROXIES 32 /* for one user's containers: each is a process of the machine's */

/* Ports that lead somewhere no more. */
struct port_list {
  struct host_port *ports;
  size_t n;
};

static void
free_ports (struct port_list *list)
{
  free (list->ports);
}

#define AUTO_PORTS __attribute__ ((cleanup (free_ports))) struct port_list

/* Which ports to remove: those that lead to ADDRESS4 or ADDRESS6. */
struct removal {
  struct batch *batch;
  const uint8_t *address4;
  const uint8_t *address6;
  const struct host_port *only; /* this one, or NULL: all */
  struct port_list *removed;
};

struct closing {
  struct nft *nft;
  struct nl_sock *route;
};

static const uint8_t none[16];

/* Where ports lead to: addresses of the host that keys begin with (HOST_FAMILY, 0: none), and those of nics. */
static const struct port_map {
  const char *name;
  uint8_t host_family;
  uint8_t family;
} maps[] = { { "ports4", 0, 4 }, { "ports6", 0, 6 }, { "at4", 4, 4 }, { "at6", 6, 6 } };

#define N_MAPS (sizeof maps / sizeof maps[0])

/* Which elements of the maps have no hold, when they should be looked at. */
struct restoring {
  struct holds *holds;
  struct batch *batch;
  bool *all; /* whether each one has its hold now, or leads nowhere any more */
};

static struct host_port
read_request (const struct net_request *request)
{
  struct host_port port = { .protocol = (request->flags & NET_FLAG_UDP) != 0 ? IPPROTO_UDP : IPPROTO_TCP,
                            .family = request->host_family,
                            .number = request->port };

  memcpy (port.address, request->host_address, sizeof port.address);
  return port;
}

static size_t
size_of (uint8_t family)
{
  return family == 0 ? 0 : family == 4 ? 4 : 16;
}

static struct element
port_element (const struct host_port *port, const struct port_map *map)
{
  struct element element = { .table = TABLE_INET, .set = map->name };
  uint16_t network_port = htons (port->number);

  if (map->host_family != 0)
    element_add_key (&element, port->address, size_of (map->host_family));
  element_add_key (&element, &port->protocol, sizeof port->protocol);
  element_add_key (&element, &network_port, sizeof network_port);
  return element;
}

static const struct port_map *
find_map (const struct element *element)
{
  size_t i = 0;

  while (i < N_MAPS - 1 && strcmp (maps[i].name, element->set) != 0)
    i++;
  return &maps[i];
}

/* Each part of a key begins at a multiple of four bytes. */
static struct host_port
get_port (const struct element *element)
{
  struct host_port port = { .family = find_map (element)->host_family };
  size_t size = size_of (port.family);
  uint16_t number;

  memcpy (port.address, element->key, size);
  port.protocol = element->key[size];
  memcpy (&number, element->key + size + 4, sizeof number);
  port.number = ntohs (number);
  return port;
}

/* Lets go of the hold at INDEX if it is forwarded by none of the maps, and nobody asked for it. One that listens is one that
   somebody asked a former bothy-net for. */
static int
release_unused (struct nft *nft, struct holds *holds, size_t index)
{
  const struct host_port *port = &holds->holds[index].port;
  int error = ENOENT;

  if (holds->holds[index].asker != 0 || holds->holds[index].listens)
    return 0;
  for (size_t i = 0; i < N_MAPS && error == ENOENT; i++) {
    struct element element = port_element (port, &maps[i]);

    if (maps[i].host_family == port->family)
      error = element_get (nft, &element);
  }
  if (error == ENOENT)
    holds_release (holds, index);
  return error == ENOENT ? 0 : error;
}

/* The kernel is asked about PORT alone, however many are held. */
static int
release_port (struct nft *nft, struct holds *holds, const struct host_port *port)
{
  for (size_t i = 0; i < holds->n; i++)
    if (host_port_is_same (&holds->holds[i].port, port))
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
note_port (struct port_list *list, const struct host_port *port)
{
  struct host_port *larger = reallocarray (list->ports, list->n + 1, sizeof *larger);

  if (larger == NULL)
    return ENOMEM;
  list->ports = larger;
  list->ports[list->n++] = *port;
  return 0;
}

static int
remove_port (const struct element *element, void *data)
{
  struct removal *removal = data;
  const struct host_port port = get_port (element);
  bool is_4 = find_map (element)->family == 4;
  const uint8_t *address = is_4 ? removal->address4 : removal->address6;
  size_t size = is_4 ? 4 : 16;

  if (memcmp (address, none, size) == 0 || element->value_size < size ||
      memcmp (element->value, address, size) != 0 ||
      (removal->only != NULL && !host_port_is_same (removal->only, &port)))
    return 0;
  batch_change (removal->batch, CHANGE_DELETE, element);
  return note_port (removal->removed, &port);
}

static int
remove_ports (struct nft *nft,
              struct holds *holds,
              const uint8_t *address4,
              const uint8_t *address6,
              const struct host_port *only)
{
  AUTO_BATCH batch = { 0 };
  AUTO_PORTS removed = { 0 };
  struct removal removal = { &batch, address4, address6, only, &removed };
  int error = 0;

  batch_begin (&batch, nft);
  for (size_t i = 0; i < N_MAPS && error == 0; i++)
    error = element_each (nft, TABLE_INET, maps[i].name, remove_port, &removal);
  if (error == 0)
    error = batch_commit (&batch);
  return error != 0 ? error : release_ports (nft, holds, &removed);
}

int
ports_drop (struct nft *nft, struct holds *holds, const struct record *record)
{
  return remove_ports (nft, holds, record->address4, record->address6, NULL);
}

/* What can not be held is no reason to serve nobody. A port that somebody else has leads nowhere any more; what the
   machine is short of says nothing about the port, which stays as it is for now. */
static int
hold_port (const struct element *element, void *data)
{
  const struct restoring *restoring = data;
  struct host_port port = get_port (element);
  int error = holds_take (restoring->holds, &port);

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
  for (size_t i = 0; i < N_MAPS && error == 0; i++)
    error = element_each (nft, TABLE_INET, maps[i].name, hold_port, &restoring);
  if (error == 0)
    error = batch_commit (&batch);
  if (error != 0)
    *ret_all = false;
  return error;
}

/* ---- until there is a container to lead to ---- */

/* What was handed over to a container that ran before ends. */
static void
end_proxy (struct hold *hold)
{
  if (hold->proxy >= 0)
    close (hold->proxy);
  hold->proxy = -1;
}

int
ports_listen (struct nft *nft, struct holds *holds, const struct net_request *request)
{
  const struct host_port port = read_request (request);
  int error = holds_take (holds, &port);
  struct hold *hold = error == 0 ? holds_find (holds, &port) : NULL;

  if (hold == NULL)
    return error;
  end_proxy (hold);
  hold->ticket = request->ticket;
  if ((request->flags & NET_FLAG_PAUSED) != 0)
    knocks_pause (holds, hold);
  else
    error = knocks_listen (holds, hold);
  hold->asker = error == 0 ? request->asker : 0;
  if (error != 0)
    (void)release_port (nft, holds, &port);
  return error;
}

static int
stop_listening (struct nft *nft, struct holds *holds, size_t index)
{
  knocks_pause (holds, &holds->holds[index]);
  holds->holds[index].asker = 0;
  return release_unused (nft, holds, index);
}

int
ports_unlisten (struct nft *nft, struct holds *holds, const struct net_request *request)
{
  const struct host_port port = read_request (request);
  int error = 0;

  /* From the end: letting go of one moves the last into its place. */
  for (size_t i = holds->n; i-- > 0;) {
    const struct hold *hold = &holds->holds[i];
    /* By the ticket as well: whoever it was asked for may have lost the port, and somebody else have asked for it. */
    bool is_meant =
        request->port != 0
            ? host_port_is_same (&hold->port, &port) &&
                  (hold->asker == 0 || (hold->asker == request->asker && hold->ticket == request->ticket))
            : hold->asker != request->asker;
    int failed = is_meant && (hold->asker != 0 || hold->listens) ? stop_listening (nft, holds, i) : 0;

    error = error != 0 ? error : failed;
  }
  return error;
}

/* ---- */

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
            const struct host_port *port,
            const struct port_map *map,
            struct batch *batch)
{
  struct element element = port_element (port, map);
  struct element there = element;
  const uint8_t *address = map->family == 4 ? request->address4 : request->address6;
  uint16_t inside_port = htons (request->inside_port);
  int error;

  if (map->host_family != port->family || memcmp (address, none, size_of (map->family)) == 0)
    return 0;
  element_add_value (&element, address, size_of (map->family));
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

/* Whether OWNER, whose containers were connected to, may have one proxy more. */
static bool
may_have_more (const struct holds *holds, uint32_t owner)
{
  unsigned int n = 0;

  for (size_t i = 0; i < holds->n; i++)
    n += holds->holds[i].owner == owner && proxy_is_there (holds->holds[i].proxy);
  return n < MAX_PROXIES;
}

/* It leads to its container now: who waits at HOLD is brought there, and nobody is waited for any more. */
static void
hand_over (struct holds *holds, struct hold *hold, const struct net_request *request)
{
  int connections[KNOCKS_MAX];
  unsigned int n = hold->listens ? knocks_take (hold, connections) : 0;

  knocks_pause (holds, hold);
  hold->asker = 0;
  if (n > 0) {
    end_proxy (hold);
    hold->owner = request->owner;
    errno = EDQUOT;
    if (may_have_more (holds, request->owner))
      hold->proxy = proxy_start (holds, connections, n, request);
    if (hold->proxy < 0)
      fprintf (stderr, "bothy-net: connections that waited at port %u are refused: %s\n", hold->port.number,
               strerror (errno));
  }
  while (n > 0)
    close (connections[--n]);
}

int
ports_add (struct nft *nft, struct nl_sock *route, struct holds *holds, const struct net_request *request)
{
  AUTO_BATCH batch = { 0 };
  const struct host_port port = read_request (request);
  int error = 0;

  batch_begin (&batch, nft);
  for (size_t i = 0; i < N_MAPS && error == 0; i++)
    error = write_port (nft, request, &port, &maps[i], &batch);
  if (error == 0)
    error = holds_take (holds, &port);
  if (error != 0)
    return error;
  if (request->bridge != 0)
    error = open_bridge (nft, route, request->bridge);
  if (error == 0)
    error = batch_commit (&batch);
  if (error != 0)
    (void)release_port (nft, holds, &port);
  else
    hand_over (holds, holds_find (holds, &port), request);
  return error;
}

int
ports_remove (struct nft *nft, struct holds *holds, const struct net_request *request)
{
  const struct host_port port = read_request (request);

  return remove_ports (nft, holds, request->address4, request->address6, &port);
}
