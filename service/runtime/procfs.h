/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Covers what of the mounted proc PROC tells of or reaches into the host, and makes sysctls
 * read-only but for the network's, which belong to the container's own network namespace.
 * A second line only: the kernel guards these files with the user namespace, and the container's
 * root can unmount what covers them. User namespaces below cannot mount a proc of their own
 * afterwards ("mount too revealing"), so it is left out where nesting is wanted.
 * Call it while the host's /dev is there. Returns 0 or a negative errno value.
 */
int procfs_mask (int proc);
