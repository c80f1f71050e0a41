/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded, it puts a process's clocks forward or back: by as many seconds as the file that BOTHY_TEST_CLOCK
 * names says, which may change at any time. The first of its three 64-bit numbers is for the time of day; the
 * second for the time since boot, of which a suspended machine's sleep is a part; the third for the one that timers
 * go by: as if so much of what they wait for were over already.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t
get_offset (clockid_t clock)
{
  static const volatile int64_t *offsets;

  if (!offsets) {
    int fd = open (getenv ("BOTHY_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);

    offsets = mmap (NULL, 24, PROT_READ, MAP_SHARED, fd, 0);
    close (fd);
    if (offsets == MAP_FAILED)
      abort ();
  }
  switch (clock) {
  case CLOCK_REALTIME:
  case CLOCK_REALTIME_COARSE:
    return offsets[0];
  case CLOCK_BOOTTIME:
    return offsets[1];
  case CLOCK_MONOTONIC:
  case CLOCK_MONOTONIC_COARSE:
    return offsets[2];
  default:
    return 0;
  }
}

int
clock_gettime (clockid_t clock, struct timespec *ret)
{
  int result = (int)syscall (SYS_clock_gettime, clock, ret);

  if (result == 0)
    ret->tv_sec += get_offset (clock);
  return result;
}

int
gettimeofday (struct timeval *restrict ret, void *restrict zone)
{
  struct timespec now;

  (void)zone;
  if (clock_gettime (CLOCK_REALTIME, &now) < 0)
    return -1;
  *ret = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
  return 0;
}

time_t
time (time_t *ret)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  if (ret)
    *ret = now.tv_sec;
  return now.tv_sec;
}
