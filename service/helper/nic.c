/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "network.h"
#include "privilege.h"

#define SOCKET 0
#define NETNS  1

/* What the owner may do in his own namespace, and he alone: so no capability of the host's is needed. */
static int
configure_in_namespace (const struct helper_request *request)
{
  const struct network network = {
    .interface = request->nic.interface,
    .address4 = request->nic.address4,
    .gateway4 = request->nic.gateway4,
    .address6 = request->nic.address6,
    .gateway6 = request->nic.gateway6,
  };
  int userns = ioctl (NETNS, NS_GET_USERNS);

  if (userns < 0)
    return errno;
  if (setns (userns, CLONE_NEWUSER) < 0)
    return errno;
  (void)child_end_with_parent ();
  if (setns (NETNS, CLONE_NEWNET) < 0)
    return errno;
  return -network_configure (&network);
}

static void
run_owner (const struct packet *packet, int socket)
{
  const int fds[] = { socket, packet->fds[0] };
  int error = child_become (packet->request.owner, packet->request.owner_gid, fds, 2);

  if (error == 0)
    error = configure_in_namespace (&packet->request);
  (void)!write (SOCKET, &error, sizeof error);
  _exit (0);
}

int
step_nic (const struct packet *packet, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), packet->request.owner);
  int sockets[2];
  pid_t child;

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
    return step_fail (ret, HELPER_STEP_FORK, errno);
  signal (SIGCHLD, SIG_DFL);
  child = fork ();
  if (child < 0)
    return step_fail (ret, HELPER_STEP_FORK, errno);
  if (child == 0)
    run_owner (packet, sockets[1]);
  close (sockets[1]);
  /* Whoever kills it, or lets it lie about itself, spoils his own nic. */
  if (read (sockets[0], &error, sizeof error) != (ssize_t)sizeof error)
    error = ECHILD;
  kill (child, SIGKILL);
  return error != 0 ? step_fail (ret, HELPER_STEP_NIC, error) : 0;
}
