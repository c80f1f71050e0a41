/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sockets at which supervisors listen for the next broker, each called by the id of its container. */
#include "core/container/runner-private.h"

#include "base/fd.h"
#include "platform/packet.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* unix(7) knows paths only; this one goes through the directory that is open. */
static void
address_of (BothyRunner *self, BothyContainer *container, struct sockaddr_un *ret)
{
  *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
  snprintf (ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", self->sockets_dirfd, container->id);
}

int
bothy_runner_listen (BothyRunner *self, BothyContainer *container)
{
  struct sockaddr_un address;
  autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  address_of (self, container, &address);
  bothy_runner_forget_socket (self, container);
  if (fd < 0 || bind (fd, (struct sockaddr *)&address, sizeof address) < 0 || listen (fd, 4) < 0)
    return -1;
  return g_steal_fd (&fd);
}

GSocket *
bothy_runner_connect (BothyRunner *self, BothyContainer *container)
{
  struct sockaddr_un address;

  address_of (self, container, &address);
  return bothy_packet_connect (address.sun_path, NULL);
}

gboolean
bothy_runner_has_socket (BothyRunner *self, BothyContainer *container)
{
  struct stat status;

  return fstatat (self->sockets_dirfd, container->id, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void
bothy_runner_forget_socket (BothyRunner *self, BothyContainer *container)
{
  unlinkat (self->sockets_dirfd, container->id, 0);
}
