/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "squashfs-file.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_XATTRS 1024
#define NO_XATTRS  UINT32_MAX

/* The bytes, in the form that libsquashfs takes. */
struct squashfs_bytes {
  sqfs_file_t file; /* first */
  int fd;
  uint64_t size;
};

/* ---- the bytes ---- */

static int
read_at (sqfs_file_t *file, sqfs_u64 offset, void *buffer, size_t size)
{
  const struct squashfs_bytes *bytes = (const struct squashfs_bytes *)file;
  char *to = buffer;

  if (offset > bytes->size || size > bytes->size - offset)
    return SQFS_ERROR_OUT_OF_BOUNDS;
  for (ssize_t got; size > 0; to += got, offset += (size_t)got, size -= (size_t)got) {
    got = pread (bytes->fd, to, size, (off_t)offset);
    if (got <= 0)
      return SQFS_ERROR_IO;
  }
  return 0;
}

static int
write_at (sqfs_file_t *file, sqfs_u64 offset, const void *buffer, size_t size)
{
  (void)file, (void)offset, (void)buffer, (void)size;
  return SQFS_ERROR_UNSUPPORTED;
}

static sqfs_u64
get_size (const sqfs_file_t *file)
{
  return ((const struct squashfs_bytes *)file)->size;
}

static int
refuse_truncate (sqfs_file_t *file, sqfs_u64 size)
{
  (void)file, (void)size;
  return SQFS_ERROR_UNSUPPORTED;
}

static void
destroy_bytes (sqfs_object_t *object)
{
  struct squashfs_bytes *bytes = (struct squashfs_bytes *)object;

  if (bytes->fd >= 0)
    close (bytes->fd);
  free (bytes);
}

static struct squashfs_bytes *
new_bytes (void)
{
  struct squashfs_bytes *bytes = calloc (1, sizeof *bytes);

  if (bytes == NULL)
    return NULL;
  bytes->file.base.destroy = destroy_bytes;
  bytes->file.read_at = read_at;
  bytes->file.write_at = write_at;
  bytes->file.get_size = get_size;
  bytes->file.truncate = refuse_truncate;
  bytes->fd = -1;
  return bytes;
}

static bool
write_all (struct squashfs_file *file, const char *data, size_t size)
{
  for (ssize_t n; size > 0; data += n, size -= (size_t)n) {
    n = write (file->bytes->fd, data, size);
    if (n < 0)
      return job_fail_errno (file->job, ".", "keeping what was read");
  }
  return true;
}

static bool
take_stream (struct squashfs_file *file, struct stream *stream, int root)
{
  struct squashfs_bytes *bytes = file->bytes;
  const void *data;
  size_t size;

  bytes->fd = openat (root, ".", O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
  if (bytes->fd < 0)
    return job_fail_errno (file->job, ".", "making a file without a name");
  for (;;) {
    if (!stream_next (stream, &data, &size))
      return false;
    if (size == 0)
      return true;
    bytes->size += size;
    /* It is not counted as unpacked, but is on the same disk for a while. */
    if (bytes->size > file->job->request.max_bytes)
      return job_fail (file->job, UNPACK_LIMIT_EXCEEDED, 0, "larger than what may be unpacked");
    if (!write_all (file, data, size))
      return false;
    job_report_progress (file->job);
  }
}

/* ---- opening ---- */

bool
squashfs_file_fail (struct squashfs_file *file, const char *path, int error)
{
  const char *reason = "damaged or cut off";

  if (error == SQFS_ERROR_ALLOC)
    return job_fail (file->job, UNPACK_IO, ENOMEM, "Out of memory");
  if (error == SQFS_ERROR_UNSUPPORTED)
    reason = "in a form or with a compression that is not known";
  else if (error == SQFS_ERROR_COMPRESSOR)
    reason = "can not be decompressed";
  return job_fail (file->job, UNPACK_BAD_ARCHIVE, 0, "squashfs: %s: %s",
                   *path != '\0' ? job_escape (path) : "/", reason);
}

static int
open_compressor (struct squashfs_file *file)
{
  sqfs_compressor_config_t config;
  int error = sqfs_compressor_config_init (&config, file->super.compression_id, file->super.block_size,
                                           SQFS_COMP_FLAG_UNCOMPRESS);

  return error != 0 ? error : sqfs_compressor_create (&config, &file->compressor);
}

static int
open_xattrs (struct squashfs_file *file)
{
  if ((file->super.flags & SQFS_FLAG_NO_XATTRS) != 0 || file->super.xattr_id_table_start == UINT64_MAX)
    return 0;
  file->xattrs = sqfs_xattr_reader_create (0);
  if (file->xattrs == NULL)
    return SQFS_ERROR_ALLOC;
  return sqfs_xattr_reader_load (file->xattrs, &file->super, &file->bytes->file, file->compressor);
}

static int
open_readers (struct squashfs_file *file)
{
  sqfs_file_t *bytes = &file->bytes->file;
  int error;

  file->ids = sqfs_id_table_create (0);
  file->directories = sqfs_dir_reader_create (&file->super, file->compressor, bytes, 0);
  file->data = sqfs_data_reader_create (bytes, file->super.block_size, file->compressor, 0);
  file->buffer_size = file->super.block_size;
  file->buffer = malloc (file->buffer_size);
  if (file->ids == NULL || file->directories == NULL || file->data == NULL || file->buffer == NULL)
    return SQFS_ERROR_ALLOC;
  error = sqfs_id_table_read (file->ids, bytes, &file->super, file->compressor);
  if (error == 0)
    error = sqfs_data_reader_load_fragment_table (file->data, &file->super);
  return error != 0 ? error : open_xattrs (file);
}

bool
squashfs_file_open (struct squashfs_file *file, struct job *job, struct stream *stream, int root)
{
  int error;

  *file = (struct squashfs_file){ .job = job, .bytes = new_bytes () };
  if (file->bytes == NULL)
    return squashfs_file_fail (file, "", SQFS_ERROR_ALLOC);
  if (!take_stream (file, stream, root))
    return false;
  error = sqfs_super_read (&file->super, &file->bytes->file);
  if (error == 0 && file->super.bytes_used > file->bytes->size)
    error = SQFS_ERROR_OUT_OF_BOUNDS;
  if (error == 0)
    error = open_compressor (file);
  if (error == 0)
    error = open_readers (file);
  return error == 0 || squashfs_file_fail (file, "", error);
}

void
squashfs_file_close (struct squashfs_file *file)
{
  void *const objects[] = { file->xattrs, file->data,       file->directories,
                            file->ids,    file->compressor, file->bytes };

  for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
    if (objects[i] != NULL)
      sqfs_destroy (objects[i]);
  free (file->buffer);
}

/* ---- extended attributes ---- */

static int
add_xattr (struct squashfs_file *file, struct archive_entry *entry)
{
  char name[512];
  sqfs_xattr_entry_t *key = NULL;
  sqfs_xattr_value_t *value = NULL;
  int error = sqfs_xattr_reader_read_key (file->xattrs, &key);

  if (error == 0)
    error = sqfs_xattr_reader_read_value (file->xattrs, key, &value);
  /* The key comes with its prefix; what is too long is none that an image may have. */
  if (error == 0 && snprintf (name, sizeof name, "%s", (const char *)key->key) < (int)sizeof name)
    archive_entry_xattr_add_entry (entry, name, value->value, value->size);
  sqfs_free (key);
  sqfs_free (value);
  return error;
}

static int
add_xattrs (struct squashfs_file *file, uint32_t index, struct archive_entry *entry)
{
  sqfs_xattr_id_t id = { 0 };
  int error = sqfs_xattr_reader_get_desc (file->xattrs, index, &id);

  if (error == 0 && id.count > MAX_XATTRS)
    error = SQFS_ERROR_CORRUPTED;
  if (error == 0)
    error = sqfs_xattr_reader_seek_kv (file->xattrs, &id);
  for (uint32_t i = 0; i < id.count && error == 0; i++)
    error = add_xattr (file, entry);
  return error;
}

bool
squashfs_file_take_xattrs (struct squashfs_file *file,
                           const sqfs_inode_generic_t *inode,
                           const char *path,
                           struct attributes **ret)
{
  struct archive_entry *entry;
  sqfs_u32 index = NO_XATTRS;
  bool done;
  int error;

  *ret = NULL;
  if (file->xattrs == NULL || sqfs_inode_get_xattr_index (inode, &index) != 0 || index == NO_XATTRS)
    return true;
  entry = archive_entry_new ();
  error = entry == NULL ? SQFS_ERROR_ALLOC : add_xattrs (file, index, entry);
  done = error == 0 ? attributes_take (file->job, entry, ret) : squashfs_file_fail (file, path, error);
  archive_entry_free (entry);
  return done;
}
