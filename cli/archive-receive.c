/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files here of an archive that a container had a part in. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "archive-common.h"
#include "archive-receive.h"

#define UNFINISHED ".bothy-%d"

/* The file or link that is being made, in the directory FD: "" there is none. */
static struct {
  int fd;
  char name[32];
} unfinished = { .fd = -1 };

/* Directories that were made: what they have is set at the end, when nothing more changes it. */
struct made {
  struct made *next;
  mode_t mode;
  struct timespec mtime;
  char path[];
};

struct receiving {
  struct archive *tar;
  const char *first, *name;
  mode_t mask;
  struct made *made; /* the last one first */
};

static void
clear_up (void)
{
  if (unfinished.name[0] != '\0')
    unlinkat (unfinished.fd, unfinished.name, 0);
}

static void
on_signal (int number)
{
  clear_up ();
  signal (number, SIG_DFL);
  raise (number);
}

/* ---- places ---- */

static int
open_beneath (const char *path, uint64_t flags)
{
  struct open_how how = { .flags = flags | O_CLOEXEC,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

  return (int)syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

/* The directory that PATH belongs into, as an fd, and its name there. */
static int
open_parent (const char *path, const char **ret_name)
{
  const char *slash = strrchr (path, '/');
  char *above = slash != NULL ? strndup (path, (size_t)(slash - path)) : strdup (".");
  int fd = above != NULL ? open_beneath (above, O_PATH | O_DIRECTORY) : -1;

  if (fd < 0)
    archive_give_up (path, errno == ELOOP ? "a link is in the way" : strerror (errno));
  free (above);
  *ret_name = slash != NULL ? slash + 1 : path;
  return fd;
}

/* What is at NAME may be replaced by what is no directory. */
static void
check_place (int parent, const char *name, const char *path)
{
  struct stat st;

  if (fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT)
      archive_give_up (path, strerror (errno));
  } else if (S_ISDIR (st.st_mode))
    archive_give_up (path, "is there already, a directory");
  else if (!S_ISREG (st.st_mode) && !S_ISLNK (st.st_mode))
    archive_give_up (path, "is there already, and no regular file");
}

static void
begin (int parent)
{
  unfinished.fd = parent;
  snprintf (unfinished.name, sizeof unfinished.name, UNFINISHED, (int)getpid ());
}

/* What was begun takes its place. */
static void
finish (const char *name, const char *path)
{
  if (renameat (unfinished.fd, unfinished.name, unfinished.fd, name) < 0)
    archive_give_up (path, strerror (errno));
  /* Two names of one file are not renamed. */
  clear_up ();
  unfinished.name[0] = '\0';
}

/* ---- files ---- */

static struct timespec
mtime_of (struct archive_entry *entry)
{
  return archive_entry_mtime_is_set (entry)
             ? (struct timespec){ archive_entry_mtime (entry), archive_entry_mtime_nsec (entry) }
             : (struct timespec){ .tv_nsec = UTIME_NOW };
}

static void
make_directory (
    struct receiving *r, struct archive_entry *entry, int parent, const char *name, const char *path)
{
  struct stat st;
  struct made *made;

  if (mkdirat (parent, name, 0700) < 0) {
    if (errno != EEXIST || fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      archive_give_up (path, strerror (errno));
    if (!S_ISDIR (st.st_mode))
      archive_give_up (path, "is there already, and no directory");
    return;
  }
  made = malloc (sizeof *made + strlen (path) + 1);
  if (made == NULL)
    archive_give_up (path, "Out of memory");
  made->mode = archive_entry_perm (entry) & 0777 & ~r->mask;
  made->mtime = mtime_of (entry);
  memcpy (made->path, path, strlen (path) + 1);
  made->next = r->made;
  r->made = made;
}

static void
write_at (int fd, const char *bytes, size_t size, off_t offset, const char *path)
{
  while (size > 0) {
    ssize_t written = pwrite (fd, bytes, size, offset);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      archive_give_up (path, strerror (errno));
    bytes += written;
    size -= (size_t)written;
    offset += written;
  }
}

static void
make_file (struct receiving *r, struct archive_entry *entry, int parent, const char *name, const char *path)
{
  const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of (entry) };
  int result = ARCHIVE_EOF;
  const void *data;
  la_int64_t offset;
  size_t size;
  int fd;

  check_place (parent, name, path);
  begin (parent);
  fd = openat (parent, unfinished.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    unfinished.name[0] = '\0';
    archive_give_up (path, strerror (errno));
  }
  if (archive_entry_size (entry) > 0)
    while ((result = archive_read_data_block (r->tar, &data, &size, &offset)) == ARCHIVE_OK)
      write_at (fd, data, size, offset, path);
  if (result != ARCHIVE_EOF)
    archive_give_up (path, archive_error_string (r->tar));
  if (ftruncate (fd, archive_entry_size (entry)) < 0 ||
      fchmod (fd, archive_entry_perm (entry) & 0777 & ~r->mask) < 0 || futimens (fd, times) < 0 ||
      close (fd) < 0)
    archive_give_up (path, strerror (errno));
  finish (name, path);
}

static void
make_symlink (struct archive_entry *entry, int parent, const char *name, const char *path)
{
  check_place (parent, name, path);
  begin (parent);
  if (symlinkat (archive_entry_symlink (entry), parent, unfinished.name) < 0) {
    unfinished.name[0] = '\0';
    archive_give_up (path, strerror (errno));
  }
  finish (name, path);
}

static void
make_hard_link (const char *target, int parent, const char *name, const char *path)
{
  const char *target_name;
  int from = open_parent (target, &target_name);

  check_place (parent, name, path);
  begin (parent);
  if (linkat (from, target_name, parent, unfinished.name, 0) < 0) {
    unfinished.name[0] = '\0';
    archive_give_up (path, strerror (errno));
  }
  close (from);
  finish (name, path);
}

/* ---- an archive ---- */

static struct archive *
begin_reading (void)
{
  struct archive *tar = archive_read_new ();

  archive_read_support_format_tar (tar);
  archive_read_support_format_empty (tar);
  if (archive_read_open_fd (tar, STDIN_FILENO, ARCHIVE_BLOCK) != ARCHIVE_OK)
    archive_give_up ("archive", archive_error_string (tar));
  return tar;
}

static bool
next_entry (struct archive *tar, struct archive_entry **entry)
{
  int result = archive_read_next_header (tar, entry);

  if (result != ARCHIVE_EOF && result < ARCHIVE_WARN)
    archive_give_up ("archive", archive_error_string (tar));
  return result != ARCHIVE_EOF;
}

/* PATH by its name here, without a slash at its end: free() it. What is not below the first name was not asked for. */
static char *
localize (const struct receiving *r, const char *path)
{
  size_t length = strlen (r->first);
  char *local;

  if (path == NULL || strncmp (path, r->first, length) != 0 || (path[length] != '\0' && path[length] != '/'))
    archive_give_up (path != NULL ? path : "archive", "nobody asked for it");
  local = r->name != NULL ? archive_with_first (path, r->name) : strdup (path);
  if (local == NULL)
    archive_give_up (path, "Out of memory");
  for (length = strlen (local); length > 1 && local[length - 1] == '/'; length--)
    local[length - 1] = '\0';
  return local;
}

static void
make (struct receiving *r, struct archive_entry *entry)
{
  char *path = localize (r, archive_entry_pathname (entry));
  char *target = NULL;
  const char *name;
  int parent;

  /* The root of a container is put into what is there. */
  if (strcmp (path, ".") == 0) {
    free (path);
    return;
  }
  parent = open_parent (path, &name);
  if (archive_entry_hardlink (entry) != NULL)
    make_hard_link (target = localize (r, archive_entry_hardlink (entry)), parent, name, path);
  else if (archive_entry_filetype (entry) == AE_IFDIR)
    make_directory (r, entry, parent, name, path);
  else if (archive_entry_filetype (entry) == AE_IFREG)
    make_file (r, entry, parent, name, path);
  else if (archive_entry_filetype (entry) == AE_IFLNK)
    make_symlink (entry, parent, name, path);
  close (parent);
  free (target);
  free (path);
}

static void
end_directories (struct receiving *r)
{
  for (struct made *made = r->made; made != NULL; made = made->next) {
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, made->mtime };
    int fd = open_beneath (made->path, O_RDONLY | O_DIRECTORY);

    if (fd < 0 || fchmod (fd, made->mode) < 0 || futimens (fd, times) < 0)
      archive_give_up (made->path, strerror (errno));
    close (fd);
  }
}

int
archive_receive (const char *first, const char *name)
{
  struct receiving r = { .tar = begin_reading (), .first = first, .name = name, .mask = umask (0) };
  struct archive_entry *entry;

  archive_set_clear_up (clear_up);
  signal (SIGINT, on_signal);
  signal (SIGTERM, on_signal);
  signal (SIGHUP, on_signal);
  while (next_entry (r.tar, &entry))
    make (&r, entry);
  end_directories (&r);
  return EXIT_SUCCESS;
}

/* The first entry of TAR, a regular file; NULL: there is none, and who did not write it says why. */
static struct archive_entry *
only_file (struct archive *tar)
{
  struct archive_entry *entry;

  if (!next_entry (tar, &entry))
    return NULL;
  if (archive_entry_filetype (entry) != AE_IFREG)
    archive_give_up (archive_entry_pathname (entry), "it is a directory, and not one file");
  return entry;
}

/* To its end, or who writes it hears that nobody wants it. */
static void
read_rest (struct archive *tar)
{
  struct archive_entry *entry;

  while (next_entry (tar, &entry))
    ;
}

int
archive_print (void)
{
  struct archive *tar = begin_reading ();
  struct archive_entry *entry = only_file (tar);

  if (entry == NULL)
    return EXIT_SUCCESS;
  if (archive_read_data_into_fd (tar, STDOUT_FILENO) < ARCHIVE_WARN)
    archive_give_up (archive_entry_pathname (entry), archive_error_string (tar));
  read_rest (tar);
  return EXIT_SUCCESS;
}

int
archive_print_attributes (void)
{
  struct archive *tar = begin_reading ();
  struct archive_entry *entry = only_file (tar);

  if (entry == NULL)
    return EXIT_SUCCESS;
  printf ("%o %lld %lld\n", (unsigned int)archive_entry_perm (entry), (long long)archive_entry_uid (entry),
          (long long)archive_entry_gid (entry));
  read_rest (tar);
  return EXIT_SUCCESS;
}
