/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_INTERVAL_MS 100
#define MAX_WAIT_SECONDS     (24u * 60 * 60)

static int64_t
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000) + now.tv_nsec / 1000000;
}

bool
job_fail (struct job *job, enum unpack_error error, int number, const char *format, ...)
{
  va_list arguments;

  pthread_mutex_lock (&job->lock);
  if (job->error == UNPACK_OK) {
    va_start (arguments, format);
    vsnprintf (job->error_text, sizeof job->error_text, format, arguments);
    va_end (arguments);
    job->error = error;
    job->error_number = number;
  }
  pthread_mutex_unlock (&job->lock);
  return false;
}

bool
job_fail_errno (struct job *job, const char *name, const char *what)
{
  int number = errno;
  enum unpack_error error = UNPACK_IO;

  if (number == ENOSPC || number == EDQUOT)
    error = UNPACK_NO_SPACE;
  else if (number == EFBIG)
    error = UNPACK_LIMIT_EXCEEDED;
  else if (number == ELOOP || number == ENOTDIR || number == ENAMETOOLONG || number == EINVAL)
    error = UNPACK_BAD_ARCHIVE; /* what no honest archive makes the kernel say */
  return job_fail (job, error, number, "%s: %s: %s", job_escape (name), what, strerror (number));
}

bool
job_has_failed (struct job *job)
{
  bool failed;

  pthread_mutex_lock (&job->lock);
  failed = job->error != UNPACK_OK;
  pthread_mutex_unlock (&job->lock);
  return failed;
}

bool
job_count_bytes (struct job *job, uint64_t bytes)
{
  uint64_t before = atomic_fetch_add (&job->bytes_out, bytes);

  if (bytes <= job->request.max_bytes && before <= job->request.max_bytes - bytes)
    return true;
  return job_fail (job, UNPACK_LIMIT_EXCEEDED, 0, "more than %llu bytes unpacked",
                   (unsigned long long)job->request.max_bytes);
}

bool
job_count_inode (struct job *job)
{
  if (++job->inodes <= job->request.max_inodes)
    return true;
  return job_fail (job, UNPACK_LIMIT_EXCEEDED, 0, "more than %llu files and directories",
                   (unsigned long long)job->request.max_inodes);
}

static void
fill (struct job *job, struct unpack_message *message)
{
  message->version = UNPACK_PROTOCOL_VERSION;
  message->bytes_in = atomic_load (&job->bytes_in);
  message->bytes_out = atomic_load (&job->bytes_out);
  message->inodes = job->inodes;
  message->skipped_devices = job->skipped_devices;
}

void
job_report_progress (struct job *job)
{
  struct unpack_message message = { .type = UNPACK_PROGRESS };
  int64_t now = now_ms ();

  if (job->connection < 0 || now - job->last_progress < PROGRESS_INTERVAL_MS)
    return;
  job->last_progress = now;
  fill (job, &message);
  /* A broker that does not read misses progress, nothing else. */
  (void)send (job->connection, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
job_finish (struct job *job, const char *text, size_t text_size)
{
  struct unpack_message message = { .type = UNPACK_RESULT };
  struct iovec parts[2] = { { &message, sizeof message }, { (void *)(uintptr_t)text, text_size } };
  struct msghdr packet = { .msg_iov = parts, .msg_iovlen = 2 };

  pthread_mutex_lock (&job->lock); /* never unlocked: there is one result */
  fill (job, &message);
  message.error = job->error;
  message.error_number = job->error_number;
  message.flags = job->flags;
  memcpy (message.sha256, job->sha256, sizeof message.sha256);
  memcpy (message.sha256_whole, job->sha256_whole, sizeof message.sha256_whole);
  if (job->error != UNPACK_OK) {
    parts[1].iov_base = job->error_text;
    parts[1].iov_len = strlen (job->error_text);
  }
  message.text_size = (uint32_t)parts[1].iov_len;
  _exit (sendmsg (job->connection, &packet, MSG_NOSIGNAL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* The other thread may be just about to put it into its place: then it is whole, and has no such name any more. */
static void
clear_up (struct job *job)
{
  if (job->unfinished.name[0] != '\0')
    unlinkat (job->unfinished.directory, job->unfinished.name, 0);
}

/* Sleeps until the broker closes the socket, or until the deadline: no other wake-ups. */
static void *
watch (void *data)
{
  struct job *job = data;
  uint64_t seconds =
      job->request.max_seconds < MAX_WAIT_SECONDS ? job->request.max_seconds : MAX_WAIT_SECONDS;
  int64_t deadline = now_ms () + (int64_t)seconds * 1000;
  struct pollfd connection = { .fd = job->connection, .events = POLLIN };
  int64_t left;
  char byte;

  while ((left = deadline - now_ms ()) > 0)
    if (poll (&connection, 1, (int)left) > 0 && recv (job->connection, &byte, 1, MSG_DONTWAIT) <= 0)
      clear_up (job), _exit (EXIT_FAILURE);
  clear_up (job);
  job_fail (job, UNPACK_LIMIT_EXCEEDED, 0, "not done after %llu seconds", (unsigned long long)seconds);
  job_finish (job, NULL, 0);
}

bool
job_watch (struct job *job)
{
  pthread_t thread;
  int error = pthread_create (&thread, NULL, watch, job);

  if (error != 0)
    return job_fail (job, UNPACK_IO, error, "Starting a thread: %s", strerror (error));
  pthread_detach (thread);
  return true;
}

const char *
job_escape (const char *name)
{
  static _Thread_local char buffer[512];
  size_t used = 0;

  for (; *name != '\0' && used + 8 < sizeof buffer; name++) {
    unsigned char c = (unsigned char)*name;

    if (c >= 0x20 && c < 0x7f && c != '\\')
      buffer[used++] = (char)c;
    else
      used += (size_t)snprintf (buffer + used, sizeof buffer - used, "\\x%02x", c);
  }
  snprintf (buffer + used, sizeof buffer - used, "%s", *name == '\0' ? "" : "...");
  return buffer;
}
