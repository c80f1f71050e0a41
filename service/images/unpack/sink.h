/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

/* Writes all of DATA into the pipe SINK; UNPACK_CLOSED when nobody reads it. */
bool sink_write (struct job *job, int sink, const void *data, size_t size);
