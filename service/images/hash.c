/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hash.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sink.h"

#define BLOCK (256u * 1024)

/* A caller's pipe or socket may be one that does not wait. */
static ssize_t
read_when_ready (int source, void *buffer)
{
  struct pollfd readable = { source, POLLIN, 0 };
  ssize_t size;

  while ((size = read (source, buffer, BLOCK)) < 0 && (errno == EINTR || errno == EAGAIN))
    if (errno == EAGAIN)
      poll (&readable, 1, -1);
  return size;
}

bool
hash_copy (struct job *job, int source, int sink)
{
  static unsigned char buffer[BLOCK];
  struct sha256_ctx hash;
  ssize_t size;

  sha256_init (&hash);
  while ((size = read_when_ready (source, buffer)) > 0) {
    /* First on its way, so that the other process works while this one hashes. */
    if (!sink_write (job, sink, buffer, (size_t)size))
      return false;
    sha256_update (&hash, (size_t)size, buffer);
    atomic_fetch_add (&job->bytes_in, (uint64_t)size);
    job_report_progress (job);
  }
  if (size < 0)
    return job_fail (job, UNPACK_IO, errno, "Reading the source: %s", strerror (errno));
  sha256_digest (&hash, sizeof job->sha256, job->sha256);
  close (sink);
  return true;
}
