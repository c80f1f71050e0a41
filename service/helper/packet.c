/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

void
packet_close (struct packet *packet)
{
  for (unsigned int i = 0; i < packet->n_fds; i++)
    close (packet->fds[i]);
  packet->n_fds = 0;
}

int
packet_receive (int connection, struct packet *ret_packet)
{
  struct wire wire = { .data = &ret_packet->request,
                       .capacity = sizeof ret_packet->request,
                       .fds = ret_packet->fds,
                       .max_fds = HELPER_MAX_FDS };
  int result = wire_receive (connection, &wire);

  ret_packet->size = wire.size;
  ret_packet->n_fds = wire.n_fds;
  ret_packet->truncated = wire.truncated;
  return result;
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
