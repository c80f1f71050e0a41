/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "supervisor.h"

#include <errno.h>

/*
 * The handlers of the broker's requests that are not in requests.c. Each returns a fault, and what goes into
 * REPLY otherwise.
 */

struct fault
handle_prepare (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply);
struct fault
handle_start (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply);
struct fault
handle_network (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply);
struct fault
handle_hosts (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply);

/* For those: the request itself is at fault. */
static inline struct fault
refuse (int error)
{
  return fault_at (SUPERVISOR_STEP_REQUEST, error);
}

/* Three fds that are the program's own, or -1. */
static inline void
take_stdio (const struct packet *packet, int stdio[3])
{
  for (unsigned i = 0; i < 3; i++)
    stdio[i] = packet->n_fds == 3 ? packet->fds[i] : -1;
}
