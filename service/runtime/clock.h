/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_MONOTONIC. */
static inline int64_t
clock_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long epoll_wait(2) may sleep until DEADLINE. */
static inline int
clock_until (int64_t deadline)
{
  int64_t left = deadline - clock_ms ();

  return left < 0 ? 0 : (int)left + 1;
}
