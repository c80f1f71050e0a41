/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-archive: makes a tar archive of files here, on standard output, or files here of one on standard input, for the
 * verbs that copy. A program of its own, so that no other verb waits for the libraries of libarchive. Where something can
 * not be read the archive has no end mark: then nobody takes it.
 *
 *   pack                           the directory that it is started in, as "."
 *   send NAME UID GID              the same, as NAME, of that owner
 *   send-file NAME UID GID [MODE]  what standard input is, as a file
 *   receive FIRST [NAME]           into the directory that it is started in; the first part of all names, which has to be
 *                                  FIRST, becomes NAME
 *   print                          the content of the one file of an archive
 *   attributes                     its mode, user and group, as numbers
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "archive-common.h"
#include "archive-receive.h"
#include "archive-status.h"

#define BLOCK ARCHIVE_BLOCK

struct copy {
  struct archive *disk;
  struct archive *tar;
  struct archive_entry_linkresolver *links;
  const char *name; /* in the place of the first part of names; NULL: they stay */
  long uid, gid;    /* -1: they stay */
};

/* Nobody reads it any more: who did says why. */
static void
check_written (la_ssize_t result)
{
  if (result < ARCHIVE_WARN)
    _exit (ARCHIVE_STATUS_UNWANTED);
}

static void
fill_hole (struct copy *copy, la_int64_t size)
{
  static const char zeros[BLOCK];

  for (la_int64_t part; size > 0; size -= part) {
    part = size < BLOCK ? size : BLOCK;
    check_written (archive_write_data (copy->tar, zeros, (size_t)part));
  }
}

static void
copy_content (struct copy *copy, const char *name)
{
  const void *data;
  la_int64_t offset, written = 0;
  size_t size;
  int result;

  while ((result = archive_read_data_block (copy->disk, &data, &size, &offset)) == ARCHIVE_OK) {
    fill_hole (copy, offset - written);
    check_written (archive_write_data (copy->tar, data, size));
    written = offset + (la_int64_t)size;
  }
  if (result != ARCHIVE_EOF)
    archive_give_up (name, archive_error_string (copy->disk));
}

/* What is sent is called and owned otherwise: nobody here has an account there. */
static void
rename_entry (struct copy *copy, struct archive_entry *entry)
{
  char *name;

  if (copy->name != NULL) {
    name = archive_with_first (archive_entry_pathname (entry), copy->name);
    archive_entry_copy_pathname (entry, name);
    free (name);
  }
  if (copy->uid < 0)
    return;
  /* A program that lends its owner's rights would lend root's there. */
  archive_entry_set_perm (entry, archive_entry_perm (entry) & 0777);
  archive_entry_xattr_clear (entry);
  archive_entry_acl_clear (entry);
  archive_entry_set_uid (entry, copy->uid);
  archive_entry_set_gid (entry, copy->gid);
  archive_entry_set_uname (entry, NULL);
  archive_entry_set_gname (entry, NULL);
}

static void
copy_entry (struct copy *copy, struct archive_entry *entry)
{
  struct archive_entry *spare = NULL;
  const char *name = archive_entry_pathname (entry);

  /* What listens is nothing that an image has. */
  if (archive_entry_filetype (entry) == AE_IFSOCK)
    return;
  rename_entry (copy, entry);
  archive_entry_linkify (copy->links, &entry, &spare);
  check_written (archive_write_header (copy->tar, entry));
  if (archive_entry_size (entry) > 0 && archive_entry_hardlink (entry) == NULL)
    copy_content (copy, name);
}

static void
copy_all (struct copy *copy)
{
  struct archive_entry *entry = archive_entry_new ();
  const char *name;
  int result;

  while ((result = archive_read_next_header2 (copy->disk, entry)) == ARCHIVE_OK) {
    copy_entry (copy, entry);
    archive_read_disk_descend (copy->disk);
    archive_entry_clear (entry);
  }
  name = archive_entry_pathname (entry);
  if (result != ARCHIVE_EOF)
    archive_give_up (name != NULL ? name : ".", archive_error_string (copy->disk));
  archive_entry_free (entry);
}

static void
begin_tar (struct copy *copy)
{
  copy->tar = archive_write_new ();
  archive_write_set_format_pax_restricted (copy->tar);
  check_written (archive_write_open_fd (copy->tar, STDOUT_FILENO));
}

static int
pack (const char *name, long uid, long gid)
{
  struct copy copy = { .disk = archive_read_disk_new (),
                       .links = archive_entry_linkresolver_new (),
                       .name = name,
                       .uid = uid,
                       .gid = gid };

  archive_read_disk_set_symlink_physical (copy.disk);
  archive_read_disk_set_behavior (copy.disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
  archive_entry_linkresolver_set_strategy (copy.links, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
  begin_tar (&copy);
  if (archive_read_disk_open (copy.disk, ".") != ARCHIVE_OK)
    archive_give_up (".", archive_error_string (copy.disk));
  copy_all (&copy);
  check_written (archive_write_close (copy.tar));
  return EXIT_SUCCESS;
}

/* ---- one file ---- */

/* Files of the kernel's do not say how long they are. */
static bool
says_its_length (const struct stat *st)
{
  struct statfs fs;

  return S_ISREG (st->st_mode) && st->st_size > 0 && fstatfs (STDIN_FILENO, &fs) == 0 &&
         fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC;
}

/* An archive says first how long a file is: what does not know is kept until its end. Returns where to read, and in ST how
 * much. */
static FILE *
open_input (const char *name, struct stat *st)
{
  static char buffer[BLOCK];
  mode_t mode;
  off_t begun;
  FILE *kept;
  size_t size;

  if (fstat (STDIN_FILENO, st) < 0)
    archive_give_up (name, strerror (errno));
  begun = lseek (STDIN_FILENO, 0, SEEK_CUR);
  if (says_its_length (st) && begun >= 0) {
    st->st_size = begun < st->st_size ? st->st_size - begun : 0;
    return stdin;
  }
  mode = S_ISREG (st->st_mode) ? st->st_mode : S_IFREG | 0644;
  kept = tmpfile ();
  if (kept == NULL)
    archive_give_up (name, strerror (errno));
  while ((size = fread (buffer, 1, sizeof buffer, stdin)) > 0)
    if (fwrite (buffer, 1, size, kept) != size)
      archive_give_up (name, strerror (errno));
  if (ferror (stdin) || fflush (kept) != 0 || fstat (fileno (kept), st) < 0)
    archive_give_up (name, strerror (errno));
  st->st_mode = mode;
  rewind (kept);
  return kept;
}

static int
send_file (const char *name, long uid, long gid, const char *mode)
{
  static char buffer[BLOCK];
  struct copy copy = { 0 };
  struct archive_entry *entry = archive_entry_new ();
  struct stat st;
  FILE *input = open_input (name, &st);
  la_int64_t left = st.st_size;
  size_t size;

  archive_entry_set_pathname (entry, name);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, mode != NULL ? (mode_t)strtoul (mode, NULL, 8) & 07777 : st.st_mode & 0777);
  archive_entry_set_size (entry, left);
  archive_entry_set_mtime (entry, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  archive_entry_set_uid (entry, uid);
  archive_entry_set_gid (entry, gid);
  begin_tar (&copy);
  check_written (archive_write_header (copy.tar, entry));
  for (; left > 0; left -= (la_int64_t)size) {
    size = fread (buffer, 1, left < BLOCK ? (size_t)left : BLOCK, input);
    if (size == 0)
      archive_give_up (name, ferror (input) ? strerror (errno) : "it became shorter while it was read");
    check_written (archive_write_data (copy.tar, buffer, size));
  }
  check_written (archive_write_close (copy.tar));
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  const char *what = argc > 1 ? argv[1] : "";

  /* Names are bytes; pax says UTF-8. */
  if (setlocale (LC_CTYPE, "C.UTF-8") == NULL)
    setlocale (LC_CTYPE, "");
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN); /* EFBIG says it, too */
  if (strcmp (what, "pack") == 0)
    return pack (NULL, -1, -1);
  if (strcmp (what, "send") == 0 && argc >= 5)
    return pack (argv[2], atol (argv[3]), atol (argv[4]));
  if (strcmp (what, "send-file") == 0 && argc >= 5)
    return send_file (argv[2], atol (argv[3]), atol (argv[4]), argv[5]);
  if (strcmp (what, "receive") == 0 && argc >= 3)
    return archive_receive (argv[2], argv[3]);
  if (strcmp (what, "print") == 0)
    return archive_print ();
  if (strcmp (what, "attributes") == 0)
    return archive_print_attributes ();
  fprintf (stderr, "This is started by bothy\n");
  return EXIT_FAILURE;
}
