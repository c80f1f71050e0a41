/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

/*
 * The source as bytes of a tar archive. A thread reads and decompresses it,
 * while the caller takes blocks: on two processors that is as fast as tar and its
 * decompressor in a pipe.
 */
struct stream;

/* Starts reading SOURCE, which is only read, never sought. NULL when that failed. */
struct stream *stream_new (struct job *job, int source);

/*
 * Gives the next block, valid until the next call. Returns false when reading failed;
 * at the end SIZE is 0. By then every byte of the source was read.
 */
bool stream_next (struct stream *stream, const void **ret_data, size_t *ret_size);

/* The same block as the next call of stream_next() gives. */
bool stream_peek (struct stream *stream, const void **ret_data, size_t *ret_size);

/* Stops reading and frees; NULL is nothing. */
void stream_free (struct stream *stream);
