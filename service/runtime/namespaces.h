/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fault.h"

/*
 * Leaves the host's mount, uts, ipc and net namespaces for new ones, named HOSTNAME. NETWORK is the net
 * namespace to use, or -1: a new one. Nothing that is mounted here reaches the host or the other way round.
 * Faults: STEP_REQUEST for the name, STEP_NAMESPACE.
 */
struct fault namespaces_enter (const char *hostname, int network);

/* Brings up the interface "lo". Late: while a nic is made for us, the kernel's lock of all interfaces is taken.
 * Faults: STEP_NAMESPACE. */
struct fault namespaces_raise_loopback (void);
