/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/supervisor-sockets.h"

#include "base/fd.h"
#include "platform/packet.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* unix(7) knows paths only; this one goes through the directory that is open. */
static struct sockaddr_un
make_address (int dirfd, const char *id)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dirfd, id);
  return address;
}

int
bothy_supervisor_socket_listen (int dirfd, const char *id)
{
  struct sockaddr_un address = make_address (dirfd, id);
  autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  bothy_supervisor_socket_remove (dirfd, id);
  if (fd < 0 || bind (fd, (struct sockaddr *)&address, sizeof address) < 0 || listen (fd, 4) < 0)
    return -1;
  return g_steal_fd (&fd);
}

GSocket *
bothy_supervisor_socket_connect (int dirfd, const char *id)
{
  struct sockaddr_un address = make_address (dirfd, id);

  return bothy_packet_connect (address.sun_path, NULL);
}

gboolean
bothy_supervisor_socket_exists (int dirfd, const char *id)
{
  struct stat status;

  return fstatat (dirfd, id, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void
bothy_supervisor_socket_remove (int dirfd, const char *id)
{
  unlinkat (dirfd, id, 0);
}
