/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/*
 * For a process that goes into a namespace of somebody's, who may then get hold of it: it becomes
 * OWNER (and GID, alone) in every id, so that capturing it gains nothing, and keeps no fds but
 * FDS, as 0, 1, … It ends with its parent, also when its owner stopped it. Returns 0 or an errno value.
 */
int child_become (uint32_t owner, uint32_t gid, const int *fds, int n_fds);

/*
 * Makes this process end with its parent. To be called again after each change of credentials, joining a user
 * namespace among them, for the kernel forgets it then. Returns 0 or an errno value of prctl(2).
 */
int child_end_with_parent (void);
