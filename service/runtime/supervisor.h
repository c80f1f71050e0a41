/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cgroup.h"
#include "confine.h"
#include "console.h"
#include "exec.h"
#include "folders.h"
#include "freeze.h"
#include "init.h"
#include "message.h"
#include "plugs.h"
#include "readiness.h"
#include "rootfs.h"

/* What in the event loop became ready; the low half of epoll's data is an index where there are several. */
enum source {
  SOURCE_SIGNALS,
  SOURCE_CONNECTION,
  SOURCE_LISTENER,
  SOURCE_CONSOLE,
  SOURCE_CLIENT,
  SOURCE_FREEZE,
  SOURCE_EXEC,
  SOURCE_READINESS,
};

/* One container. */
struct supervisor {
  enum supervisor_state state;
  bool failed; /* PREPARE or START went wrong: only its end is left */
  bool nesting;
  int epoll;
  int connection; /* -1: no broker at the moment */
  int listener;
  uint32_t generation; /* of the connection: replies go to the broker that asked */
  int network_ns;      /* for who gives the container its interfaces */
  char hostname[65];   /* as PREPARE had it */
  struct filter filter;
  struct rootfs rootfs;
  struct cgroup cgroup;
  struct init_process init;
  struct console console;
  struct freezer freezer;
  struct readiness readiness;
  struct exec_table execs;
  struct folder_table folders;
  struct plug_table plugs;
  int end_status;     /* in STATE_EXITED: wait(2) status of the container */
  bool command_ended; /* that is what our own init said of its command */
};

/*
 * Adds FD, which stays the caller's, to the event loop: EVENTS (epoll_ctl(2)) of it are reported as SOURCE,
 * with INDEX where there are several of a kind.
 */
void
supervisor_watch (struct supervisor *supervisor, int fd, uint32_t events, enum source source, uint32_t index);

/*
 * Takes SOCKET, which it owns from now on, as the broker's connection in the place of an older one, and sends
 * SUPERVISOR_HELLO.
 */
void supervisor_connect (struct supervisor *supervisor, int socket);

/*
 * Closes the connection. What is still to be told is kept for the next broker; but a container that does not
 * run yet, or has failed, ends here with this process.
 */
void supervisor_disconnect (struct supervisor *supervisor);

/*
 * Sends MESSAGE, whose state is filled in, with SIZE bytes of TEXT (NULL: none) and a copy of FD (-1: none).
 * Returns false if there is no broker, or if he does not read: he is then disconnected.
 */
bool supervisor_send (
    struct supervisor *supervisor, struct supervisor_message *message, const char *text, size_t size, int fd);

/* Answers request SERIAL with FAULT alone, if the broker of GENERATION, who asked, is still connected. */
void
supervisor_answer (struct supervisor *supervisor, uint32_t serial, uint32_t generation, struct fault fault);

/* Opens the container's root. An fd, or -1 with errno set. */
int supervisor_open_root (const struct supervisor *supervisor);

/*
 * Sends what has ended and was not told yet: programs first, then the container. Returns true once the
 * container's own end has been told, after which nothing is left to do.
 */
bool supervisor_flush (struct supervisor *supervisor);
