/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* SCM_MAX_FD: no message can carry more, so that none is ever lost between kernel and us. */
#define MOST_FDS 253

static void
take_fds (struct wire *wire, const struct cmsghdr *control)
{
  size_t count = (control->cmsg_len - CMSG_LEN (0)) / sizeof (int);

  for (size_t i = 0; i < count; i++) {
    int fd;

    memcpy (&fd, CMSG_DATA (control) + i * sizeof fd, sizeof fd);
    if (wire->n_fds < wire->max_fds) {
      wire->fds[wire->n_fds++] = fd;
    } else {
      close (fd);
      wire->truncated = true;
    }
  }
}

int
wire_receive (int connection, struct wire *wire)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (MOST_FDS * sizeof (int))];
  } control;
  struct iovec iov = { wire->data, wire->capacity };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  /* MSG_TRUNC: the true size, so that a longer message is not taken for a request. */
  ssize_t size = recvmsg (connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC);

  if (size < 0)
    return errno == EINTR ? -EAGAIN : -errno;
  wire->size = (size_t)size;
  wire->n_fds = 0;
  wire->truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c != NULL; c = CMSG_NXTHDR (&message, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
      take_fds (wire, c);
  return size == 0 && wire->n_fds == 0 ? 0 : 1;
}

bool
wire_peer_is_root (int connection)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  return getsockopt (connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}
