/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cgroup.h"
#include "launch.h"
#include "rootfs.h"

#include <sys/types.h>

/* How the container's first process is to come to life. */
struct init_plan {
  const struct rootfs *rootfs;
  const struct cgroup *cgroup;
  struct launch launch; /* argv[0] NULL: the image's init */
  char **directories;   /* N_DIRECTORIES that are to be there, beside that of LAUNCH */
  unsigned n_directories;
  int stdio[3];         /* -1: the console */
  char *const *sysctls; /* NAME=VALUE, ended by NULL */
  bool nesting;
  bool joined; /* filled in: is born in its control group */
};

struct init_process {
  pid_t pid;
  int channel; /* to our own init; tells how the command ended */
  int shutdown_signal;
};

/*
 * Makes the pid namespace, and in it pid 1, which finishes the root file system, enters it and executes the
 * image's init or minds the command. *CGROUP_NS gets its cgroup namespace. Returns when exec(2) worked; a
 * fault of any step otherwise. From then on every fork of this process is in the container's pid namespace.
 */
struct fault init_start (struct init_plan *plan, struct init_process *process, int *cgroup_ns);

/* How the command that our own init minded ended: fills *STATUS (wait(2)); false if the image's init ran, or nobody said so. */
bool init_read_end (const struct init_process *process, int *status);
