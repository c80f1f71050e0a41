/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "privilege.h"

#define FIRST_FREE_ID 65536u /* below are the machine's own accounts */

/* A second name of a file could be one that root still relies on; a control group holds nothing. */
static int
check_file (int fd, uint32_t owner)
{
  struct stat st;
  struct statfs fs;

  if (owner < FIRST_FREE_ID && (fstatfs (fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC))
    return EPERM;

  if (fstat (fd, &st) < 0)
    return errno;
  if (!S_ISDIR (st.st_mode) && !S_ISREG (st.st_mode))
    return EINVAL;
  if (st.st_uid != 0 || (S_ISREG (st.st_mode) && st.st_nlink > 1))
    return EPERM;
  return 0;
}

int
step_own (const struct packet *packet, struct step_result *ret)
{
  uint32_t owner = packet->request.owner;
  int error = privilege_reduce (CAPABILITY (CAP_CHOWN), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  /* All are checked before the first is touched. */
  for (unsigned int i = 0; i < packet->n_fds; i++) {
    ret->layer = i;
    if ((error = check_file (packet->fds[i], owner)) != 0)
      return step_fail (ret, HELPER_STEP_OWN, error);
  }
  for (unsigned int i = 0; i < packet->n_fds; i++) {
    ret->layer = i;
    if (fchownat (packet->fds[i], "", owner, owner, AT_EMPTY_PATH) < 0)
      return step_fail (ret, HELPER_STEP_OWN, errno);
  }
  ret->layer = 0;
  return 0;
}
