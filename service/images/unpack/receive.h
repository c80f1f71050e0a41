/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/* Waits for the request, and puts what came beside it at UNPACK_SOURCE_FD and behind. False: the job failed.
 */
bool receive_request (struct job *job);
