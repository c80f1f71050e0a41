/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sink.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

bool
sink_write (struct job *job, int sink, const void *data, size_t size)
{
  const unsigned char *next = data;
  struct pollfd writable = { sink, POLLOUT, 0 };

  while (size > 0) {
    ssize_t written = write (sink, next, size);

    /* A caller's pipe or socket may be one that does not wait. */
    if (written < 0 && errno == EAGAIN && poll (&writable, 1, -1) >= 0)
      continue;
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0 && (errno == EPIPE || errno == ECONNRESET))
      return job_fail (job, UNPACK_CLOSED, errno, "Nobody takes what was read");
    if (written < 0)
      return job_fail_errno (job, "archive", "writing");
    next += written;
    size -= (size_t)written;
  }
  return true;
}
