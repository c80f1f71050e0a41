/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metadata-archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (64u * 1024)

static bool
fail_archive (struct job *job, struct archive *archive)
{
  const char *text = archive_error_string (archive);

  return job_fail (job, UNPACK_BAD_ARCHIVE, 0, "The metadata are no archive: %s",
                   text != NULL ? job_escape (text) : "it is damaged");
}

static bool
is_wanted (struct archive_entry *entry)
{
  const char *name = archive_entry_pathname (entry);

  if (name != NULL && strncmp (name, "./", 2) == 0)
    name += 2;
  return name != NULL && strcmp (name, "metadata.yaml") == 0 && archive_entry_filetype (entry) == AE_IFREG;
}

static bool
read_content (struct job *job, struct archive *archive, struct metadata *ret)
{
  char *text = malloc (METADATA_MAX_SIZE + 1);
  size_t used = 0;
  la_ssize_t size = 1;
  bool done;

  if (text == NULL)
    return job_fail (job, UNPACK_IO, 0, "Out of memory");
  while (size > 0 && used <= METADATA_MAX_SIZE) {
    size = archive_read_data (archive, text + used, METADATA_MAX_SIZE + 1 - used);
    used += size > 0 ? (size_t)size : 0;
  }
  if (size < 0)
    done = fail_archive (job, archive);
  else if (used > METADATA_MAX_SIZE)
    done = job_fail (job, UNPACK_BAD_ARCHIVE, 0, "metadata.yaml: larger than 1 MiB");
  else
    done = metadata_parse (job, text, used, ret);
  free (text);
  return done;
}

static bool
read_entries (struct job *job, struct archive *archive, int source, struct metadata *ret)
{
  struct archive_entry *entry;
  int result;

  archive_read_support_filter_gzip (archive);
  archive_read_support_filter_bzip2 (archive);
  archive_read_support_filter_xz (archive);
  archive_read_support_filter_zstd (archive);
  archive_read_support_format_tar (archive);
  if (archive_read_open_fd (archive, source, BLOCK) != ARCHIVE_OK)
    return fail_archive (job, archive);
  while ((result = archive_read_next_header (archive, &entry)) != ARCHIVE_EOF) {
    if (result < ARCHIVE_WARN)
      return fail_archive (job, archive);
    if (archive_filter_count (archive) > 2)
      return job_fail (job, UNPACK_BAD_ARCHIVE, 0, "The metadata are compressed more than once");
    if (is_wanted (entry))
      return read_content (job, archive, ret);
  }
  return job_fail (job, UNPACK_BAD_ARCHIVE, 0,
                   "There is no metadata.yaml in what should have an image's metadata");
}

bool
metadata_archive_read (struct job *job, int source, struct metadata *ret)
{
  struct archive *archive = archive_read_new ();
  bool done = archive != NULL ? read_entries (job, archive, source, ret)
                              : job_fail (job, UNPACK_IO, 0, "Out of memory");

  archive_read_free (archive);
  return done;
}
