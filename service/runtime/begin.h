/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "supervisor.h"

/*
 * How a container begins: the two requests that can be made only once, and in this order.
 *
 * Both take what they keep of PACKET's descriptors out of it; the caller closes the rest. A fault of the
 * request itself (STEP_REQUEST) changes nothing. After any other fault the container has failed: all that
 * is left of it is its end.
 */

/*
 * Builds the namespaces and the root file system that PACKET, a SUPERVISOR_PREPARE, describes. REPLY is not
 * touched. Faults: STEP_REQUEST (EALREADY: it was asked for before), STEP_SECCOMP, STEP_ACCOUNT, and those of
 * namespaces.h and rootfs.h.
 */
struct fault
begin_prepare (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply);

/*
 * Runs the first process that PACKET, a SUPERVISOR_START, describes. REPLY gets its pid and, as value, the
 * signal that it shuts down on. Where systemd is the init, supervisor->readiness then waits for it, and the
 * answer is given when that is over. Faults: STEP_REQUEST (ECANCELED: the container has failed), STEP_CGROUP,
 * and those of init.h.
 */
struct fault
begin_start (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply);
