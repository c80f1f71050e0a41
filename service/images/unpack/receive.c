/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What came beside the request, the source first, belongs where it is looked for. More than there is room for, which the
   kernel's alignment lets through, makes no request. */
static bool
place_sources (struct job *job, struct msghdr *message)
{
  struct cmsghdr *control = CMSG_FIRSTHDR (message);
  int fds[UNPACK_MAX_SOURCES];
  int n;

  if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
    return true;
  n = (int)((control->cmsg_len - CMSG_LEN (0)) / sizeof (int));
  if ((message->msg_flags & MSG_CTRUNC) != 0 || n > (int)UNPACK_MAX_SOURCES)
    return false;
  job->n_sources = (unsigned int)n;
  memcpy (fds, CMSG_DATA (control), (size_t)n * sizeof (int));
  /* First out of each other's way. */
  for (int i = 0; i < n; i++) {
    int moved = fcntl (fds[i], F_DUPFD, UNPACK_SOURCE_FD + (int)UNPACK_MAX_SOURCES);

    close (fds[i]);
    fds[i] = moved;
  }
  for (int i = 0; i < n; i++)
    if (dup2 (fds[i], UNPACK_SOURCE_FD + i) >= 0)
      close (fds[i]);
  return true;
}

static ssize_t
receive (struct job *job)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (UNPACK_MAX_SOURCES * sizeof (int))];
  } control = { 0 };
  struct iovec iov = { &job->request, sizeof job->request };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  ssize_t size;

  do
    size = recvmsg (job->connection, &message, MSG_TRUNC);
  while (size < 0 && errno == EINTR);
  return size > 0 && place_sources (job, &message) ? size : -1;
}

bool
receive_request (struct job *job)
{
  ssize_t size = receive (job);

  if (size <= 0) {
    fprintf (stderr, "This is started by bothyd\n");
    _exit (EXIT_FAILURE);
  }
  if (size == sizeof job->request && job->request.version == UNPACK_PROTOCOL_VERSION)
    return true;
  return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
}
