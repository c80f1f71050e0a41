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

#include "find.h"
#include "firewall.h"
#include "nic.h"
#include "ports.h"
#include "privilege.h"
#include "request.h"
#include "tidy.h"

#define MAX_CONNECTIONS 8
#define IDLE_MS         30000
#define MAX_FDS         1
#define MAX_SIZE        (sizeof (struct net_request) + NET_MAX_DESTINATIONS * sizeof (struct net_destination))

struct server {
  int listening; /* -1: serve one connection only */
  int connections[MAX_CONNECTIONS];
  unsigned int n_connections;
  struct net net;
};

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
  if (net->route == NULL)
    net->route = netlink_open (NETLINK_ROUTE);
  return net->route == NULL ? errno : nft_open (&net->nft);
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
  case NET_PUBLISH:
    error = ports_add (&net->nft, net->route, request);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  case NET_UNPUBLISH:
    error = ports_remove (&net->nft, request);
    return error != 0 ? fail (ret, NET_STEP_FILTER, error) : 0;
  }
  return fail (ret, NET_STEP_REQUEST, EINVAL);
}

/* The server never waits for a reader: a broker that does not read gets no reply. */
static void
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
  (void)sendmsg (connection, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * Removing a link takes the kernel tens of milliseconds, most of it without any lock: nobody else
 * should wait so long. What removes it has netlink sockets of its own, and replies.
 */
static int
remove_link (int connection, uint32_t serial, struct outcome *outcome)
{
  pid_t pid = fork ();
  struct nl_sock *route;
  int error;

  if (pid > 0)
    return EINPROGRESS;
  route = netlink_open (NETLINK_ROUTE);
  error = route == NULL ? errno : link_remove (route, outcome->doomed);
  /* The container ended meanwhile, and its namespace took the link along. */
  if (error == ENODEV)
    error = 0;
  if (error != 0)
    outcome->step = NET_STEP_LINK;
  if (pid == 0) {
    reply (connection, serial, error, outcome);
    _exit (EXIT_SUCCESS);
  }
  netlink_free_socket (&route);
  return error;
}

/* Returns whether the connection is still there. */
static bool
serve (struct server *server, int connection)
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
    error = act (&server->net, &packet, &outcome);
  if (error == 0 && outcome.doomed != 0)
    error = remove_link (connection, packet.request.serial, &outcome);
  if (error != EINPROGRESS)
    reply (connection, packet.wire.size >= 8 ? packet.request.serial : 0, error, &outcome);
  return true;
}

static void
accept_connection (struct server *server)
{
  int connection = accept4 (server->listening, NULL, NULL, SOCK_CLOEXEC);

  if (connection < 0)
    return;
  if (!wire_peer_is_root (connection) || server->n_connections == MAX_CONNECTIONS) {
    close (connection);
    return;
  }
  server->connections[server->n_connections++] = connection;
}

static void
drop_connection (struct server *server, unsigned int index)
{
  close (server->connections[index]);
  server->connections[index] = server->connections[--server->n_connections];
}

/* Returns whether there may be more to do. */
static bool
wait_and_serve (struct server *server)
{
  struct pollfd polls[1 + MAX_CONNECTIONS];
  unsigned int n = server->n_connections;
  int n_ready;

  if (n == 0 && server->listening < 0)
    return false;
  polls[0] = (struct pollfd){ .fd = server->listening, .events = POLLIN };
  for (unsigned int i = 0; i < n; i++)
    polls[1 + i] = (struct pollfd){ .fd = server->connections[i], .events = POLLIN };
  n_ready = poll (polls, 1 + n, n == 0 ? IDLE_MS : -1);
  if (n_ready < 0)
    return errno == EINTR;
  /* From the end: dropping one moves the last into its place. */
  for (unsigned int i = n; i-- > 0;)
    if (polls[1 + i].revents != 0 && !serve (server, server->connections[i]))
      drop_connection (server, i);
  if (polls[0].revents != 0)
    accept_connection (server);
  return n_ready > 0;
}

static int
run (struct server *server)
{
  int error = privilege_reduce (CAPABILITY (CAP_NET_ADMIN), 0);

  if (error == 0 && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    error = errno;
  if (error != 0) {
    fprintf (stderr, "bothy-net: %s\n", strerror (error));
    return EXIT_FAILURE;
  }
  /* The kernel reaps what removes links. */
  signal (SIGCHLD, SIG_IGN);
  while (wait_and_serve (server))
    ;
  nft_close (&server->net.nft);
  netlink_free_socket (&server->net.route);
  return EXIT_SUCCESS;
}

int
server_listen (int listening)
{
  struct server server = { .listening = listening };

  return run (&server);
}

int
server_connection (int connection)
{
  struct server server = { .listening = -1, .connections = { connection }, .n_connections = 1 };

  if (!wire_peer_is_root (connection)) {
    fprintf (stderr, "bothy-net: the other end of the connection is not root's\n");
    return EXIT_FAILURE;
  }
  return run (&server);
}
