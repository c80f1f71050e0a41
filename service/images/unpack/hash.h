/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/* Writes all of SOURCE, from where it is, into SINK; the job's sha256 is then that of every byte, and its
   sha256_whole that of the prefix and those, if the request says that there is one. */
bool hash_copy (struct job *job, int source, int sink);
