/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connections.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "activation.h"
#include "wire.h"

#define EXIT_USAGE 2

int
connections_find (struct connections *ret, const char *program, int argc, char **argv)
{
  int fd;

  *ret = (struct connections){ .listening = -1 };
  switch (activation_find (argc, argv, &fd)) {
  case ACTIVATION_LISTENING:
    ret->listening = fd;
    return 0;
  case ACTIVATION_CONNECTION:
    if (!wire_peer_is_root (fd)) {
      fprintf (stderr, "%s: the other end of the connection is not root's\n", program);
      return EXIT_FAILURE;
    }
    ret->fds[ret->n++] = fd;
    return 0;
  case ACTIVATION_NONE:
    break;
  }
  fprintf (stderr, "%s is started by systemd or bothyd; by hand: %s --connection FD\n", program, program);
  return EXIT_USAGE;
}

void
connections_watch (const struct connections *self, bool takes_requests, struct pollfd *polls)
{
  polls[0] = (struct pollfd){ .fd = self->listening, .events = POLLIN };
  for (unsigned int i = 0; i < CONNECTIONS_MAX; i++)
    polls[1 + i] =
        (struct pollfd){ .fd = takes_requests && i < self->n ? self->fds[i] : -1, .events = POLLIN };
}

static void
accept_connection (struct connections *self)
{
  int connection = accept4 (self->listening, NULL, NULL, SOCK_CLOEXEC);

  if (connection < 0)
    return;
  if (!wire_peer_is_root (connection) || self->n == CONNECTIONS_MAX) {
    close (connection);
    return;
  }
  self->fds[self->n++] = connection;
}

void
connections_serve (struct connections *self,
                   const struct pollfd *polls,
                   connections_serve_func serve,
                   void *data)
{
  /* From the end: closing one moves the last into its place. */
  for (unsigned int i = self->n; i-- > 0;)
    if (polls[1 + i].revents != 0 && !serve (data, self->fds[i])) {
      close (self->fds[i]);
      self->fds[i] = self->fds[--self->n];
    }
  if (polls[0].revents != 0)
    accept_connection (self);
}
