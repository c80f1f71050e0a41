/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-pack: writes what the layers of an image show together, or a part of a container that runs, into an archive,
 * which a user opened; or what changed from some layers to others. Started as bothy-unpack is, and speaks the same; see protocol.h. A program of its own, for it
 * reads and makes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "images/unpack/confine.h"
#include "images/unpack/receive.h"
#include "images/unpack/tree.h"
#include "diff.h"
#include "fd.h"
#include "pack.h"

static void
read_layers (struct job *job)
{
  int roots[UNPACK_MAX_SOURCES];

  for (unsigned int i = 0; i < UNPACK_MAX_SOURCES; i++)
    roots[i] = UNPACK_LAYERS_FD + (int)i;
  if (!confine_reading (job, roots, job->n_sources - 1) || !job_watch (job))
    return;
  if (job->request.mode == UNPACK_DIFF)
    diff_layers (job, roots, job->n_sources - 1, UNPACK_SOURCE_FD);
  else
    pack_layers (job, roots, job->n_sources - 1, UNPACK_SOURCE_FD);
}

/* A regular file or a directory, which *RET_DIRECTORY says; nothing else is opened for more than its name, for that can do
 * things. */
static int
open_live (struct job *job, const char *path, bool *ret_directory)
{
  AUTO_FD found = tree_open_across (UNPACK_TREE_FD, path, O_PATH);
  struct stat st;
  int fd;

  if (found < 0 || fstat (found, &st) < 0) {
    job_fail_errno (job, path, "opening it");
    return -1;
  }
  if (!S_ISREG (st.st_mode) && !S_ISDIR (st.st_mode)) {
    job_fail (job, UNPACK_IO, EINVAL, "%s: is neither a file nor a directory", job_escape (path));
    return -1;
  }
  fd = tree_open_across (UNPACK_TREE_FD, path,
                         O_RDONLY | O_NONBLOCK | O_NOCTTY | (S_ISDIR (st.st_mode) ? O_DIRECTORY : 0));
  if (fd < 0 || fstat (fd, &st) < 0)
    job_fail_errno (job, path, "opening it");
  else if (!S_ISREG (st.st_mode) && !S_ISDIR (st.st_mode))
    job_fail (job, UNPACK_IO, EINVAL, "%s: is neither a file nor a directory any more", job_escape (path));
  *ret_directory = S_ISDIR (st.st_mode);
  return fd;
}

static void
pack_part (struct job *job)
{
  static char path[UNPACK_MAX_PATH];
  const char *name;
  bool is_directory = false;
  size_t length;
  int fd;

  memcpy (path, job->request.path, sizeof path);
  path[sizeof path - 1] = '\0';
  for (length = strlen (path); length > 1 && path[length - 1] == '/'; length--)
    path[length - 1] = '\0';
  name = strrchr (path, '/');
  name = name != NULL && name[1] != '\0' ? name + 1 : ".";
  if (strcmp (name, "..") == 0) {
    job_fail (job, UNPACK_IO, EINVAL, "%s: has no name of its own", job_escape (path));
    return;
  }
  fd = open_live (job, path, &is_directory);
  if (!job_has_failed (job) && confine_reading (job, &fd, is_directory ? 1 : 0) && job_watch (job))
    pack_live (job, fd, name, UNPACK_SOURCE_FD);
}

int
main (void)
{
  static struct job job = JOB_INIT;

  if (setlocale (LC_CTYPE, "C.UTF-8") == NULL)
    setlocale (LC_CTYPE, "");
  job.connection = UNPACK_CONNECTION_FD;
  if (receive_request (&job)) {
    if ((job.request.mode == UNPACK_PACK || job.request.mode == UNPACK_DIFF) && job.n_sources >= 2)
      read_layers (&job);
    else if (job.request.mode == UNPACK_COPY_FROM && job.n_sources == 1)
      pack_part (&job);
    else
      job_fail (&job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
  }
  job_finish (&job, NULL, 0);
}
