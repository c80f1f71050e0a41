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

/* PREFIX is what the broker keeps: it does not change. */
static bool
hash_prefix (struct job *job, int prefix, unsigned char *buffer, struct sha256_ctx *hash)
{
  off_t at = 0;
  ssize_t size;

  while ((size = pread (prefix, buffer, BLOCK, at)) > 0) {
    sha256_update (hash, (size_t)size, buffer);
    at += size;
  }
  return size == 0 || job_fail (job, UNPACK_IO, errno, "Reading what comes first: %s", strerror (errno));
}

static bool
is_too_much (struct job *job)
{
  uint64_t max = job->request.max_bytes;

  return max > 0 && atomic_load (&job->bytes_in) > max &&
         !job_fail (job, UNPACK_LIMIT_EXCEEDED, EFBIG, "it is larger than %llu bytes",
                    (unsigned long long)max);
}

bool
hash_copy (struct job *job, int source, int sink)
{
  static unsigned char buffer[BLOCK];
  bool has_prefix = (job->request.flags & UNPACK_HAS_PREFIX) != 0;
  struct sha256_ctx hash;
  struct sha256_ctx whole;
  ssize_t size;

  sha256_init (&hash);
  sha256_init (&whole);
  if (has_prefix && !hash_prefix (job, UNPACK_PREFIX_FD, buffer, &whole))
    return false;
  while ((size = read_when_ready (source, buffer)) > 0) {
    /* First on its way, so that the other process works while this one hashes. */
    if (!sink_write (job, sink, buffer, (size_t)size))
      return false;
    sha256_update (&hash, (size_t)size, buffer);
    if (has_prefix)
      sha256_update (&whole, (size_t)size, buffer);
    atomic_fetch_add (&job->bytes_in, (uint64_t)size);
    if (is_too_much (job))
      return false;
    job_report_progress (job);
  }
  if (size < 0)
    return job_fail (job, UNPACK_IO, errno, "Reading the source: %s", strerror (errno));
  sha256_digest (&hash, sizeof job->sha256, job->sha256);
  if (has_prefix)
    sha256_digest (&whole, sizeof job->sha256_whole, job->sha256_whole);
  close (sink);
  return true;
}
