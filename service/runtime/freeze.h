/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cgroup.h"

#include <stdint.h>

#define FREEZE_DEADLINE_MS 5000

/* A FREEZE that waits for the kernel; a process in uninterruptible sleep can delay it for good. */
struct freezer {
  int events; /* cgroup.events; -1: nothing is waited for */
  uint32_t serial;
  uint32_t generation;
  int64_t deadline; /* CLOCK_MONOTONIC, ms */
};

/* Asks for it. Returns 1 if frozen at once, 0 if EVENTS is to be polled for EPOLLPRI, or a negative errno
 * value. */
int freeze_begin (struct freezer *freezer, const struct cgroup *cgroup);

/* Looks again. 1: frozen; 0: not yet; -ETIMEDOUT: given up and thawed; another negative errno value. */
int freeze_check (struct freezer *freezer, const struct cgroup *cgroup);

/* How long epoll_wait(2) may sleep: -1 when nothing is waited for. */
int freeze_timeout (const struct freezer *freezer);

/* Stops waiting. */
void freeze_end (struct freezer *freezer);
