/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cgroup.h"
#include "fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FOLDERS_MAX 16 /* of one container */

/* A volume that gets its first files while the container runs. */
struct folder_filling {
  pid_t pid; /* of the process that copies; 0: there is none */
  uint32_t serial;
  uint32_t generation; /* with SERIAL: who is to be answered; the caller's */
  char *destination;
  int mount, target;
};

/* Directories of the owner's that are mounted in the container. */
struct folder_table {
  struct {
    char *destination; /* NULL: this place is free */
    int mount;         /* its root, so that it is found wherever the container moved it */
  } slots[FOLDERS_MAX];
  struct folder_filling filling;
};

/*
 * Attaches the detached mount MOUNT, which TABLE takes over, at DESTINATION, an absolute path inside the tree ROOT. Links of
 * the container's are followed as it sees them and never out of it; what is missing of the path is made, with mode 0755. Not over the
 * container's root, nor at or in /proc, /sys and /dev. With FILL, what the container has at DESTINATION is copied into it first.
 * Faults: STEP_FILL; STEP_FOLDER (EEXIST: one is there already; ENOTDIR, ELOOP: the path is no directory; EPERM: not there), STEP_REQUEST.
 */
struct fault
folders_attach (struct folder_table *table, int root, const char *destination, int mount, bool fill);

/*
 * The same with FILL, and without waiting here: a process in CGROUP copies, and folders_end_fill() attaches when it has ended. One
 * at a time. Faults: those of folders_attach() but for STEP_FILL; STEP_FORK; EBUSY.
 */
struct fault folders_begin_fill (
    struct folder_table *table, int root, const char *destination, int mount, const struct cgroup *cgroup);

/* The process has ended with STATUS, of wait(2). Faults: those of folders_attach(); ECANCELED: it was killed. */
struct fault folders_end_fill (struct folder_table *table, int root, int status);

/*
 * Takes the directory at DESTINATION away, wherever in the container it is now; what has a file in it open keeps that. One
 * that the container has unmounted itself is gone already; one that is being filled is given up. This process's working directory is / afterwards.
 * Faults: STEP_FOLDER (ENOENT: there is none).
 */
struct fault folders_detach (struct folder_table *table, const char *destination);
