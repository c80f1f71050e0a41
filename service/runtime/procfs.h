/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fault.h"

/*
 * Sets SETTINGS (NAME=VALUE, NAME with dots, ended by NULL) below the mounted proc PROC, after what all containers have:
 * pings and low ports for everybody inside. The kernel lets through what belongs to the namespaces of the container. Call it before
 * procfs_mask(). Faults: STEP_SYSCTL, which one in WHICH.
 */
struct fault procfs_set_sysctls (int proc, char *const *settings);

/*
 * Covers what of the mounted proc PROC tells of or reaches into the host, and makes sysctls
 * read-only but for those that belong to the container's own network and IPC namespaces.
 * A second line only: the kernel guards these files with the user namespace, and the container's
 * root can unmount what covers them. User namespaces below cannot mount a proc of their own
 * afterwards ("mount too revealing"), so it is left out where nesting is wanted.
 * Call it while the host's /dev is there. Returns 0 or a negative errno value.
 */
int procfs_mask (int proc);
