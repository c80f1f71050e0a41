/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job.h"

/*
 * Whether a layer that was unpacked by itself, TREE, is right over the N directories LAYERS, the highest first: each
 * directory of it that no entry spoke of has to be nothing below, or just such a directory. If not, the job's flags get
 * UNPACK_NEEDS_BELOW. False: the job failed.
 */
bool check_below (struct job *job, int tree, const int *layers, unsigned int n);
