/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/*
 * Copies what is compressed in SOURCE, or SOURCE itself, into SINK. It is a process of its own: another one
 * then hashes the tar that comes out, and neither this one nor the one that unpacks it has a say in that.
 */
bool decompress_copy (struct job *job, int source, int sink);
