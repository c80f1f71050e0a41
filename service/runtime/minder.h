/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launch.h"

/* What the first process tells the supervisor, one packet each. */
enum init_event_kind {
  INIT_HERE = 1, /* is inside; with the cgroup namespace as fd the first time */
  INIT_SIGNAL,   /* value: what it shuts down on */
  INIT_FAULT,
  INIT_MINDS, /* becomes our own init: whether the command runs, its report says, and what is heard later here may be the command's word */
  INIT_ENDED, /* our own init only: value is the command's wait(2) status */
};

struct init_event {
  enum init_event_kind kind;
  struct fault fault;
  int value;
};

/* Where bothy-init, whose argument is the pid of the command, finds the supervisor and the command that waits for it. */
#define MINDER_CHANNEL_FD 3
#define MINDER_COMMAND_FD 4

/* Sends EVENT, with FD unless that is -1. 0 or a negative errno value. */
int minder_tell (int channel, const struct init_event *event, int fd);

/*
 * Receives an event, waiting for it; a descriptor goes into *FD, unless there is one already. 1, 0 when closed, or a
 * negative errno value.
 */
int minder_hear (int channel, struct init_event *event, int *fd);

/*
 * Opens bothy-init, while the machine's files are there, as a mount of its own: whoever holds the file must not hold the
 * machine's other mounts, which could not be unmounted then. Returns an fd or a negative errno value.
 */
int minder_open_program (void);

/*
 * Makes of this process the init of a container that runs just a command: starts that, in a session of its own, says so to CHANNEL, and
 * becomes PROGRAM. REPORT, the end of a pipe that nobody else has, gets the fault if one of both could not be executed, and
 * closes otherwise when the command runs. Returns only when nothing was said yet.
 */
struct fault minder_run (const struct launch *launch, int program, int channel, int report);
