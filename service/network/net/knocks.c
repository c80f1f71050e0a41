/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "knocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel lets sockets of one user share a port that all have this option, and those of nobody else. */
static int
set_sharing (int fd, int on)
{
  return setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ? errno : 0;
}

/* Connections that were taken here, and are still open, would be in the way when the port listens the next time, unless they and
   it may share the port (see knocks_take()). Other options would let somebody else have it too, and listen first. */
static int
begin_to_listen (int fd)
{
  int error = listen (fd, KNOCKS_MAX - 1) < 0 ? errno : 0;

  if (error != EADDRINUSE)
    return error;
  error = set_sharing (fd, 1);
  if (error == 0 && listen (fd, KNOCKS_MAX - 1) < 0)
    error = errno;
  (void)set_sharing (fd, 0);
  return error;
}

/* Connections would inherit the filter that lets nothing in. */
static int
begin (int fd)
{
  int ignored = 0;

  if (setsockopt (fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored) < 0 && errno != ENOENT)
    return errno;
  if (fcntl (fd, F_SETFL, O_NONBLOCK) < 0)
    return errno;
  return begin_to_listen (fd);
}

static int
watch (struct holds *holds, int fd)
{
  struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };

  if (holds->knocks < 0)
    holds->knocks = epoll_create1 (EPOLL_CLOEXEC);
  if (holds->knocks < 0)
    return errno;
  if (epoll_ctl (holds->knocks, EPOLL_CTL_MOD, fd, &event) == 0)
    return 0;
  return errno != ENOENT || epoll_ctl (holds->knocks, EPOLL_CTL_ADD, fd, &event) < 0 ? errno : 0;
}

int
knocks_listen (struct holds *holds, struct hold *hold)
{
  int error = hold->listens ? 0 : begin (hold->fd);

  if (error != 0)
    return error;
  hold->listens = true;
  error = watch (holds, hold->fd);
  if (error != 0)
    knocks_pause (holds, hold);
  return error;
}

void
knocks_pause (struct holds *holds, struct hold *hold)
{
  if (!hold->listens)
    return;
  if (holds->knocks >= 0)
    (void)epoll_ctl (holds->knocks, EPOLL_CTL_DEL, hold->fd, NULL);
  /* Of a socket that listens this ends just that: it stays bound, and can listen again. */
  (void)shutdown (hold->fd, SHUT_RD);
  hold->listens = false;
}

bool
knocks_read (struct holds *holds, uint32_t *ret_ticket)
{
  struct epoll_event event;

  while (holds->knocks >= 0 && epoll_wait (holds->knocks, &event, 1, 0) == 1)
    for (size_t i = 0; i < holds->n; i++)
      if (holds->holds[i].fd == event.data.fd && holds->holds[i].listens) {
        *ret_ticket = holds->holds[i].ticket;
        return true;
      }
  return false;
}

/* The port of the connection FD can be bound again, as holds_take() does, and listen again. */
static void
allow_beside (int fd)
{
  int on = 1;

  (void)setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)set_sharing (fd, 1);
}

unsigned int
knocks_take (const struct hold *hold, int ret_connections[KNOCKS_MAX])
{
  unsigned int n = 0;

  while (n < KNOCKS_MAX) {
    int fd = accept4 (hold->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
      allow_beside (fd);
      ret_connections[n++] = fd;
    } else if (errno != ECONNABORTED && errno != EINTR)
      break;
  }
  return n;
}
