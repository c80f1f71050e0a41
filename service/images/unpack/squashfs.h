/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"
#include "stream.h"

/* Whether a source that begins with DATA is a squashfs file system. */
bool squashfs_is (const void *data, size_t size);

/*
 * Unpacks the squashfs file system that STREAM brings into the directory ROOT. It is read in any order, so
 * it first becomes a file without a name below ROOT. Nothing is mounted. Devices are left out and counted,
 * sockets left out. False: the job failed.
 */
bool squashfs_unpack (struct job *job, struct stream *stream, int root);
