/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "squashfs.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "squashfs-file.h"
#include "make.h"

#define MAX_FILE_SIZE (UINT64_C (1) << 40) /* holes included */
#define MAX_NAME      255

/* Of a file with several names: where the first one was made. */
struct first_name {
  uint32_t inode;
  char path[];
};

struct unpacking {
  struct job *job;
  struct tree tree;
  struct squashfs_file file;
  void *first_names;        /* of tsearch(3) */
  char path[TREE_MAX_PATH]; /* of the directory that is being unpacked, then of its entries */
};

/* A directory in a directory, whose turn comes when all other entries were read. */
struct below {
  struct below *next;
  sqfs_inode_generic_t *inode;
  char name[];
};

static bool
fail_squashfs (struct unpacking *u, int error)
{
  return squashfs_file_fail (&u->file, u->path, error);
}

/* ---- what a file has beside its content ---- */

static bool
take_attributes (struct unpacking *u, const sqfs_inode_generic_t *inode, struct tree_attributes *ret)
{
  uint32_t uid = 0;
  uint32_t gid = 0;
  int error = sqfs_id_table_index_to_id (u->file.ids, inode->base.uid_idx, &uid);

  if (error == 0)
    error = sqfs_id_table_index_to_id (u->file.ids, inode->base.gid_idx, &gid);
  if (error != 0)
    return fail_squashfs (u, error);
  *ret = (struct tree_attributes){
    .mode = inode->base.mode & 07777,
    .mtime = { .tv_sec = inode->base.mod_time },
  };
  return tree_take_owner (u->job, u->path, uid, gid, ret) &&
         squashfs_file_take_xattrs (&u->file, inode, u->path, &ret->extended);
}

/* ---- files ---- */

static int
compare_first_names (const void *a, const void *b)
{
  const struct first_name *x = a;
  const struct first_name *y = b;

  return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static bool
has_more_names (const sqfs_inode_generic_t *inode)
{
  return inode->base.type == SQFS_INODE_EXT_FILE && inode->data.file_ext.nlink > 1;
}

/* Where the same file was made before, or NULL; then it is remembered. */
static const struct first_name *
find_first_name (struct unpacking *u, const sqfs_inode_generic_t *inode)
{
  size_t size = strlen (u->path) + 1;
  struct first_name *new = malloc (sizeof *new + size);
  struct first_name **found;

  if (new == NULL)
    return NULL; /* then it becomes a file of its own */
  new->inode = inode->base.inode_number;
  memcpy (new->path, u->path, size);
  found = tsearch (new, &u->first_names, compare_first_names);
  if (found == NULL || *found != new)
    free (new);
  return found == NULL || *found == new ? NULL : *found;
}

static bool
is_zero (const char *data, size_t size)
{
  return size == 0 || (data[0] == 0 && memcmp (data, data + 1, size - 1) == 0);
}

static bool
write_content (struct unpacking *u, const sqfs_inode_generic_t *inode, int fd, uint64_t size)
{
  uint32_t part;

  for (uint64_t offset = 0; offset < size; offset += part) {
    sqfs_s32 got = sqfs_data_reader_read (u->file.data, inode, offset, u->file.buffer, u->file.buffer_size);

    if (got <= 0)
      return fail_squashfs (u, got < 0 ? got : SQFS_ERROR_OUT_OF_BOUNDS);
    part = (uint32_t)got;
    /* Holes stay holes. */
    if (is_zero (u->file.buffer, part) ? lseek (fd, (off_t)part, SEEK_CUR) < 0
                                       : !tree_write (&u->tree, fd, u->path, u->file.buffer, part))
      return job_has_failed (u->job) ? false : job_fail_errno (u->job, u->path, "seeking");
    job_report_progress (u->job);
  }
  return ftruncate (fd, (off_t)size) == 0 || job_fail_errno (u->job, u->path, "setting its size");
}

static bool
unpack_file (struct unpacking *u, const sqfs_inode_generic_t *inode, const struct tree_attributes *a)
{
  sqfs_u64 size = 0;
  int error = sqfs_inode_get_file_size (inode, &size);
  AUTO_FD fd = -1;

  if (error != 0)
    return fail_squashfs (u, error);
  if (size > MAX_FILE_SIZE)
    return job_fail (u->job, UNPACK_LIMIT_EXCEEDED, EFBIG, "%s: larger than 1 TiB", job_escape (u->path));
  fd = tree_begin_file (&u->tree, u->path, a->mode);
  return fd >= 0 && write_content (u, inode, fd, size) && tree_end_file (&u->tree, fd, u->path, a);
}

static bool
unpack_symlink (struct unpacking *u, const sqfs_inode_generic_t *inode, const struct tree_attributes *a)
{
  char target[TREE_MAX_PATH];
  size_t length = inode->data.slink.target_size; /* both kinds of links have it there */

  if (length == 0 || length >= sizeof target)
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, ENAMETOOLONG, "%s: links nowhere", job_escape (u->path));
  memcpy (target, inode->extra, length);
  target[length] = '\0';
  return tree_make_symlink (&u->tree, u->path, target, a);
}

/* Everything but directories. */
static bool
unpack_other (struct unpacking *u, const sqfs_inode_generic_t *inode)
{
  const struct first_name *first = has_more_names (inode) ? find_first_name (u, inode) : NULL;
  struct tree_attributes a = { 0 };
  bool done = true;

  if (first != NULL)
    return tree_make_hard_link (&u->tree, u->path, first->path);
  if (!take_attributes (u, inode, &a))
    return false;
  switch (inode->base.mode & SQFS_INODE_MODE_MASK) {
  case SQFS_INODE_MODE_REG:
    done = unpack_file (u, inode, &a);
    break;
  case SQFS_INODE_MODE_LNK:
    done = unpack_symlink (u, inode, &a);
    break;
  case SQFS_INODE_MODE_FIFO:
    done = tree_make_fifo (&u->tree, u->path, &a);
    break;
  case SQFS_INODE_MODE_CHR:
  case SQFS_INODE_MODE_BLK:
    u->job->skipped_devices++;
    break;
  default:
    break;
  }
  attributes_free (a.extended);
  return done;
}

/* ---- directories ---- */

/* Appends NAME of LENGTH to the path, if a file can be called so. */
static bool
enter_name (struct unpacking *u, const char *name, size_t length)
{
  size_t used = strlen (u->path);
  bool is_dots = length <= 2 && memcmp (name, "..", length) == 0;

  if (length == 0 || length > MAX_NAME || is_dots || memchr (name, '/', length) != NULL ||
      memchr (name, '\0', length) != NULL)
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, 0, "%s: a file in it has a name that no file has",
                     job_escape (u->path));
  if (used + length + 2 > sizeof u->path)
    return job_fail (u->job, UNPACK_BAD_ARCHIVE, ENAMETOOLONG, "%s: the name is too long",
                     job_escape (u->path));
  if (used > 0)
    u->path[used++] = '/';
  memcpy (u->path + used, name, length);
  u->path[used + length] = '\0';
  return true;
}

static bool
keep_below (struct unpacking *u, const char *name, sqfs_inode_generic_t *inode, struct below **list)
{
  size_t size = strlen (name) + 1;
  struct below *below = malloc (sizeof *below + size);

  if (below == NULL)
    return job_fail (u->job, UNPACK_IO, ENOMEM, "Out of memory");
  memcpy (below->name, name, size);
  below->inode = inode;
  below->next = *list;
  *list = below;
  return true;
}

/* The entry that was just read; directories are added to LIST. */
static bool
unpack_entry (struct unpacking *u, const sqfs_dir_entry_t *entry, struct below **list)
{
  sqfs_inode_generic_t *inode = NULL;
  size_t used = strlen (u->path);
  bool done = enter_name (u, (const char *)entry->name, (size_t)entry->size + 1);
  int error = done ? sqfs_dir_reader_get_inode (u->file.directories, &inode) : 0;

  if (error != 0)
    done = fail_squashfs (u, error);
  if (done && (inode->base.mode & SQFS_INODE_MODE_MASK) == SQFS_INODE_MODE_DIR) {
    done = keep_below (u, u->path + used + (used > 0 ? 1 : 0), inode, list);
    inode = done ? NULL : inode;
  } else if (done)
    done = unpack_other (u, inode);
  sqfs_free (inode);
  u->path[used] = '\0';
  return done;
}

static bool
unpack_entries (struct unpacking *u, const sqfs_inode_generic_t *inode, struct below **list)
{
  sqfs_dir_entry_t *entry = NULL;
  int error = sqfs_dir_reader_open_dir (u->file.directories, inode, 0);
  bool done = true;

  while (done && error == 0 && (error = sqfs_dir_reader_read (u->file.directories, &entry)) == 0) {
    done = unpack_entry (u, entry, list);
    sqfs_free (entry);
    job_report_progress (u->job);
  }
  return done && (error > 0 || fail_squashfs (u, error));
}

/* The directory at the path. A squashfs can have it in itself: the length of a path ends that. */
static bool
unpack_directory (struct unpacking *u, const sqfs_inode_generic_t *inode)
{
  struct tree_attributes a = { 0 };
  struct below *list = NULL;
  size_t used = strlen (u->path);
  bool done = take_attributes (u, inode, &a) && tree_make_directory (&u->tree, u->path, &a) &&
              unpack_entries (u, inode, &list);

  while (list != NULL) {
    struct below *below = list;

    list = below->next;
    done = done && enter_name (u, below->name, strlen (below->name)) && unpack_directory (u, below->inode);
    u->path[used] = '\0';
    sqfs_free (below->inode);
    free (below);
  }
  return done;
}

static bool
unpack_all (struct unpacking *u)
{
  sqfs_inode_generic_t *inode = NULL;
  int error = sqfs_dir_reader_get_root_inode (u->file.directories, &inode);
  bool done = error == 0 ? true : fail_squashfs (u, error);

  if (done && (inode->base.mode & SQFS_INODE_MODE_MASK) != SQFS_INODE_MODE_DIR)
    done = fail_squashfs (u, SQFS_ERROR_NOT_DIR);
  done = done && unpack_directory (u, inode);
  sqfs_free (inode);
  return done;
}

/* ---- */

bool
squashfs_is (const void *data, size_t size)
{
  return size >= 4 && memcmp (data, "hsqs", 4) == 0;
}

bool
squashfs_unpack (struct job *job, struct stream *stream, int root)
{
  struct unpacking *u = calloc (1, sizeof *u);
  bool done;

  if (u == NULL)
    return job_fail (job, UNPACK_IO, ENOMEM, "Out of memory");
  u->job = job;
  tree_init (&u->tree, job, root);
  done =
      squashfs_file_open (&u->file, job, stream, root) && unpack_all (u) && tree_end_directories (&u->tree);
  squashfs_file_close (&u->file);
  tree_clear (&u->tree);
  tdestroy (u->first_names, free);
  free (u);
  return done;
}
