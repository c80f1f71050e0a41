/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-archive: writes the directory that it is started in as a tar archive to standard output,
 * for "bothy image import DIRECTORY". A program of its own, so that no other verb waits for the
 * libraries of libarchive. Where something can not be read the archive has no end mark: then
 * nobody takes it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive-status.h"

#define BLOCK (64 * 1024)

struct copy {
  struct archive *disk;
  struct archive *tar;
  struct archive_entry_linkresolver *links;
};

static void
print_escaped (const char *text)
{
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      fprintf (stderr, "\\x%02x", (unsigned char)*text);
    else
      putc (*text, stderr);
}

static _Noreturn void
give_up (const char *name, const char *reason)
{
  fputs ("bothy: ", stderr);
  print_escaped (name);
  fputs (": ", stderr);
  print_escaped (reason != NULL ? reason : "?");
  putc ('\n', stderr);
  _exit (ARCHIVE_STATUS_UNREADABLE);
}

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
    give_up (name, archive_error_string (copy->disk));
}

static void
copy_entry (struct copy *copy, struct archive_entry *entry)
{
  struct archive_entry *spare = NULL;
  const char *name = archive_entry_pathname (entry);

  /* What listens is nothing that an image has. */
  if (archive_entry_filetype (entry) == AE_IFSOCK)
    return;
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
    give_up (name != NULL ? name : ".", archive_error_string (copy->disk));
  archive_entry_free (entry);
}

int
main (void)
{
  struct copy copy = { archive_read_disk_new (), archive_write_new (), archive_entry_linkresolver_new () };

  /* Names are bytes; pax says UTF-8. */
  if (setlocale (LC_CTYPE, "C.UTF-8") == NULL)
    setlocale (LC_CTYPE, "");
  signal (SIGPIPE, SIG_IGN);
  archive_read_disk_set_symlink_physical (copy.disk);
  archive_read_disk_set_behavior (copy.disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
  archive_write_set_format_pax_restricted (copy.tar);
  archive_entry_linkresolver_set_strategy (copy.links, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
  check_written (archive_write_open_fd (copy.tar, STDOUT_FILENO));
  if (archive_read_disk_open (copy.disk, ".") != ARCHIVE_OK)
    give_up (".", archive_error_string (copy.disk));
  copy_all (&copy);
  check_written (archive_write_close (copy.tar));
  return EXIT_SUCCESS;
}
