/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addresses.h"
#include "connections.h"
#include "filter.h"
#include "find.h"
#include "firewall.h"
#include "guard.h"
#include "knocks.h"
#include "nic.h"
#include "ports.h"
#include "privilege.h"
#include "request.h"
#include "tidy.h"

#define IDLE_MS  30000
#define RETRY_MS 1000 /* after rules were lost, and there was no way to look */
#define MAX_FDS  1
#define MAX_SIZE (sizeof (struct net_request) + NET_MAX_DESTINATIONS * sizeof (struct net_destination))

/* A request as it came off the socket. */
struct packet {
  union {
    struct net_request request;
    char bytes[MAX_SIZE];
  };
  int fds[MAX_FDS];
  struct wire wire;
};

static void
close_packet (struct packet *packet)
{
  for (unsigned int i = 0; i < packet->wire.n_fds; i++)
    close (packet->fds[i]);
}

static void
free_text (struct outcome *outcome)
{
  free (outcome->text);
}

static int
open_net (struct net *net)
{
  int error = 0;

  if (!net->is_open) {
    if (net->route == NULL)
      net->route = netlink_open (NETLINK_ROUTE);
    error = net->route == NULL ? errno : nft_open (&net->nft);
    net->is_open = error == 0;
  }
  return error != 0 || net->is_restored ? error : ports_restore (&net->nft, &net->holds, &net->is_restored);
}

static int
act (struct net *net, const struct packet *packet, struct outcome *ret)
{
  const struct net_request *request = &packet->request;
  int error = open_net (net);

  if (error != 0)
    return fail (ret, NET_STEP_FILTER, error);
  switch ((enum net_op)request->op) {
  case NET_ATTACH:
    return nic_attach (net, request, packet->fds[0], ret);
  case NET_DETACH:
    return nic_detach (net, request, ret);
  case NET_REPAIR:
    return nic_repair (net, request, ret);
  case NET_FIND:
    return nic_find (net, request, packet->fds[0], ret);
  case NET_LIST:
    return tidy_list (net, ret);
  case NET_TIDY:
    return tidy_up (net, ret);
  case NET_EXAMINE:
    return firewall_examine (net, ret);
  case NET_OPEN_FIREWALLS:
    return firewall_open (net, ret);
  case NET_PUBLISH:
    error = filter_ensure (&net->nft);
    if (error == 0)
      error = ports_add (&net->nft, net->route, &net->holds, request);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  case NET_UNPUBLISH:
    error = ports_remove (&net->nft, &net->holds, request);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  case NET_LISTEN:
    /* The tables have the kernel remember connections: of one that it does not know, it would take the next packet for the
       first, and lead it to the container that the port leads to by then. */
    error = filter_ensure (&net->nft);
    if (error == 0)
      error = ports_listen (&net->nft, &net->holds, request);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  case NET_UNLISTEN:
    error = ports_unlisten (&net->nft, &net->holds, request);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  }
  return fail (ret, NET_STEP_REQUEST, EINVAL);
}

/* The server never waits for a reader: a broker that does not read gets no reply. Returns whether it was sent. */
static bool
reply (int connection, uint32_t serial, int error, const struct outcome *outcome)
{
  struct net_reply message = {
    .version = NET_PROTOCOL_VERSION, .serial = serial, .error = error, .step = error == 0 ? 0 : outcome->step
  };
  struct iovec parts[2] = { { &message, sizeof message }, { outcome->text, outcome->text_size } };
  struct msghdr header = { .msg_iov = parts, .msg_iovlen = outcome->text_size > 0 ? 2 : 1 };
  int size = (int)(sizeof message + outcome->text_size) * 2 + 65536;

  if (error == 0) {
    message.index = outcome->index;
    memcpy (message.name, outcome->name, sizeof message.name);
    message.text_size = (uint32_t)outcome->text_size;
  }
  /* A list of many nics is more than a socket takes at once unless it is told to. */
  if (outcome->text_size > 0)
    setsockopt (connection, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  return sendmsg (connection, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/*
 * Removing a link takes the kernel tens of milliseconds, most of it without any lock: nobody else
 * should wait so long. What removes it has netlink sockets of its own, and replies.
 */
static int
remove_link (struct net *net, int connection, uint32_t serial, struct outcome *outcome)
{
  pid_t pid = fork ();
  struct nl_sock *route;
  int error;

  if (pid > 0)
    return EINPROGRESS;
  if (pid == 0)
    holds_close (&net->holds);
  route = netlink_open (NETLINK_ROUTE);
  error = route == NULL ? errno : link_remove (route, outcome->doomed);
  /* The container ended meanwhile, and its namespace took the link along. */
  if (error == ENODEV)
    error = 0;
  if (error != 0)
    outcome->step = NET_STEP_LINK;
  if (pid == 0) {
    (void)reply (connection, serial, error, outcome);
    _exit (EXIT_SUCCESS);
  }
  netlink_free_socket (&route);
  if (error != 0)
    nic_spare (net, outcome->doomed);
  return error;
}

/* Returns whether the connection is still there. */
static bool
serve (void *data, int connection)
{
  __attribute__ ((cleanup (close_packet))) struct packet packet = { 0 };
  __attribute__ ((cleanup (free_text))) struct outcome outcome = { 0 };
  int result;
  int error;

  packet.wire = (struct wire){
    .data = packet.bytes, .capacity = sizeof packet.bytes, .fds = packet.fds, .max_fds = MAX_FDS
  };
  result = wire_receive (connection, &packet.wire);
  if (result == -EAGAIN)
    return true;
  if (result <= 0)
    return false;
  error = request_check (&packet.request, &packet.wire);
  if (error != 0)
    outcome.step = NET_STEP_REQUEST;
  else
    error = act (data, &packet, &outcome);
  if (error == 0 && outcome.doomed != 0)
    error = remove_link (data, connection, packet.request.serial, &outcome);
  if (error != EINPROGRESS)
    (void)reply (connection, packet.wire.size >= 8 ? packet.request.serial : 0, error, &outcome);
  return true;
}

/* Whose ticket it is knows what to do; to all others it says nothing. Nobody is told twice, so who can not be told is cut off,
   and asks for everything anew. */
static void
tell_of_knocks (const struct connections *connections, struct net *net)
{
  struct outcome outcome = { 0 };

  while (knocks_read (&net->holds, &outcome.index))
    for (unsigned int i = 0; i < connections->n; i++)
      if (!reply (connections->fds[i], 0, 0, &outcome))
        (void)shutdown (connections->fds[i], SHUT_RDWR);
}

static bool
has_request (int connection)
{
  struct pollfd ready = { .fd = connection, .events = POLLIN };

  return poll (&ready, 1, 0) > 0;
}

/* Not before what was asked is answered: a container that is just being started would go without network. */
static void
cut_off (int connection, struct net *net)
{
  while (has_request (connection) && serve (net, connection))
    ;
  close (connection);
}

/* Who is cut off looks after all nics when he comes back. */
static void
watch_rules (struct connections *connections, struct net *net)
{
  unsigned int lost;

  net->lost |= guard_read (net->guard, nft_port (&net->nft));
  if (net->lost == 0 || open_net (net) != 0)
    return;
  lost = net->lost;
  net->lost = 0;
  if (!guard_check (net, lost))
    return;
  /* Who can not come back asks by himself. */
  while (connections->listening >= 0 && connections->n > 0)
    cut_off (connections->fds[--connections->n], net);
}

/* Returns whether there may be more to do. */
static bool
wait_and_serve (struct connections *connections, struct net *net)
{
  struct pollfd polls[CONNECTIONS_POLLS + 3];
  /* Ports are held as long as they lead to a container. */
  int timeout = connections->n == 0 && net->holds.n == 0 ? IDLE_MS : -1;
  int n_ready;

  if (connections->n == 0 && connections->listening < 0)
    return false;
  connections_watch (connections, true, polls);
  polls[CONNECTIONS_POLLS] = (struct pollfd){ .fd = net->guard, .events = POLLIN };
  polls[CONNECTIONS_POLLS + 1] = (struct pollfd){ .fd = net->addresses, .events = POLLIN };
  polls[CONNECTIONS_POLLS + 2] = (struct pollfd){ .fd = net->holds.knocks, .events = POLLIN };
  n_ready = poll (polls, CONNECTIONS_POLLS + 3, net->lost != 0 ? RETRY_MS : timeout);
  if (n_ready < 0)
    return errno == EINTR;
  if (polls[CONNECTIONS_POLLS + 1].revents != 0 && addresses_read (net->addresses))
    (void)addresses_refresh (&net->nft, net->route);
  if (polls[CONNECTIONS_POLLS + 2].revents != 0)
    tell_of_knocks (connections, net);
  connections_serve (connections, polls, serve, net);
  if (polls[CONNECTIONS_POLLS].revents != 0 || net->lost != 0) {
    watch_rules (connections, net);
    return true;
  }
  return n_ready > 0;
}

int
server_run (struct connections *connections)
{
  struct net net = { .addresses = -1, .holds = { .knocks = -1 } };
  /* Without one of them the steps that need it say so; who asked waits for an answer. */
  const uint64_t wanted = CAPABILITY (CAP_NET_ADMIN) | CAPABILITY (CAP_NET_BIND_SERVICE);
  int error = privilege_reduce (wanted & privilege_permitted (), 0);

  if (error == 0 && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    error = errno;
  if (error != 0) {
    fprintf (stderr, "bothy-net: %s\n", strerror (error));
    return EXIT_FAILURE;
  }
  /* The kernel reaps what removes links. */
  signal (SIGCHLD, SIG_IGN);
  if (connections->listening >= 0)
    holds_adopt (&net.holds);
  net.guard = guard_open ();
  while (wait_and_serve (connections, &net))
    ;
  if (net.guard >= 0)
    close (net.guard);
  if (net.addresses >= 0)
    close (net.addresses);
  holds_close (&net.holds);
  nft_close (&net.nft);
  netlink_free_socket (&net.route);
  return EXIT_SUCCESS;
}
