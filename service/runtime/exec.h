/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cgroup.h"
#include "launch.h"

#include <sys/types.h>

/* A program that was run inside beside the first process. */
struct exec {
  pid_t pid; /* 0: the slot is free */
  uint32_t id;
  uint32_t serial; /* of the request and of its connection */
  uint32_t generation;
  int report; /* closes at exec(2), or brings a fault; -1 once that is known */
  int master; /* of its terminal until it is handed over */
  int number;
  int status; /* wait(2), once ENDED */
  bool ended;
};

struct exec_table {
  struct exec slots[SUPERVISOR_MAX_EXECS];
};

/* Who runs ID, or a free slot for id 0. NULL if there is none. */
struct exec *exec_find (struct exec_table *table, uint32_t id);

/* Who has PID; NULL if none does. */
struct exec *exec_find_pid (struct exec_table *table, pid_t pid);

/*
 * Forks LAUNCH into the container: STDIO (-1: /dev/null), or, with launch->tty, a new terminal of the
 * devpts PTS. Fills EXEC's pid, report, master, number. Faults: STEP_TTY, STEP_FORK. What the child meets
 * comes through REPORT, without waiting here: the container can stop its processes.
 */
struct fault exec_start (
    struct exec *exec, const struct launch *launch, const struct cgroup *cgroup, int pts, const int stdio[3]);

/* Takes in what REPORT says. True when it is known how it began: *FAULT; false: not yet. */
bool exec_read_report (struct exec *exec, struct fault *fault);

/* Empties the slot. */
void exec_release (struct exec *exec);
