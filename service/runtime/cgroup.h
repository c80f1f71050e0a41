/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fault.h"

#include <sys/types.h>

/* The delegated control group: ours in supervisor/, the container in payload/. */
struct cgroup {
  int payload; /* -1: none was given */
  int ns;      /* the container's cgroup namespace, rooted at payload */
};

#define CGROUP_NONE ((struct cgroup){ -1, -1 })

/*
 * Opens the payload/ of PATH below the cgroup2 mount MOUNT, made if it is missing. "" as PATH: nothing. This
 * process must have been born in PATH/supervisor. Faults: STEP_CGROUP.
 */
struct fault cgroup_open (struct cgroup *cgroup, const char *mount, const char *path);

/*
 * fork(2), with the child in payload/ from the start (CLONE_INTO_CGROUP; to move a process later can take
 * the kernel 10 ms), or, when the container's own manager has enabled controllers there (EBUSY, cgroups(7)
 * "no internal processes"), in payload/bothy. *JOINED is false if the child has to do it with cgroup_join().
 */
pid_t cgroup_fork (const struct cgroup *cgroup, bool *joined);

/* Moves this process to where cgroup_fork() would have put it. 0 or a negative errno value. */
int cgroup_join (const struct cgroup *cgroup);

/* Kills all of payload/ (cgroup.kill). 0, -ENODEV without a control group, or a negative errno value. */
int cgroup_kill (const struct cgroup *cgroup);

/* Removes what the container made in payload/, now that it has no process: this process alone may, but for root. */
void cgroup_clear (const struct cgroup *cgroup);

/* Asks the kernel to freeze or thaw payload/. 0, -EOPNOTSUPP without a control group, or a negative errno
 * value. */
int cgroup_set_frozen (const struct cgroup *cgroup, bool frozen);

/* Opens cgroup.events, which polls as EPOLLPRI when it changes. fd or a negative errno value. */
int cgroup_open_events (const struct cgroup *cgroup);

/* Whether EVENTS says "frozen 1". 1, 0 or a negative errno value. */
int cgroup_is_frozen (int events);
