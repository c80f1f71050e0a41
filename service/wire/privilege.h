/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <linux/capability.h>

#define CAPABILITY(name) (UINT64_C (1) << (name))

/* The capabilities that this process may have in effect, as a set of CAPABILITY(); 0 if the kernel does not say. */
uint64_t privilege_permitted (void);

/* Gives up every capability, for good where the uid is not root's. Returns 0, or an errno value of capset(2). */
int privilege_clear (void);

/*
 * Leaves this process with exactly KEEP: effective, permitted and bounding; nothing
 * inheritable or ambient; no groups. EFFECTIVE_ID becomes the effective uid and gid
 * while real and saved ids stay root's: what EFFECTIVE_ID owns can then neither
 * signal nor trace this process. Returns 0, or an errno value of prctl(2), setgroups(2),
 * setresuid(2) or capset(2): then some of it is given up, and the process should end.
 */
int privilege_reduce (uint64_t keep, uint32_t effective_id);
