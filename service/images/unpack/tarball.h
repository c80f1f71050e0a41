/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

struct over;

/*
 * Unpacks the tar archive that SOURCE gives, compressed or not, into the directory ROOT; or over other layers, OVER,
 * which is NULL if there are none. False: the job failed.
 */
bool tarball_unpack (struct job *job, int source, int root, struct over *over);
