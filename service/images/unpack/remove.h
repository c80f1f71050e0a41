/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

/* Removes everything below the directory ROOT that is on its file system. False: the job failed. */
bool remove_below (struct job *job, int root);
