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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "busybox.h"
#include "confine.h"
#include "decompress.h"
#include "describe.h"
#include "hash.h"
#include "job.h"
#include "metadata-archive.h"
#include "remove.h"
#include "tarball.h"
#include "unified.h"

#define MAX_SOURCES 2

/* What came beside the request, the source first, belongs where it is looked for. */
static void
place_sources (struct msghdr *message)
{
  struct cmsghdr *control = CMSG_FIRSTHDR (message);
  int fds[MAX_SOURCES];
  int n;

  if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
    return;
  n = (int)((control->cmsg_len - CMSG_LEN (0)) / sizeof (int));
  memcpy (fds, CMSG_DATA (control), (size_t)n * sizeof (int));
  /* First out of each other's way. */
  for (int i = 0; i < n; i++) {
    int moved = fcntl (fds[i], F_DUPFD, UNPACK_SOURCE_FD + MAX_SOURCES);

    close (fds[i]);
    fds[i] = moved;
  }
  for (int i = 0; i < n; i++)
    if (dup2 (fds[i], UNPACK_SOURCE_FD + i) >= 0)
      close (fds[i]);
}

static ssize_t
receive (struct job *job)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (MAX_SOURCES * sizeof (int))];
  } control = { 0 };
  struct iovec iov = { &job->request, sizeof job->request };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  ssize_t size;

  do
    size = recvmsg (job->connection, &message, MSG_TRUNC);
  while (size < 0 && errno == EINTR);
  if (size > 0)
    place_sources (&message);
  return size;
}

static bool
read_request (struct job *job)
{
  ssize_t size = receive (job);

  if (size <= 0) {
    fprintf (stderr, "bothy-unpack is started by bothyd\n");
    _exit (EXIT_FAILURE);
  }
  if (size == sizeof job->request && job->request.version == UNPACK_PROTOCOL_VERSION)
    return true;
  return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
}

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
  if (read_request (&job) && work (&job, &metadata))
    text_size = describe (&job, text);
  if (text_size > 0) {
    text[text_size++] = '\0';
    text_size += metadata_write (&metadata, text + text_size);
  }
  job_finish (&job, text, text_size);
}
