/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/*
 * Gives up what unpacking does not need, before the first byte of the source is read: capabilities, other
 * system calls, the network, files outside the directory that is open as ROOT (-1: all files). Descriptors
 * that are open stay usable. Returns false after it has made JOB fail: the process must then end.
 */
bool confine (struct job *job, int root);

/* The same where files are made in all of the N directories that are open as ROOTS. */
bool confine_trees (struct job *job, const int *roots, size_t n);

/* The same for a process that copies between the directories that are open as the N fds ROOTS; files may share blocks. */
bool confine_duplicating (struct job *job, const int *roots, size_t n);

/* The same for a process that only reads, in the directories that are open as the N fds ROOTS. */
bool confine_reading (struct job *job, const int *roots, size_t n);

/*
 * Only the limits on memory, files and descriptors, and no_new_privs, which a child may inherit. Returns false
 * after it has made JOB fail.
 */
bool confine_limits (struct job *job);
