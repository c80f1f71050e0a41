/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/*
 * Copy the directory "upper" of SOURCE, a layer that a container writes into and that nothing writes into now, into TREE, an
 * empty directory: names, owners, modes, times, links, holes, extended attributes (overlayfs's own too), and what says that a
 * file of a layer below is gone. Files share their blocks where the file system can; otherwise their bytes count
 * into the job, as all files do. Without "upper", nothing was ever written there, and nothing is copied. No link is followed. False: the job
 * failed.
 */
bool duplicate_upper (struct job *job, int source, int tree);
