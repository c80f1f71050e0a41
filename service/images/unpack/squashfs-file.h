/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/id_table.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr_reader.h>

#include "attributes.h"
#include "job.h"
#include "stream.h"

/* A squashfs file system as libsquashfs reads it. */
struct squashfs_file {
  struct job *job;
  struct squashfs_bytes *bytes;
  sqfs_super_t super;
  sqfs_compressor_t *compressor;
  sqfs_id_table_t *ids;
  sqfs_dir_reader_t *directories;
  sqfs_data_reader_t *data;
  sqfs_xattr_reader_t *xattrs; /* NULL: it has none */
  void *buffer;
  uint32_t buffer_size;
};

/* Takes all of STREAM into a file without a name below ROOT, and opens that. False: the job failed. */
bool squashfs_file_open (struct squashfs_file *file, struct job *job, struct stream *stream, int root);

/* Also one that was not opened, but is all zeros. */
void squashfs_file_close (struct squashfs_file *file);

/* What libsquashfs said while at PATH; always false. */
bool squashfs_file_fail (struct squashfs_file *file, const char *path, int error);

/* The extended attributes of INODE at PATH that an image may have. False: the job failed. */
bool squashfs_file_take_xattrs (struct squashfs_file *file,
                                const sqfs_inode_generic_t *inode,
                                const char *path,
                                struct attributes **ret);
