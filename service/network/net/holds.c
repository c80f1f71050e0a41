/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "holds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "activation.h"
#include "fd.h"

#define NAME_SIZE 16 /* "udp-65535" */

/* What systemd knows a socket by. */
static void
write_name (const struct hold *hold, char ret[NAME_SIZE])
{
  snprintf (ret, NAME_SIZE, "%s-%u", hold->protocol == IPPROTO_UDP ? "udp" : "tcp", hold->port);
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

/* Whether FD is a socket like those of bind_port(), and which port it has. */
static bool
read_hold (int fd, struct hold *ret)
{
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } address = { 0 };
  socklen_t size = sizeof address;
  int type;
  socklen_t type_size = sizeof type;

  if (getsockname (fd, &address.any, &size) < 0 ||
      (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6) ||
      getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0)
    return false;
  *ret = (struct hold){ .protocol = type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP,
                        .port = ntohs (address.any.sa_family == AF_INET ? address.in.sin_port
                                                                        : address.in6.sin6_port),
                        .fd = fd };
  return ret->port != 0;
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
 * One socket of IPv6 that also stands for IPv4 is in the way of every other, whether that is of one family or of both,
 * of all addresses or of one. Only where the kernel has no IPv6 it is one of IPv4.
 *
 * TCP is bound with SO_REUSEADDR, so that connections which ended a moment ago do not count. The option is taken back
 * at once: sockets may share a port only when all of them have it, so nobody can join ours.
 */
static int
bind_port (uint8_t protocol, uint16_t port, int *ret_fd)
{
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons (port) };
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (port) };
  /* A datagram that comes before the rules are there again is not kept for anybody. */
  struct sock_filter nothing = BPF_STMT (BPF_RET | BPF_K, 0);
  struct sock_fprog program = { 1, &nothing };
  int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
  int reuse = protocol == IPPROTO_TCP;
  int off = 0;
  int result;
  AUTO_FD fd = socket (AF_INET6, type | SOCK_CLOEXEC, 0);

  if (fd >= 0) {
    if (setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
      return errno;
  } else if (errno == EAFNOSUPPORT) {
    in6.sin6_family = AF_UNSPEC;
    fd = socket (AF_INET, type | SOCK_CLOEXEC, 0);
  }
  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
      setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) < 0)
    return errno;
  if (in6.sin6_family == AF_INET6)
    result = bind (fd, (struct sockaddr *)&in6, sizeof in6);
  else
    result = bind (fd, (struct sockaddr *)&in, sizeof in);
  if (result < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off) < 0)
    return errno;
  *ret_fd = fd;
  fd = -1;
  return 0;
}

int
holds_take (struct holds *holds, uint8_t protocol, uint16_t port)
{
  struct hold hold = { .protocol = protocol, .port = port };
  char name[NAME_SIZE];
  int error;

  for (size_t i = 0; i < holds->n; i++)
    if (holds->holds[i].protocol == protocol && holds->holds[i].port == port)
      return 0;
  error = bind_port (protocol, port, &hold.fd);
  if (error != 0)
    return error;
  error = add (holds, &hold);
  if (error != 0) {
    close (hold.fd);
    return error;
  }
  write_name (&hold, name);
  activation_store (name, hold.fd);
  return 0;
}

void
holds_release (struct holds *holds, size_t index)
{
  char name[NAME_SIZE];

  /* First there: as long as systemd has the socket, the port is taken. */
  write_name (&holds->holds[index], name);
  activation_discard (name);
  close (holds->holds[index].fd);
  holds->holds[index] = holds->holds[--holds->n];
}

void
holds_close (struct holds *holds)
{
  for (size_t i = 0; i < holds->n; i++)
    close (holds->holds[i].fd);
  free (holds->holds);
  *holds = (struct holds){ 0 };
}
