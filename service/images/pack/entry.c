/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/unpack/sink.h"
#include "fd.h"
#include "read-attributes.h"

#define BLOCK          (256 * 1024)
#define UNSIZED_LENGTH 65536 /* what a file of sysfs says is shorter */

static bool
fail_archive (struct packing *p, const char *path)
{
  const char *text = archive_error_string (p->archive);

  return job_fail (p->job, UNPACK_IO, 0, "%s: %s", job_escape (path),
                   text != NULL ? text : "it can not be written");
}

/* ---- the archive ---- */

static la_ssize_t
write_block (struct archive *archive, void *data, const void *bytes, size_t size)
{
  struct packing *p = data;
  bool done = true;

  if (!p->is_inner)
    done = sink_write (p->job, p->sink, bytes, size);
  else {
    sha256_update (&p->hash, size, bytes);
    p->size += size;
    done = p->outer == NULL || archive_write_data (p->outer->archive, bytes, size) == (la_ssize_t)size;
  }
  if (done)
    return (la_ssize_t)size;
  archive_set_error (archive, EIO, "the archive can not be written");
  return -1;
}

static int
add_filter (struct packing *p)
{
  switch ((enum unpack_compression)p->job->request.compression) {
  case UNPACK_PLAIN:
    return ARCHIVE_OK;
  case UNPACK_GZIP:
    archive_write_add_filter_gzip (p->archive);
    /* The same image becomes the same bytes. */
    return archive_write_set_filter_option (p->archive, "gzip", "timestamp", NULL);
  case UNPACK_XZ:
    return archive_write_add_filter_xz (p->archive);
  case UNPACK_ZSTD:
    return archive_write_add_filter_zstd (p->archive);
  }
  return ARCHIVE_FATAL;
}

static bool
open_archive (struct packing *p)
{
  p->archive = archive_write_new ();
  p->links = archive_entry_linkresolver_new ();
  if (p->archive == NULL || p->links == NULL)
    return job_fail (p->job, UNPACK_IO, ENOMEM, "Out of memory");
  /* The restricted form has no more than it needs, which fractions of seconds are not. */
  if ((p->job->request.flags & UNPACK_IS_EXACT) != 0)
    archive_write_set_format_pax (p->archive);
  else
    archive_write_set_format_pax_restricted (p->archive);
  /* As everybody but libarchive calls them. */
  archive_write_set_format_option (p->archive, NULL, "xattrheader", "SCHILY");
  archive_write_set_bytes_in_last_block (p->archive, 1);
  archive_entry_linkresolver_set_strategy (p->links, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
  return ((p->is_inner || add_filter (p) == ARCHIVE_OK) &&
          archive_write_open (p->archive, p, NULL, write_block, NULL) == ARCHIVE_OK) ||
         fail_archive (p, "archive");
}

bool
entry_begin (struct packing *p, struct job *job, int sink)
{
  *p = (struct packing){ .job = job, .sink = sink };
  return open_archive (p);
}

bool
entry_begin_inner (struct packing *p, struct job *job, struct packing *outer)
{
  *p = (struct packing){ .job = job, .sink = -1, .is_inner = true, .outer = outer };
  sha256_init (&p->hash);
  return open_archive (p);
}

bool
entry_end (struct packing *p)
{
  bool done = !job_has_failed (p->job) &&
              (archive_write_close (p->archive) == ARCHIVE_OK || fail_archive (p, "archive"));

  if (p->archive != NULL && !done)
    archive_write_fail (p->archive);
  archive_write_free (p->archive);
  archive_entry_linkresolver_free (p->links);
  return done;
}

static bool
write_data (struct packing *p, const void *data, size_t size, const char *path)
{
  if (archive_write_data (p->archive, data, size) < 0)
    return fail_archive (p, path);
  atomic_fetch_add (&p->job->bytes_out, size);
  job_report_progress (p->job);
  return true;
}

bool
entry_write_head (struct packing *p, const char *name, uint64_t size)
{
  struct archive_entry *entry = archive_entry_new ();
  bool done;

  if (entry == NULL)
    return job_fail (p->job, UNPACK_IO, ENOMEM, "Out of memory");
  archive_entry_set_pathname (entry, name);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0644);
  archive_entry_set_size (entry, (la_int64_t)size);
  done = archive_write_header (p->archive, entry) >= ARCHIVE_WARN || fail_archive (p, name);
  archive_entry_free (entry);
  return done;
}

bool
entry_write_text (struct packing *p, const char *name, const char *text)
{
  return entry_write_head (p, name, strlen (text)) && write_data (p, text, strlen (text), name);
}

/* ---- a file ---- */

#define MAX_UNSIZED (4 * 1024 * 1024)

/* Files of the kernel's do not say how long they are. They are read first, for an archive has to say it. */
static bool
write_unsized (struct packing *p, struct archive_entry *entry, int fd, const char *path)
{
  static unsigned char buffer[MAX_UNSIZED];
  size_t size = 0;
  ssize_t part;

  while ((part = read (fd, buffer + size, sizeof buffer - size)) > 0 || (part < 0 && errno == EINTR))
    size += part > 0 ? (size_t)part : 0;
  if (part < 0)
    return job_fail_errno (p->job, path, "reading");
  if (size == sizeof buffer)
    return job_fail (p->job, UNPACK_IO, EFBIG, "%s: does not say how long it is, and is longer than 4 MiB",
                     job_escape (path));
  archive_entry_set_size (entry, (la_int64_t)size);
  return (archive_write_header (p->archive, entry) >= ARCHIVE_WARN || fail_archive (p, path)) &&
         write_data (p, buffer, size, path);
}

/* Where it has data; the rest are holes. */
static bool
note_holes (struct packing *p, struct archive_entry *entry, int fd, off_t size, const char *path)
{
  off_t data = lseek (fd, 0, SEEK_DATA);

  if (data < 0)
    archive_entry_sparse_add_entry (entry, size, 0);
  while (data >= 0 && data < size) {
    off_t hole = lseek (fd, data, SEEK_HOLE);

    if (hole < 0)
      return job_fail_errno (p->job, path, "looking for holes");
    if (hole <= data) /* a file system of somebody's own */
      return job_fail (p->job, UNPACK_IO, EIO, "%s: its file system says nonsense", job_escape (path));
    archive_entry_sparse_add_entry (entry, data, (hole < size ? hole : size) - data);
    data = lseek (fd, hole, SEEK_DATA);
  }
  return lseek (fd, 0, SEEK_SET) == 0 || job_fail_errno (p->job, path, "reading");
}

/* It has as many bytes as it said: nobody changes what is in the store, and of what lives libarchive fills up the rest. */
static bool
copy_content (struct packing *p, int fd, off_t size, const char *path)
{
  static unsigned char buffer[BLOCK];

  while (size > 0) {
    ssize_t part = read (fd, buffer, sizeof buffer);

    if (part < 0 && errno == EINTR)
      continue;
    if (part == 0 && p->is_live)
      return true;
    if (part <= 0)
      return part == 0 ? job_fail (p->job, UNPACK_IO, 0, "%s: it is shorter than it was", job_escape (path))
                       : job_fail_errno (p->job, path, "reading");
    part = part < size ? part : (ssize_t)size;
    if (!write_data (p, buffer, (size_t)part, path))
      return false;
    size -= part;
  }
  return true;
}

static bool
write_file (struct packing *p, struct archive_entry *entry, int fd, const struct stat *st, const char *path)
{
  struct archive_entry *spare = NULL;

  if (S_ISREG (st->st_mode) && st->st_blocks * 512 < st->st_size &&
      !note_holes (p, entry, fd, st->st_size, path))
    return false;
  archive_entry_linkify (p->links, &entry, &spare);
  if (archive_write_header (p->archive, entry) < ARCHIVE_WARN)
    return fail_archive (p, path);
  return !S_ISREG (st->st_mode) || archive_entry_hardlink (entry) != NULL ||
         copy_content (p, fd, st->st_size, path);
}

/* Why a name of what lives can not be opened any more, or as what it was. */
static bool
has_changed (int number)
{
  return number == ENOENT || number == ELOOP || number == ENOTDIR || number == ENXIO || number == ESTALE;
}

static bool
set_target (struct packing *p, struct archive_entry *entry, int directory, const char *name, const char *path)
{
  char target[PATH_MAX];
  ssize_t size = readlinkat (directory, name, target, sizeof target - 1);

  if (size < 0)
    return job_fail_errno (p->job, path, "reading a link");
  target[size] = '\0';
  archive_entry_set_symlink (entry, target);
  return true;
}

static void
describe (struct archive_entry *entry, const struct stat *st, const char *path)
{
  archive_entry_copy_stat (entry, st);
  /* The same image becomes the same bytes, whenever it was read before. */
  archive_entry_unset_atime (entry);
  archive_entry_unset_ctime (entry);
  archive_entry_set_pathname (entry, path);
}

static bool
fill (struct packing *p,
      struct archive_entry *entry,
      int directory,
      const char *name,
      const struct stat *st,
      const char *path)
{
  int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  AUTO_FD fd = -1;

  describe (entry, st, path);
  if (S_ISLNK (st->st_mode) && !set_target (p, entry, directory, name, path))
    return false;
  if (S_ISREG (st->st_mode) || S_ISDIR (st->st_mode)) {
    fd = openat (directory, name, flags | (S_ISDIR (st->st_mode) ? O_DIRECTORY : 0));
    if (fd < 0 && p->is_live && has_changed (errno))
      return true;
    if (fd < 0)
      return job_fail_errno (p->job, path, "opening");
    if (!read_attributes (p->job, fd, path, entry))
      return false;
  }
  return write_file (p, entry, fd, st, path);
}

bool
entry_write (struct packing *p, int directory, const char *name, const char *path)
{
  struct archive_entry *entry;
  struct stat st;
  bool done;

  if (fstatat (directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return (errno == ENOENT && p->is_live) || job_fail_errno (p->job, path, "looking at it");
  if (S_ISSOCK (st.st_mode) || S_ISCHR (st.st_mode) || S_ISBLK (st.st_mode))
    return true;
  entry = archive_entry_new ();
  if (entry == NULL)
    return job_fail (p->job, UNPACK_IO, ENOMEM, "Out of memory");
  done = fill (p, entry, directory, name, &st, path);
  archive_entry_free (entry);
  return done;
}

bool
entry_write_open (struct packing *p, int fd, const char *path)
{
  struct archive_entry *entry = archive_entry_new ();
  struct stat st;
  bool done;

  if (entry == NULL)
    return job_fail (p->job, UNPACK_IO, ENOMEM, "Out of memory");
  if (fstat (fd, &st) == 0) {
    describe (entry, &st, path);
    done = read_attributes (p->job, fd, path, entry) &&
           (st.st_blocks == 0 && st.st_size <= UNSIZED_LENGTH ? write_unsized (p, entry, fd, path)
                                                              : write_file (p, entry, fd, &st, path));
  } else
    done = job_fail_errno (p->job, path, "looking at it");
  archive_entry_free (entry);
  return done;
}
