/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <unistd.h>

/* Closes *FD unless it is negative; for the cleanup attribute. */
static inline void
close_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
}

#define AUTO_FD __attribute__ ((cleanup (close_fd))) int
