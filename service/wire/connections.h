/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <poll.h>
#include <stdbool.h>

#define CONNECTIONS_MAX   8
#define CONNECTIONS_POLLS (1 + CONNECTIONS_MAX)

/* The connections of root's that a program serves. */
struct connections {
  int listening; /* where more come from; -1: it serves the one that it was given */
  int fds[CONNECTIONS_MAX];
  unsigned int n;
};

/*
 * Takes what PROGRAM, with ARGC and ARGV of main(), was started with: RET owns it from then on. Returns 0, or
 * the status to exit with after it has said on stderr why there is nothing to serve.
 */
int connections_find (struct connections *ret, const char *program, int argc, char **argv);

/*
 * Fills the first CONNECTIONS_POLLS of POLLS for poll(2). Without TAKES_REQUESTS only new connections are
 * waited for: requests stay in their sockets.
 */
void connections_watch (const struct connections *self, bool takes_requests, struct pollfd *polls);

/* Serves what can be read from CONNECTION, with the DATA of connections_serve(). Returns whether it stays. */
typedef bool (*connections_serve_func) (void *data, int connection);

/*
 * After poll(2) has filled POLLS: calls SERVE with DATA for each connection that has something to say, closes
 * those that are over, and accepts one new connection of root's; anybody else's is closed.
 */
void connections_serve (struct connections *self,
                        const struct pollfd *polls,
                        connections_serve_func serve,
                        void *data);
