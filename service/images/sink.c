/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sink.h"

#include <errno.h>
#include <unistd.h>

bool
sink_write (struct job *job, int sink, const void *data, size_t size)
{
  const unsigned char *next = data;

  while (size > 0) {
    ssize_t written = write (sink, next, size);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return job_fail (job, UNPACK_CLOSED, errno, "Nobody takes what was read");
    next += written;
    size -= (size_t)written;
  }
  return true;
}
