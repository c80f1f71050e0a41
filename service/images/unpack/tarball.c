/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "squashfs.h"
#include "stream.h"
#include "make.h"
#include "over.h"
#include "prune.h"
#include "whiteout.h"

#define MAX_FILE_SIZE (INT64_C (1) << 40)           /* holes included */
#define MAX_TRAILER   (UINT64_C (64) * 1024 * 1024) /* after the archive's end mark */

struct unpacking {
  struct job *job;
  struct stream *stream;
  struct archive *archive;
  struct tree tree;
  const char *first;    /* in the place of the first part of names; NULL: they stay */
  uint64_t stream_size; /* bytes taken from the stream so far */
  const void *last; /* the last of them; from here on a new archive begins, unless it has been handed on */
  size_t last_size;
  bool is_pending; /* it has not */
  bool has_whiteouts;
  uint64_t n_entries;
};

static la_ssize_t
read_stream (struct archive *archive, void *data, const void **ret_buffer)
{
  struct unpacking *u = data;

  /* Where an archive follows another one, its beginning was taken already. */
  if (u->is_pending)
    u->is_pending = false;
  else if (stream_next (u->stream, &u->last, &u->last_size))
    u->stream_size += u->last_size;
  else {
    archive_set_error (archive, EIO, "the source failed");
    return -1;
  }
  *ret_buffer = u->last;
  return (la_ssize_t)u->last_size;
}

static bool
fail_archive (struct unpacking *u, const char *name)
{
  const char *text = archive_error_string (u->archive);
  const char *reason = text != NULL ? text : "damaged";

  /* Said by libarchive of a first block that is no tar header. */
  if (u->n_entries == 0 && strstr (reason, "Unrecognized") != NULL)
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "This is not a tar archive");
  return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "%s: %s", name != NULL ? job_escape (name) : "archive",
                   reason);
}

/* Writes what the archive holds of the file, leaving holes where it holds nothing. */
static bool
write_content (struct unpacking *u, struct archive_entry *entry, int fd, const char *path)
{
  const void *data;
  size_t size;
  la_int64_t offset;
  la_int64_t position = 0;
  int result;

  while ((result = archive_read_data_block (u->archive, &data, &size, &offset)) != ARCHIVE_EOF) {
    if (result < ARCHIVE_WARN)
      return fail_archive (u, path);
    if (size == 0)
      continue;
    if (offset != position && lseek (fd, offset, SEEK_SET) < 0)
      return job_fail_errno (u->job, path, "seeking");
    if (!tree_write (&u->tree, fd, path, data, size))
      return false;
    position = offset + (la_int64_t)size;
    job_report_progress (u->job);
  }
  if (position < archive_entry_size (entry) && ftruncate (fd, archive_entry_size (entry)) < 0)
    return job_fail_errno (u->job, path, "setting its size");
  return true;
}

static bool
unpack_file (struct unpacking *u,
             struct archive_entry *entry,
             const char *path,
             const struct tree_attributes *a)
{
  AUTO_FD fd = -1;

  if (archive_entry_size (entry) < 0 || archive_entry_size (entry) > MAX_FILE_SIZE)
    return job_fail (u->job, UNPACK_LIMIT_EXCEEDED, EFBIG, "%s: larger than 1 TiB", job_escape (path));
  fd = tree_begin_file (&u->tree, path, a->mode);
  return fd >= 0 && write_content (u, entry, fd, path) && tree_end_file (&u->tree, fd, path, a);
}

static bool
read_attributes (struct unpacking *u, struct archive_entry *entry, struct tree_attributes *ret)
{
  long nanoseconds = archive_entry_mtime_nsec (entry);

  *ret = (struct tree_attributes){
    .mode = archive_entry_perm (entry) & 07777,
    .mtime = { .tv_nsec = UTIME_OMIT },
  };
  if (archive_entry_mtime_is_set (entry)) {
    ret->mtime.tv_sec = archive_entry_mtime (entry);
    ret->mtime.tv_nsec = nanoseconds >= 0 && nanoseconds < 1000000000 ? nanoseconds : 0;
  }
  return tree_take_owner (u->job, archive_entry_pathname (entry), archive_entry_uid (entry),
                          archive_entry_gid (entry), ret) &&
         attributes_take (u->job, entry, &ret->extended);
}

/* The path that NAME, of an entry or of what it is a link to, stands for. */
static bool
read_path (struct unpacking *u, const char *name, char ret_path[TREE_MAX_PATH])
{
  char path[TREE_MAX_PATH];
  const char *rest;

  if (u->first == NULL || !tree_normalize (&u->tree, name, path) || *path == '\0')
    return tree_normalize (&u->tree, name, ret_path);
  rest = path + strcspn (path, "/");
  return snprintf (ret_path, TREE_MAX_PATH, "%s%s", u->first, rest) < TREE_MAX_PATH ||
         job_fail (u->job, UNPACK_BAD_ARCHIVE, ENAMETOOLONG, "%s: the name is too long", job_escape (path));
}

static bool
unpack_hard_link (struct unpacking *u, struct archive_entry *entry, const char *path)
{
  char target[TREE_MAX_PATH];

  if (!read_path (u, archive_entry_hardlink (entry), target))
    return false;
  if (*path == '\0' || *target == '\0')
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "The archive links the root directory");
  return tree_make_hard_link (&u->tree, path, target);
}

/* Everything but directories, which keep their attributes for later. */
static bool
unpack_other (struct unpacking *u,
              struct archive_entry *entry,
              const char *path,
              const struct tree_attributes *a)
{
  const char *target = archive_entry_symlink (entry);

  if (*path == '\0')
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "The archive's root is not a directory");
  switch (archive_entry_filetype (entry)) {
  case AE_IFREG:
    return unpack_file (u, entry, path, a);
  case AE_IFLNK:
    if (target == NULL || *target == '\0')
      return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "%s: a link to nothing", job_escape (path));
    return tree_make_symlink (&u->tree, path, target, a);
  case AE_IFIFO:
    return tree_make_fifo (&u->tree, path, a);
  case AE_IFBLK:
  case AE_IFCHR:
    u->job->skipped_devices++;
    return true;
  default:
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "%s: of an unknown type", job_escape (path));
  }
}

/* Takes the entry PATH if it is about files of the layers below; *RET_TAKEN says so. */
static bool
unpack_whiteout (struct unpacking *u, char path[TREE_MAX_PATH], bool *ret_taken)
{
  unsigned long length = 0;
  const char *name;
  enum whiteout kind = whiteout_of (path, &length, &name);

  *ret_taken = kind != WHITEOUT_NONE;
  u->has_whiteouts = u->has_whiteouts || kind == WHITEOUT_FILE;
  switch (kind) {
  case WHITEOUT_NONE:
  case WHITEOUT_IGNORED:
    return true;
  case WHITEOUT_OPAQUE:
    path[length] = '\0';
    return tree_make_opaque (&u->tree, path);
  case WHITEOUT_FILE:
    memmove (path + length + (length > 0 ? 1 : 0), name, strlen (name) + 1);
    return tree_make_whiteout (&u->tree, path);
  case WHITEOUT_BAD:
    break;
  }
  return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "%s: no file is called so", job_escape (path));
}

static bool
unpack_entry (struct unpacking *u, struct archive_entry *entry)
{
  struct tree_attributes attributes;
  char path[TREE_MAX_PATH];
  const char *name = archive_entry_pathname (entry);
  bool done;
  bool taken;

  if (name == NULL || *name == '\0')
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "An entry has no name");
  if (!read_path (u, name, path))
    return false;
  done = u->tree.is_live ? (taken = false, true) : unpack_whiteout (u, path, &taken);
  if (taken || !done)
    return done;
  if (archive_entry_hardlink (entry) != NULL)
    return unpack_hard_link (u, entry, path);
  if (!read_attributes (u, entry, &attributes))
    return false;
  /* A root that nobody may enter was called a file: old tars had such an entry, which says nothing. */
  if (archive_entry_filetype (entry) == AE_IFDIR && *path == '\0' && (attributes.mode & 0111) == 0) {
    attributes_free (attributes.extended);
    return true;
  }
  if (archive_entry_filetype (entry) == AE_IFDIR)
    return tree_make_directory (&u->tree, path, &attributes);
  done = unpack_other (u, entry, path, &attributes);
  attributes_free (attributes.extended);
  return done;
}

/* ---- archives one after the other, as cat makes them ---- */

#define BLOCK 512u

/* The part of the last buffer that lies behind POSITION in the stream. */
static void
skip_to (struct unpacking *u, uint64_t position)
{
  uint64_t begin = u->stream_size - u->last_size;

  if (position > begin) {
    size_t skipped = (size_t)(position - begin < u->last_size ? position - begin : u->last_size);

    u->last = (const unsigned char *)u->last + skipped;
    u->last_size -= skipped;
  }
}

/* Whether a tar header is at DATA, whose BLOCK bytes are there: all programs of today write that mark. */
static bool
is_header (const unsigned char *data)
{
  return memcmp (data + 257, "ustar", 5) == 0;
}

/*
 * Takes the rest of the stream up to another archive: *RET_MORE says whether there is one, and U has its beginning.
 * What else follows the end mark means nothing; but only when all of it was taken is everything hashed, and known to be
 * whole.
 */
static bool
find_next_archive (struct unpacking *u, uint64_t end, bool *ret_more)
{
  skip_to (u, end);
  for (*ret_more = false; !*ret_more;) {
    const unsigned char *data = u->last;

    for (; u->last_size >= BLOCK && !is_header (data); u->last_size -= BLOCK)
      data += BLOCK;
    u->last = data;
    *ret_more = u->is_pending = u->last_size >= BLOCK;
    if (*ret_more)
      return true;
    if (!stream_next (u->stream, &u->last, &u->last_size))
      return false;
    if (u->last_size == 0)
      return true;
    u->stream_size += u->last_size;
    if (u->stream_size > end + MAX_TRAILER)
      return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "More than 64 MiB follow the end of the archive");
  }
  return true;
}

/* Without its end mark an archive may have been cut between two entries: where its digest is known, that would show. */
static bool
check_end (struct unpacking *u, uint64_t end)
{
  bool is_checked = u->job->request.mode == UNPACK_LAYER || (u->job->request.flags & UNPACK_IS_CHECKED) != 0;

  if (u->n_entries == 0 && u->job->request.mode != UNPACK_LAYER)
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "The archive is empty");
  if (u->tree.is_live && u->stream_size <= end)
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "The archive is cut off: its end mark is missing");
  return u->stream_size > end || is_checked ||
         job_fail (u->job, UNPACK_BAD_ARCHIVE, 0,
                   "The archive is cut off: its end mark is missing; if you know its SHA-256, say it, and "
                   "what has it "
                   "is taken");
}

static bool
read_entries (struct unpacking *u)
{
  struct archive_entry *entry;
  int result;

  archive_read_support_format_tar (u->archive);
  archive_read_support_format_empty (u->archive);
  if (archive_read_open (u->archive, u, NULL, read_stream, NULL) != ARCHIVE_OK)
    return fail_archive (u, NULL);
  while ((result = archive_read_next_header (u->archive, &entry)) != ARCHIVE_EOF) {
    if (result < ARCHIVE_WARN)
      return fail_archive (u, NULL);
    u->n_entries++;
    if (!unpack_entry (u, entry))
      return false;
    job_report_progress (u->job);
  }
  return true;
}

static bool
unpack_entries (struct unpacking *u)
{
  bool more = true;

  while (more) {
    uint64_t begin = u->stream_size - u->last_size;
    uint64_t end;

    u->archive = archive_read_new ();
    if (u->archive == NULL)
      return job_fail (u->job, UNPACK_IO, ENOMEM, "Out of memory");
    if (!read_entries (u))
      return false;
    end = begin + (uint64_t)archive_read_header_position (u->archive);
    archive_read_free (u->archive);
    u->archive = NULL;
    if (!find_next_archive (u, end, &more) || (!more && !check_end (u, end)))
      return false;
  }
  if (u->tree.is_live)
    return tree_end_directories (&u->tree);
  if (u->job->request.mode == UNPACK_LAYER && u->has_whiteouts && whiteout_prune (u->tree.root) < 0)
    return job_fail_errno (u->job, "", "looking for what hides nothing");
  return tree_remove (&u->tree, WHITEOUT_LINKS) && tree_end_directories (&u->tree) &&
         tree_end_implied (&u->tree);
}

/* Ends with U's tree, which was begun. */
static bool
unpack_tar (struct unpacking *u)
{
  bool done = unpack_entries (u);

  archive_read_free (u->archive);
  tree_clear (&u->tree);
  return done;
}

static bool
unpack_root (struct job *job, struct stream *stream, int root, struct over *over)
{
  struct unpacking u = { .job = job, .stream = stream };

  tree_init (&u.tree, job, over != NULL ? over->merged : root);
  u.tree.over = over;
  return unpack_tar (&u) && (over == NULL || over_end (job, over));
}

bool
tarball_unpack (struct job *job, int source, int root, struct over *over)
{
  struct stream *stream = stream_new (job, source);
  const void *data;
  size_t size;
  bool done = false;

  if (stream != NULL && stream_peek (stream, &data, &size))
    done = squashfs_is (data, size) && over == NULL ? squashfs_unpack (job, stream, root)
                                                    : unpack_root (job, stream, root, over);
  stream_free (stream);
  return done;
}

bool
tarball_copy (struct job *job, int source, int directory, const char *name)
{
  struct unpacking u = { .job = job, .stream = stream_new (job, source), .first = name };
  bool done;

  if (u.stream == NULL)
    return false;
  tree_init (&u.tree, job, directory);
  u.tree.is_live = true;
  done = unpack_tar (&u);
  stream_free (u.stream);
  return done;
}
