/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-unpack: turns an archive, or the machine's busybox, into a root file system or a layer
 * of one, hashes what is unpacked, and removes. Started by bothy-helper as uid 0 of a user namespace over the
 * neutral range; see protocol.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "busybox.h"
#include "check.h"
#include "configuration.h"
#include "confine.h"
#include "decompress.h"
#include "describe.h"
#include "duplicate.h"
#include "hash.h"
#include "job.h"
#include "metadata-archive.h"
#include "over.h"
#include "receive.h"
#include "remove.h"
#include "survey.h"
#include "tarball.h"
#include "tree.h"
#include "unified.h"

/* The tree, and then the archive, or the highest layer, and what comes after it. */
static int fds[1 + UNPACK_MAX_SOURCES];

/* An archive that is what it is wherever it is unpacked, or one over other layers. */
static bool
unpack (struct job *job)
{
  struct over over;
  int roots[2] = { UNPACK_TREE_FD };
  bool is_over = job->request.mode == UNPACK_LAYER && (job->request.flags & UNPACK_IS_OVER) != 0;

  if (!is_over)
    return confine (job, UNPACK_TREE_FD) && job_watch (job) &&
           tarball_unpack (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD, NULL);
  if (job->n_sources < 2)
    return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
  if (!over_mount (job, UNPACK_TREE_FD, fds + 2, job->n_sources - 1, &over))
    return false;
  roots[1] = over.merged;
  return confine_trees (job, roots, 2) && job_watch (job) &&
         tarball_unpack (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD, &over);
}

/* Where a copy goes: into a directory, or beside others of the one above it, by a name of its own. */
struct place {
  int directory;
  const char *name; /* NULL: as the archive calls it */
};

static bool
find_place (struct job *job, struct place *ret)
{
  static char path[UNPACK_MAX_PATH];
  char *name;

  memcpy (path, job->request.path, sizeof path);
  path[sizeof path - 1] = '\0';
  *ret = (struct place){ .directory = tree_open_across (UNPACK_TREE_FD, path, O_RDONLY | O_DIRECTORY) };
  if (ret->directory >= 0)
    return true;
  name = strrchr (path, '/');
  if ((errno != ENOENT && errno != ENOTDIR) || name == NULL || name[1] == '\0' ||
      strcmp (name + 1, ".") == 0 || strcmp (name + 1, "..") == 0)
    return job_fail_errno (job, path, "opening the directory to copy to");
  *name = '\0';
  ret->name = name + 1;
  ret->directory = tree_open_across (UNPACK_TREE_FD, path, O_RDONLY | O_DIRECTORY);
  return ret->directory >= 0 ||
         job_fail_errno (job, path[0] != '\0' ? path : "/", "opening the directory to copy to");
}

static bool
copy_to (struct job *job)
{
  struct place place;

  return find_place (job, &place) && confine (job, place.directory) && job_watch (job) &&
         tarball_copy (job, UNPACK_SOURCE_FD, place.directory, place.name);
}

/* What is said of what was made or read, beside its os-release and architecture. */
struct words {
  struct metadata metadata;
  char lines[CONFIGURATION_MAX_TEXT]; /* of what another tool made */
  size_t lines_size;
  bool has_lines;
};

/* A tree, twice. */
static bool
survey (struct job *job, struct words *words)
{
  if (job->n_sources != 2)
    return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
  if (!confine_reading (job, fds + 1, 2) || !job_watch (job))
    return false;
  words->has_lines = true;
  words->lines_size = survey_tree (job, fds[1], fds[2], words->lines);
  return words->lines_size > 0;
}

static bool
read_configuration (struct job *job, struct words *words)
{
  if (!confine (job, -1) || !job_watch (job))
    return false;
  words->has_lines = true;
  words->lines_size = configuration_read (job, UNPACK_SOURCE_FD, words->lines);
  return !job_has_failed (job);
}

static bool
work (struct job *job, struct words *words)
{
  struct busybox busybox;

  switch ((enum unpack_mode)job->request.mode) {
  case UNPACK_ARCHIVE:
  case UNPACK_LAYER:
    return unpack (job) &&
           (job->request.mode == UNPACK_LAYER || unified_promote (job, UNPACK_TREE_FD, &words->metadata));
  case UNPACK_BUSYBOX:
    return busybox_load (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD, &busybox) && confine (job, UNPACK_TREE_FD) &&
           job_watch (job) && busybox_install (job, &busybox, UNPACK_TREE_FD);
  case UNPACK_REMOVE:
    return confine (job, UNPACK_TREE_FD) && job_watch (job) && remove_below (job, UNPACK_TREE_FD);
  case UNPACK_COPY_TO:
    return copy_to (job);
  case UNPACK_BUNDLE:
  case UNPACK_PACK:
  case UNPACK_COPY_FROM:
  case UNPACK_DIFF:
    break;
  case UNPACK_HASH:
    return confine (job, -1) && job_watch (job) && hash_copy (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD);
  case UNPACK_DECOMPRESS:
    return confine (job, -1) && job_watch (job) && decompress_copy (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD);
  case UNPACK_CHECK:
    return confine_reading (job, fds, 1 + job->n_sources) && job_watch (job) &&
           check_below (job, UNPACK_TREE_FD, fds + 1, job->n_sources);
  case UNPACK_DUPLICATE:
    return confine_duplicating (job, fds, 2) && job_watch (job) &&
           duplicate_upper (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD);
  case UNPACK_METADATA:
    return confine (job, -1) && job_watch (job) &&
           metadata_archive_read (job, UNPACK_SOURCE_FD, &words->metadata);
  case UNPACK_CONFIGURATION:
    return read_configuration (job, words);
  case UNPACK_SURVEY:
    return survey (job, words);
  }
  return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
}

/* What there is to say of what was made or read: os-release, NUL, architecture. */
static size_t
describe (struct job *job, char *text)
{
  switch ((enum unpack_mode)job->request.mode) {
  case UNPACK_ARCHIVE:
  case UNPACK_LAYER:
  case UNPACK_BUSYBOX:
    return describe_tree (job, UNPACK_TREE_FD, text);
  case UNPACK_SURVEY:
    return describe_tree (job, UNPACK_SOURCE_FD, text);
  case UNPACK_METADATA:
  case UNPACK_CONFIGURATION:
    text[0] = '\0';
    return 1;
  case UNPACK_REMOVE:
  case UNPACK_BUNDLE:
  case UNPACK_HASH:
  case UNPACK_DECOMPRESS:
  case UNPACK_PACK:
  case UNPACK_CHECK:
  case UNPACK_COPY_FROM:
  case UNPACK_COPY_TO:
  case UNPACK_DUPLICATE:
  case UNPACK_DIFF:
    break;
  }
  return 0;
}

int
main (void)
{
  static struct job job = JOB_INIT;
  static char text[DESCRIBE_MAX_TEXT + METADATA_MAX_TEXT + CONFIGURATION_MAX_TEXT];
  static struct words words;
  size_t text_size = 0;

  /* So that libarchive takes names as the bytes that they are: pax says UTF-8, and so do we. */
  if (setlocale (LC_CTYPE, "C.UTF-8") == NULL)
    setlocale (LC_CTYPE, "");
  umask (0);
  for (int i = 0; i <= (int)UNPACK_MAX_SOURCES; i++)
    fds[i] = UNPACK_TREE_FD + i;
  job.connection = UNPACK_CONNECTION_FD;
  if (receive_request (&job) && work (&job, &words))
    text_size = describe (&job, text);
  if (text_size > 0) {
    text[text_size++] = '\0';
    if (!words.has_lines)
      text_size += metadata_write (&words.metadata, text + text_size);
    memcpy (text + text_size, words.lines, words.lines_size);
    text_size += words.lines_size;
  }
  job_finish (&job, text, text_size);
}
