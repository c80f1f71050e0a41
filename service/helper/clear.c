/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "groups.h"
#include "privilege.h"

int
step_clear (const struct packet *packet, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_CHOWN) | CAPABILITY (CAP_DAC_READ_SEARCH), 0);
  struct statfs fs;

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  if (fstatfs (packet->fds[0], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
    return step_fail (ret, HELPER_STEP_GROUP, EINVAL);
  AUTO_FD payload = openat (packet->fds[0], GROUPS_PAYLOAD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (payload < 0)
    return step_fail (ret, HELPER_STEP_GROUP, errno);
  groups_clear (payload, true);
  return 0;
}
