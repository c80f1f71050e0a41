/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container knows of its network: NETWORK and HOSTS. */
#include "requests.h"

#include "autofd.h"
#include "etcfiles.h"
#include "network.h"

#include <fcntl.h>
#include <stdlib.h>

/* The container's root: while it is built an fd, later our own root as well. */
static int
open_root (const struct supervisor *supervisor)
{
  if (supervisor->rootfs.root >= 0)
    return fcntl (supervisor->rootfs.root, F_DUPFD_CLOEXEC, 3);
  return open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

struct fault
handle_network (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct packet_strings strings = { 0 };

  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed)
    return refuse (EINVAL);
  int r = packet_split (packet, 6, &strings);
  if (r < 0)
    return refuse (r);
  struct network network = { strings.fixed[0], strings.fixed[1], strings.fixed[2], strings.fixed[3],
                             strings.fixed[4] };
  autofd root = open_root (supervisor);
  struct fault fault = NO_FAULT;
  r = network_configure (&network);
  if (r < 0)
    fault = fault_at (SUPERVISOR_STEP_NETWORK, r);
  else if (*strings.fixed[5] && (r = etcfiles_write_resolv_conf (root, strings.fixed[5])) < 0)
    fault = fault_at (SUPERVISOR_STEP_FILES, r);
  free (strings.all);
  return fault;
}

struct fault
handle_hosts (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct packet_strings strings = { 0 };

  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed)
    return refuse (EINVAL);
  int r = packet_split (packet, 1, &strings);
  if (r < 0)
    return refuse (r);
  autofd root = open_root (supervisor);
  r = etcfiles_write_hosts (root, strings.fixed[0]);
  free (strings.all);
  return r < 0 ? fault_at (SUPERVISOR_STEP_FILES, r) : NO_FAULT;
}
