/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "holds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "activation.h"
#include "fd.h"

#define NAME_SIZE 48 /* "udp-65535-" and an address of IPv6, in hexadecimal: systemd takes no colon */

static size_t
address_size (const struct host_port *port)
{
  return port->family == 0 ? 0 : port->family == 4 ? 4 : 16;
}

bool
host_port_is_same (const struct host_port *a, const struct host_port *b)
{
  return a->protocol == b->protocol && a->number == b->number && a->family == b->family &&
         memcmp (a->address, b->address, sizeof a->address) == 0;
}

/* What systemd knows a socket by. */
static void
write_name (const struct host_port *port, char ret[NAME_SIZE])
{
  int length = snprintf (ret, NAME_SIZE, "%s-%u%s", port->protocol == IPPROTO_UDP ? "udp" : "tcp",
                         port->number, port->family == 0 ? "" : "-");

  for (size_t i = 0; i < address_size (port); i++)
    length += snprintf (ret + length, NAME_SIZE - (size_t)length, "%02x", port->address[i]);
}

struct hold *
holds_find (const struct holds *holds, const struct host_port *port)
{
  for (size_t i = 0; i < holds->n; i++)
    if (host_port_is_same (&holds->holds[i].port, port))
      return &holds->holds[i];
  return NULL;
}

static int
add (struct holds *holds, const struct hold *hold)
{
  struct hold *larger = reallocarray (holds->holds, holds->n + 1, sizeof *larger);

  if (larger == NULL)
    return ENOMEM;
  holds->holds = larger;
  holds->holds[holds->n++] = *hold;
  return 0;
}

/* The address of a socket. */
union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
};

/* The port and the address of ADDRESS into PORT; a socket of every address has none. */
static void
read_address (const union address *address, struct host_port *port)
{
  bool is_4 = address->any.sa_family == AF_INET;
  const void *bytes = is_4 ? (const void *)&address->in.sin_addr : (const void *)&address->in6.sin6_addr;
  static const uint8_t none[16];

  port->number = ntohs (is_4 ? address->in.sin_port : address->in6.sin6_port);
  if (memcmp (bytes, none, is_4 ? 4 : 16) == 0)
    return;
  port->family = is_4 ? 4 : 6;
  memcpy (port->address, bytes, address_size (port));
}

/* Whether FD is a socket like those of bind_port(), and which port it has. */
static bool
read_hold (int fd, struct hold *ret)
{
  union address address = { 0 };
  socklen_t size = sizeof address;
  int type, listens;
  socklen_t type_size = sizeof type, listens_size = sizeof listens;

  if (getsockname (fd, &address.any, &size) < 0 ||
      (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6) ||
      getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 ||
      getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) < 0)
    return false;
  *ret = (struct hold){ .port = { .protocol = type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP },
                        .fd = fd,
                        .listens = listens != 0,
                        .proxy = -1 };
  read_address (&address, &ret->port);
  return ret->port.number != 0;
}

void
holds_adopt (struct holds *holds)
{
  int first;
  unsigned int n = activation_stored (&first);
  struct hold hold;

  for (int fd = first; fd < first + (int)n; fd++)
    if (!read_hold (fd, &hold) || add (holds, &hold) != 0)
      close (fd);
}

/*
 * Of every address: one socket of IPv6 that also stands for IPv4 is in the way of every other, whether that is of one family
 * or of both, of all addresses or of one. Only where the kernel has no IPv6 it is one of IPv4.
 */
static int
open_any (const struct host_port *port, int type, union address *ret_address, int *ret_fd)
{
  int off = 0;

  *ret_fd = socket (AF_INET6, type | SOCK_CLOEXEC, 0);
  if (*ret_fd >= 0) {
    ret_address->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons (port->number) };
    return setsockopt (*ret_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0 ? errno : 0;
  }
  if (errno != EAFNOSUPPORT)
    return errno;
  *ret_fd = socket (AF_INET, type | SOCK_CLOEXEC, 0);
  ret_address->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons (port->number) };
  return *ret_fd < 0 ? errno : 0;
}

/* Of one address, which the host may get later: when the machine starts, and whenever a network comes back. */
static int
open_at (const struct host_port *port, int type, union address *ret_address, int *ret_fd)
{
  bool is_4 = port->family == 4;
  int on = 1;

  *ret_fd = socket (is_4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
  if (*ret_fd < 0)
    return errno;
  if (is_4) {
    ret_address->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons (port->number) };
    memcpy (&ret_address->in.sin_addr, port->address, 4);
    return setsockopt (*ret_fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) < 0 ? errno : 0;
  }
  ret_address->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons (port->number) };
  memcpy (&ret_address->in6.sin6_addr, port->address, 16);
  return setsockopt (*ret_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0 ||
                 setsockopt (*ret_fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on) < 0
             ? errno
             : 0;
}

/*
 * TCP is bound with SO_REUSEADDR, so that connections which ended a moment ago do not count. The option is taken back
 * at once: sockets may share a port only when all of them have it, so nobody can join ours.
 */
static int
bind_port (const struct host_port *port, int *ret_fd)
{
  /* A datagram that comes before the rules are there again is not kept for anybody. */
  struct sock_filter nothing = BPF_STMT (BPF_RET | BPF_K, 0);
  struct sock_fprog program = { 1, &nothing };
  int type = port->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
  int reuse = port->protocol == IPPROTO_TCP;
  int off = 0;
  union address address = { 0 };
  AUTO_FD fd = -1;
  int error = port->family == 0 ? open_any (port, type, &address, &fd) : open_at (port, type, &address, &fd);

  if (error != 0)
    return error;
  if (setsockopt (fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
      setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) < 0 ||
      bind (fd, &address.any, address.any.sa_family == AF_INET ? sizeof address.in : sizeof address.in6) <
          0 ||
      setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off) < 0)
    return errno;
  *ret_fd = fd;
  fd = -1;
  return 0;
}

int
holds_take (struct holds *holds, const struct host_port *port)
{
  struct hold hold = { .port = *port, .proxy = -1 };
  char name[NAME_SIZE];
  int error;

  if (holds_find (holds, port) != NULL)
    return 0;
  error = bind_port (port, &hold.fd);
  if (error != 0)
    return error;
  error = add (holds, &hold);
  if (error != 0) {
    close (hold.fd);
    return error;
  }
  write_name (port, name);
  activation_store (name, hold.fd);
  return 0;
}

static void
close_hold (const struct hold *hold)
{
  close (hold->fd);
  if (hold->proxy >= 0)
    close (hold->proxy);
}

void
holds_release (struct holds *holds, size_t index)
{
  char name[NAME_SIZE];

  /* systemd has the socket as well, so closing it alone ends neither what is told of it nor that it listens. */
  if (holds->knocks >= 0)
    (void)epoll_ctl (holds->knocks, EPOLL_CTL_DEL, holds->holds[index].fd, NULL);
  if (holds->holds[index].listens)
    (void)shutdown (holds->holds[index].fd, SHUT_RD);
  /* First there: as long as systemd has the socket, the port is taken. */
  write_name (&holds->holds[index].port, name);
  activation_discard (name);
  close_hold (&holds->holds[index]);
  holds->holds[index] = holds->holds[--holds->n];
}

void
holds_close (struct holds *holds)
{
  for (size_t i = 0; i < holds->n; i++)
    close_hold (&holds->holds[i]);
  if (holds->knocks >= 0)
    close (holds->knocks);
  free (holds->holds);
  *holds = (struct holds){ .knocks = -1 };
}
