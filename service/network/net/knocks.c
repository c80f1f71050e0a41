/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "knocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* As long as it listens nobody else gets the port, with this option or without. It is on so that connections which were taken
   here, and inherit it, are not in the way when the port listens the next time. */
static int
set_reuse (int fd, int reuse)
{
  return setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) < 0 ? errno : 0;
}

/* With the option, and before it listens, somebody else who has it as well could bind the port too, and listen first. So it is
   on before that only where our own connections are in the way. */
static int
begin_to_listen (int fd)
{
  if (listen (fd, KNOCKS_MAX - 1) < 0 &&
      (errno != EADDRINUSE || set_reuse (fd, 1) != 0 || listen (fd, KNOCKS_MAX - 1) < 0))
    return errno;
  return set_reuse (fd, 1);
}

/* Connections would inherit the filter that lets nothing in. */
static int
begin (int fd)
{
  int ignored = 0;
  int error = 0;

  if (setsockopt (fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored) < 0 && errno != ENOENT)
    return errno;
  if (fcntl (fd, F_SETFL, O_NONBLOCK) < 0)
    return errno;
  error = begin_to_listen (fd);
  if (error != 0)
    (void)set_reuse (fd, 0);
  return error;
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
  (void)set_reuse (hold->fd, 0);
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

unsigned int
knocks_take (const struct hold *hold, int ret_connections[KNOCKS_MAX])
{
  unsigned int n = 0;

  while (n < KNOCKS_MAX) {
    int fd = accept4 (hold->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0)
      ret_connections[n++] = fd;
    else if (errno != ECONNABORTED && errno != EINTR)
      break;
  }
  return n;
}
