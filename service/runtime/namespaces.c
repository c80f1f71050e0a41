/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "namespaces.h"

#include "autofd.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define MAX_HOSTNAME 64 /* __NEW_UTS_LEN */

struct fault
namespaces_raise_loopback (void)
{
  struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
  autofd fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || ioctl (fd, SIOCSIFFLAGS, &request) < 0)
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  return NO_FAULT;
}

struct fault
namespaces_enter (const char *hostname, int network)
{
  size_t length = strlen (hostname);

  if (length == 0 || length > MAX_HOSTNAME)
    return fault_at (SUPERVISOR_STEP_REQUEST, EINVAL);
  if (unshare (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | (network < 0 ? CLONE_NEWNET : 0)) < 0 ||
      (network >= 0 && setns (network, CLONE_NEWNET) < 0))
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  if (sethostname (hostname, length) < 0)
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  return NO_FAULT;
}
