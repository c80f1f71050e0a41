/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* SCM_MAX_FD: no message can carry more, so that none is ever lost between kernel and us. */
#define MOST_FDS 253

void
packet_close (struct packet *packet)
{
  for (unsigned int i = 0; i < packet->n_fds; i++)
    close (packet->fds[i]);
  packet->n_fds = 0;
}

static void
take_fds (struct packet *packet, const struct cmsghdr *control)
{
  size_t count = (control->cmsg_len - CMSG_LEN (0)) / sizeof (int);

  for (size_t i = 0; i < count; i++) {
    int fd;

    memcpy (&fd, CMSG_DATA (control) + i * sizeof fd, sizeof fd);
    if (packet->n_fds < HELPER_MAX_FDS) {
      packet->fds[packet->n_fds++] = fd;
    } else {
      close (fd);
      packet->truncated = true;
    }
  }
}

int
packet_receive (int connection, struct packet *ret_packet)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (MOST_FDS * sizeof (int))];
  } control;
  struct iovec iov = { &ret_packet->request, sizeof ret_packet->request };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  /* MSG_TRUNC: the true size, so that a longer message is not taken for a request. */
  ssize_t size = recvmsg (connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC);

  if (size < 0)
    return errno == EINTR ? -EAGAIN : -errno;
  ret_packet->size = (size_t)size;
  ret_packet->n_fds = 0;
  ret_packet->truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c != NULL; c = CMSG_NXTHDR (&message, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
      take_fds (ret_packet, c);
  return size == 0 && ret_packet->n_fds == 0 ? 0 : 1;
}

int
packet_reply (int connection, const struct helper_reply *reply, const int *fds, unsigned int n_fds, int flags)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (HELPER_MAX_FDS * sizeof (int))];
  } control = { 0 };
  struct iovec iov = { (void *)(uintptr_t)reply, sizeof *reply };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

  if (n_fds > HELPER_MAX_FDS)
    return -EMSGSIZE;
  if (n_fds > 0) {
    struct cmsghdr *c = &control.align;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
    memcpy (CMSG_DATA (c), fds, n_fds * sizeof (int));
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
  }
  return sendmsg (connection, &message, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
