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

/* Takes what the program was started with. Returns 0, or the exit status when it said why there is nothing.
 */
int connections_find (struct connections *ret, const char *program, int argc, char **argv);

/* Fills CONNECTIONS_POLLS of POLLS. Without TAKES_REQUESTS those wait in their sockets. */
void connections_watch (const struct connections *self, bool takes_requests, struct pollfd *polls);

/* What serves one: returns whether the connection stays. */
typedef bool (*connections_serve_func) (void *data, int connection);

/* After poll(2): has everything served that has something to say, closes what is over, takes who is new. */
void connections_serve (struct connections *self,
                        const struct pollfd *polls,
                        connections_serve_func serve,
                        void *data);
