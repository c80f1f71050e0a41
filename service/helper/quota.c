/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "privilege.h"

#define UNIT 1024u /* of a bound on bytes, whatever the file system's blocks are */

/* Nothing of another file system is counted or bounded for the broker. */
static int
check_directory (int fd, bool assign)
{
  AUTO_FD state = open (STATE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct stat st, st_state;

  if (state < 0 || fstat (state, &st_state) < 0 || fstat (fd, &st) < 0)
    return errno;
  if (!S_ISDIR (st.st_mode) || st.st_dev != st_state.st_dev)
    return EINVAL;
  /* Of one with something in it, what is there already would go uncounted. */
  return assign && (st.st_uid != 0 || st.st_nlink > 2) ? EPERM : 0;
}

/* What is made in it has the id as well, and hands it on. */
static int
assign_project (int fd, uint32_t project)
{
  struct fsxattr attributes;

  if (ioctl (fd, FS_IOC_FSGETXATTR, &attributes) < 0)
    return errno;
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  return ioctl (fd, FS_IOC_FSSETXATTR, &attributes) < 0 ? errno : 0;
}

/* ext4 and XFS both take this form of the call, though XFS has one of its own as well. */
static int
quota_call (int fd, unsigned int command, uint32_t project, struct if_dqblk *block)
{
  return syscall (SYS_quotactl_fd, fd, QCMD (command, PRJQUOTA), project, block) < 0 ? errno : 0;
}

static int
bound_project (int fd, const struct helper_quota *quota)
{
  struct if_dqblk block = {
    .dqb_bhardlimit = quota->max_bytes / UNIT + (quota->max_bytes % UNIT != 0),
    .dqb_ihardlimit = quota->max_inodes,
    .dqb_valid = QIF_LIMITS,
  };

  return quota_call (fd, Q_SETQUOTA, quota->project, &block);
}

int
step_quota (const struct packet *packet, struct step_result *ret)
{
  const struct helper_quota *quota = &packet->request.quota;
  struct if_dqblk block = { 0 };
  int fd = packet->fds[0];
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = check_directory (fd, quota->flags & HELPER_QUOTA_ASSIGN);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_REQUEST, error);
  /* The bound comes first: no moment without. */
  if ((quota->flags & HELPER_QUOTA_BOUND) && (error = bound_project (fd, quota)) != 0)
    return step_fail (ret, HELPER_STEP_QUOTA, error);
  if ((quota->flags & HELPER_QUOTA_ASSIGN) && (error = assign_project (fd, quota->project)) != 0)
    return step_fail (ret, HELPER_STEP_QUOTA, error);
  error = quota_call (fd, Q_GETQUOTA, quota->project, &block);
  /* Nothing was ever counted for it. */
  if (error != 0 && error != ENOENT)
    return step_fail (ret, HELPER_STEP_QUOTA, error);
  ret->bytes = block.dqb_curspace;
  ret->inodes = block.dqb_curinodes;
  return 0;
}
