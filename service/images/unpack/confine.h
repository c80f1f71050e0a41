/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/*
 * Gives up what unpacking does not need, before the first byte of the source is read:
 * capabilities, other system calls, files outside the directory ROOT. False: the job failed.
 */
bool confine (struct job *job, int root);

/* The same for one that only reads, in the N directories ROOTS. */
bool confine_reading (struct job *job, const int *roots, size_t n);

/* Only the limits and no_new_privs, which a child may inherit. */
bool confine_limits (struct job *job);
