/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "images/unpack/job.h"

/*
 * Writes what changed between two stacks of layers, as the request of DIFF says: for each file "A", "C" or "D" for added, changed
 * or deleted, a space, its absolute path, and a NUL. ROOTS are N directories: those that only the later stack has, those that
 * only the earlier one has, and those that both stand on, each the highest first. What both stand on is not walked, only looked
 * at where something lies above it: so it takes as long as there are changes. Of a directory that was added all files are said,
 * of one that was deleted the directory alone; a directory above a change is changed, but the root
 * only if its owner, mode or attributes are others. They come in no order. False: the job
 * failed.
 */
bool diff_layers (struct job *job, const int *roots, unsigned int n, int sink);
