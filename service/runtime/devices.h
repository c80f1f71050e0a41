/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fault.h"

/*
 * Fills the tmpfs DEV: the host's harmless devices, links, shm, mqueue, a devpts of its own and
 * the console. SHM_SIZE: bytes of shm, "": half of the machine's memory, as the kernel has it. *PTS gets the mounted
 * devpts, *CONSOLE the console's master.
 * Faults: STEP_MOUNT, STEP_CONSOLE.
 */
struct fault devices_populate (int dev, const char *shm_size, int *pts, int *console);

/*
 * A detached mount of the host's device NAME, one of those above, after a look at its number:
 * that it is called null proves nothing. fd, -ENODEV if it is another device, or a negative errno value.
 */
int device_clone (const char *name);
