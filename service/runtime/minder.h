/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launch.h"

/* What the first process tells the supervisor, one packet each. */
enum init_event_kind {
  INIT_HERE = 1, /* is inside; with the cgroup namespace as fd the first time */
  INIT_SIGNAL,   /* value: what it shuts down on */
  INIT_FAULT,
  INIT_STARTED, /* our own init only: the command runs */
  INIT_ENDED,   /* our own init only: value is the command's wait(2) status */
};

struct init_event {
  enum init_event_kind kind;
  struct fault fault;
  int value;
};

/* Sends EVENT, with FD unless that is -1. 0 or a negative errno value. */
int minder_tell (int channel, const struct init_event *event, int fd);

/* Receives an event, waiting for it if WAIT; a descriptor goes into *FD. 1, 0 when closed, or a negative
 * errno value. */
int minder_hear (int channel, struct init_event *event, int *fd, bool wait);

/*
 * The init of a container that runs just a command: starts it, in a session of its own, hands signals on to
 * it, reaps what it leaves behind, and ends when it ends. Returns only when the command could not be started.
 */
struct fault minder_run (const struct launch *launch, int channel);
