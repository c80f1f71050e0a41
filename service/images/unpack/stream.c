/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream.h"

#include <archive.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOT_SIZE   (256u * 1024)
#define N_SLOTS     8
#define MAX_TRAILER (64u * 1024 * 1024) /* after the compressed data */

struct stream {
  struct job *job;
  int source;
  int stop; /* an eventfd: set when nobody wants more, because the source may say nothing for long */
  pthread_t thread;
  unsigned char *input;
  unsigned char *slots[N_SLOTS];
  size_t sizes[N_SLOTS]; /* 0: the end */
  pthread_mutex_t lock;  /* of what follows */
  pthread_cond_t changed;
  unsigned int n_filled; /* since the start; the reader's next slot is n_filled % N_SLOTS */
  unsigned int n_taken;
  bool holds_one; /* the caller still uses slot n_taken */
  bool is_stopped;
};

/* ---- the reading thread */

static ssize_t
read_when_ready (struct stream *stream)
{
  struct pollfd fds[2] = { { stream->stop, POLLIN, 0 }, { stream->source, POLLIN, 0 } };
  ssize_t size;

  do {
    if (poll (fds, 2, -1) > 0 && fds[0].revents != 0) {
      errno = ECANCELED;
      return -1;
    }
    size = read (stream->source, stream->input, SLOT_SIZE);
  } while (size < 0 && (errno == EINTR || errno == EAGAIN));
  return size;
}

static la_ssize_t
read_source (struct archive *archive, void *data, const void **ret_buffer)
{
  struct stream *stream = data;
  ssize_t size = read_when_ready (stream);

  if (size < 0) {
    archive_set_error (archive, errno, "Reading the source: %s", strerror (errno));
    job_fail (stream->job, UNPACK_IO, errno, "Reading the source: %s", strerror (errno));
    return -1;
  }
  atomic_fetch_add (&stream->job->bytes_in, (uint64_t)size);
  *ret_buffer = stream->input;
  return size;
}

/* Returns the slot to fill, or NULL when nobody wants more. */
static unsigned char *
wait_for_slot (struct stream *stream)
{
  unsigned char *slot = NULL;

  pthread_mutex_lock (&stream->lock);
  while (stream->n_filled - stream->n_taken == N_SLOTS && !stream->is_stopped)
    pthread_cond_wait (&stream->changed, &stream->lock);
  if (!stream->is_stopped)
    slot = stream->slots[stream->n_filled % N_SLOTS];
  pthread_mutex_unlock (&stream->lock);
  return slot;
}

static void
hand_over (struct stream *stream, size_t size)
{
  pthread_mutex_lock (&stream->lock);
  stream->sizes[stream->n_filled % N_SLOTS] = size;
  stream->n_filled++;
  pthread_cond_signal (&stream->changed);
  pthread_mutex_unlock (&stream->lock);
}

static bool
fail_archive (struct stream *stream, struct archive *archive)
{
  const char *text = archive_error_string (archive);

  /* Said by libarchive of zstd's frames that look back further than 128 MiB. */
  if (text != NULL && strstr (text, "too much memory") != NULL)
    return job_fail (
        stream->job, UNPACK_BAD_ARCHIVE, 0,
        "Decompressing takes more than 128 MiB of memory; compress it anew, at most with zstd --long=27");
  return job_fail (stream->job, UNPACK_BAD_ARCHIVE, 0, "Decompressing: %s",
                   text != NULL ? job_escape (text) : "the data is damaged or cut off");
}

static bool
decompress (struct stream *stream, struct archive *archive)
{
  const void *data = NULL;
  size_t size = 0;
  size_t used = 0;
  la_int64_t offset;
  int result;
  unsigned char *slot = wait_for_slot (stream);

  while (slot != NULL && (result = archive_read_data_block (archive, &data, &size, &offset)) != ARCHIVE_EOF) {
    if (result < ARCHIVE_WARN)
      return fail_archive (stream, archive);
    while (size > 0 && slot != NULL) {
      size_t part = size < SLOT_SIZE - used ? size : SLOT_SIZE - used;

      memcpy (slot + used, data, part);
      data = (const unsigned char *)data + part;
      size -= part;
      used += part;
      if (used == SLOT_SIZE) {
        hand_over (stream, used);
        used = 0;
        slot = wait_for_slot (stream);
      }
    }
  }
  if (slot == NULL)
    return false;
  if (used > 0)
    hand_over (stream, used);
  return true;
}

static void
support_filters (struct archive *archive)
{
  archive_read_support_filter_gzip (archive);
  archive_read_support_filter_bzip2 (archive);
  archive_read_support_filter_xz (archive);
  archive_read_support_filter_zstd (archive);
}

static bool
open_archive (struct stream *stream, struct archive *archive, bool *ret_is_empty)
{
  struct archive_entry *entry;
  int result;

  if (stream->job->request.mode != UNPACK_LAYER)
    support_filters (archive);
  archive_read_support_format_raw (archive);
  archive_read_support_format_empty (archive);
  if (archive_read_open (archive, stream, NULL, read_source, NULL) != ARCHIVE_OK)
    return fail_archive (stream, archive);
  result = archive_read_next_header (archive, &entry);
  /* A layer may be without any byte: what comes next knows. */
  *ret_is_empty = result == ARCHIVE_EOF;
  if (*ret_is_empty)
    return true;
  if (result < ARCHIVE_WARN)
    return fail_archive (stream, archive);
  /* One decompressor and the source itself: nobody compresses twice but to build a bomb. */
  if (archive_filter_count (archive) > 2)
    return job_fail (stream->job, UNPACK_BAD_ARCHIVE, 0, "The archive is compressed more than once");
  return true;
}

/* Whoever hashes the source waits until all of it was taken: also what follows the compressed data. */
static bool
read_rest (struct stream *stream, struct archive *archive)
{
  const void *buffer;
  la_ssize_t size;
  uint64_t rest = 0;

  do {
    size = read_source (archive, stream, &buffer);
    rest += size > 0 ? (uint64_t)size : 0;
    if (rest > MAX_TRAILER)
      return job_fail (stream->job, UNPACK_BAD_ARCHIVE, 0, "More than 64 MiB follow the compressed data");
  } while (size > 0);
  return size == 0;
}

static void *
run (void *data)
{
  struct stream *stream = data;
  struct archive *archive = archive_read_new ();
  bool is_empty = false;

  if (archive != NULL && open_archive (stream, archive, &is_empty) &&
      (is_empty || decompress (stream, archive)))
    (void)read_rest (stream, archive);
  archive_read_free (archive);
  /* The end, or the failure that the job knows of. */
  if (wait_for_slot (stream) != NULL)
    hand_over (stream, 0);
  return NULL;
}

/* ---- the caller's side */

struct stream *
stream_new (struct job *job, int source)
{
  struct stream *stream = calloc (1, sizeof *stream);
  unsigned char *memory = malloc ((N_SLOTS + 1) * SLOT_SIZE);
  int error = ENOMEM;

  if (stream != NULL && memory != NULL) {
    *stream = (struct stream){
      .job = job,
      .source = source,
      .stop = eventfd (0, EFD_CLOEXEC),
      .input = memory,
      .lock = PTHREAD_MUTEX_INITIALIZER,
      .changed = PTHREAD_COND_INITIALIZER,
    };
    for (size_t i = 0; i < N_SLOTS; i++)
      stream->slots[i] = memory + (i + 1) * SLOT_SIZE;
    error = pthread_create (&stream->thread, NULL, run, stream);
  }
  if (error == 0)
    return stream;
  job_fail (job, UNPACK_IO, error, "Starting to read: %s", strerror (error));
  free (stream);
  free (memory);
  return NULL;
}

bool
stream_next (struct stream *stream, const void **ret_data, size_t *ret_size)
{
  unsigned int slot;

  pthread_mutex_lock (&stream->lock);
  if (stream->holds_one) {
    stream->n_taken++;
    stream->holds_one = false;
    pthread_cond_signal (&stream->changed);
  }
  while (stream->n_filled == stream->n_taken)
    pthread_cond_wait (&stream->changed, &stream->lock);
  slot = stream->n_taken % N_SLOTS;
  /* The end is never taken, so that it can be asked for again. */
  stream->holds_one = stream->sizes[slot] > 0;
  pthread_mutex_unlock (&stream->lock);
  *ret_data = stream->slots[slot];
  *ret_size = stream->sizes[slot];
  return *ret_size > 0 || !job_has_failed (stream->job);
}

bool
stream_peek (struct stream *stream, const void **ret_data, size_t *ret_size)
{
  bool ok = stream_next (stream, ret_data, ret_size);

  stream->holds_one = false;
  return ok;
}

void
stream_free (struct stream *stream)
{
  if (stream == NULL)
    return;
  pthread_mutex_lock (&stream->lock);
  stream->is_stopped = true;
  pthread_cond_signal (&stream->changed);
  pthread_mutex_unlock (&stream->lock);
  eventfd_write (stream->stop, 1);
  pthread_join (stream->thread, NULL);
  close (stream->stop);
  free (stream->input);
  free (stream);
}
