/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether systemd as the container's init takes requests: it listens on /run/systemd/private
 * a moment after it was executed, and who starts a container and asks it something wants
 * that moment to be over. The path is the container's own; nothing is done with it but looking.
 */
struct readiness {
  int inotify; /* -1: nobody waits */
  int64_t deadline;
  uint32_t serial, generation; /* of the request that is answered when it is ready */
};

#define READINESS_DEADLINE_MS 10000

/* Begins to wait, READINESS_DEADLINE_MS at most. False if it is ready already or there is no way to wait. */
bool readiness_begin (struct readiness *readiness);

/* Takes notice of what changed. True if the wait is over: it is ready, or will not be in time. */
bool readiness_check (struct readiness *readiness);

/* Milliseconds until the wait is over in any case; -1 if nobody waits. */
int readiness_timeout (const struct readiness *readiness);

/* Stops waiting; nothing happens if nobody waits. */
void readiness_end (struct readiness *readiness);
