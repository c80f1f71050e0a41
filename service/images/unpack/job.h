/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define JOB_UNFINISHED_NAME 32

/* What bothy-unpack was asked to do, how far it is, and what went wrong. Shared by its threads. */
struct job {
  int connection; /* -1: nobody listens (tests) */
  struct unpack_request request;
  atomic_uint_least64_t bytes_in;
  atomic_uint_least64_t bytes_out;
  unsigned int n_sources; /* that came beside the request */
  uint64_t inodes;
  uint64_t skipped_devices;
  uint32_t flags; /* enum unpack_flag */
  uint8_t sha256[32];
  uint8_t sha256_whole[32];
  int64_t last_progress;
  /* A file that is half written, which nobody shall find: its name in DIRECTORY, or "". */
  struct {
    int directory;
    char name[JOB_UNFINISHED_NAME];
  } unfinished;
  pthread_mutex_t lock; /* of what follows */
  bool is_finished;
  enum unpack_error error; /* the first failure; UNPACK_OK: none yet */
  int error_number;
  char error_text[1024];
};

#define JOB_INIT ((struct job){ .connection = -1, .lock = PTHREAD_MUTEX_INITIALIZER })

/* Notes a failure unless there is one already. Always false, so that callers can return it. */
__attribute__ ((format (printf, 4, 5))) bool
job_fail (struct job *job, enum unpack_error error, int number, const char *format, ...);

/* The same for a call that set errno while working on NAME of the tree or the source. */
bool job_fail_errno (struct job *job, const char *name, const char *what);

/* Whether something failed. */
bool job_has_failed (struct job *job);

/* Counts what was written; false once it is more than was allowed. */
bool job_count_bytes (struct job *job, uint64_t bytes);

/* Counts a new file of any kind; false once they are more than was allowed. */
bool job_count_inode (struct job *job);

/* Tells the broker how far it is, when it has not been told for a while. */
void job_report_progress (struct job *job);

/* Starts the thread that ends the process when the broker is gone or time is up. */
bool job_watch (struct job *job);

/* Sends the result, TEXT with it unless something failed, and ends the process. */
_Noreturn void job_finish (struct job *job, const char *text, size_t text_size);

/* NAME for a message: printable ASCII, the rest as \xNN. Valid until the thread's next call. */
const char *job_escape (const char *name);
