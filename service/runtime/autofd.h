/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdlib.h>
#include <unistd.h>

/* Closes *FD unless it is negative; for autofd. close(2) is never tried again. */
static inline void
autofd_close (const int *fd)
{
  if (*fd >= 0)
    close (*fd);
}

/* Frees *(void **) POINTER; for autofree. */
static inline void
autofree_free (void *pointer)
{
  free (*(void **)pointer);
}

/* An int that closes itself at the end of its block, a pointer that frees itself. */
#define autofd   __attribute__ ((cleanup (autofd_close))) int
#define autofree __attribute__ ((cleanup (autofree_free)))

/* Hands over *FD: the caller owns what is returned, *FD becomes -1. */
static inline int
steal_fd (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

/* Closes *FD now and makes it -1. */
static inline void
drop_fd (int *fd)
{
  autofd_close (fd);
  *fd = -1;
}
