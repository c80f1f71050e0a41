/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-unpack: turns an archive, or the machine's busybox, into a root file system or a layer
 * of one, hashes what is unpacked, and removes. Started by bothy-helper as uid 0 of a user namespace over the
 * neutral range; see protocol.h.
 */
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "busybox.h"
#include "confine.h"
#include "decompress.h"
#include "describe.h"
#include "hash.h"
#include "job.h"
#include "metadata-archive.h"
#include "receive.h"
#include "remove.h"
#include "tarball.h"
#include "unified.h"

static bool
work (struct job *job, struct metadata *metadata)
{
  struct busybox busybox;

  switch ((enum unpack_mode)job->request.mode) {
  case UNPACK_ARCHIVE:
  case UNPACK_LAYER:
    return confine (job, UNPACK_TREE_FD) && job_watch (job) &&
           tarball_unpack (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD) &&
           (job->request.mode == UNPACK_LAYER || unified_promote (job, UNPACK_TREE_FD, metadata));
  case UNPACK_BUSYBOX:
    return busybox_load (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD, &busybox) && confine (job, UNPACK_TREE_FD) &&
           job_watch (job) && busybox_install (job, &busybox, UNPACK_TREE_FD);
  case UNPACK_REMOVE:
    return confine (job, UNPACK_TREE_FD) && job_watch (job) && remove_below (job, UNPACK_TREE_FD);
  case UNPACK_BUNDLE:
  case UNPACK_PACK:
    break;
  case UNPACK_HASH:
    return confine (job, -1) && job_watch (job) && hash_copy (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD);
  case UNPACK_DECOMPRESS:
    return confine (job, -1) && job_watch (job) && decompress_copy (job, UNPACK_SOURCE_FD, UNPACK_TREE_FD);
  case UNPACK_METADATA:
    return confine (job, -1) && job_watch (job) && metadata_archive_read (job, UNPACK_SOURCE_FD, metadata);
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
  case UNPACK_METADATA:
    text[0] = '\0';
    return 1;
  case UNPACK_REMOVE:
  case UNPACK_BUNDLE:
  case UNPACK_HASH:
  case UNPACK_DECOMPRESS:
  case UNPACK_PACK:
    break;
  }
  return 0;
}

int
main (void)
{
  static struct job job = JOB_INIT;
  static char text[DESCRIBE_MAX_TEXT + METADATA_MAX_TEXT];
  static struct metadata metadata;
  size_t text_size = 0;

  /* So that libarchive takes names as the bytes that they are: pax says UTF-8, and so do we. */
  if (setlocale (LC_CTYPE, "C.UTF-8") == NULL)
    setlocale (LC_CTYPE, "");
  umask (0);
  job.connection = UNPACK_CONNECTION_FD;
  if (receive_request (&job) && work (&job, &metadata))
    text_size = describe (&job, text);
  if (text_size > 0) {
    text[text_size++] = '\0';
    text_size += metadata_write (&metadata, text + text_size);
  }
  job_finish (&job, text, text_size);
}
