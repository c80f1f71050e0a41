/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/quota.h"

#include <linux/dqblk_xfs.h>
#include <linux/magic.h>
#include <linux/quota.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

gboolean
bothy_quota_is_enforced (int fd)
{
  struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };

  /* ext4 answers as XFS does. Mounted without prjquota it counts, and bounds nothing. */
  return syscall (SYS_quotactl_fd, fd, QCMD (Q_XGETQSTATV, PRJQUOTA), 0, &state) == 0 &&
         (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

gboolean
bothy_quota_get_usage (
    int directory, int root, guint64 max_bytes, guint64 max_inodes, guint64 *ret_bytes, guint64 *ret_inodes)
{
  struct statfs own, all;
  guint64 unit, bound = (max_bytes + 1023) & ~G_GUINT64_CONSTANT (1023);

  if (max_bytes == 0 || max_inodes == 0 || fstatfs (directory, &own) < 0 || fstatfs (root, &all) < 0)
    return FALSE;
  unit = (guint64)own.f_bsize;
  /* A bound that is more than there is at all is not shown, nor one by which more is left than on the disk. */
  if (unit == 0 || own.f_blocks != bound / unit || own.f_files != max_inodes ||
      own.f_blocks >= all.f_blocks || own.f_files >= all.f_files || own.f_bfree >= all.f_bfree ||
      own.f_ffree >= all.f_ffree)
    return FALSE;
  *ret_bytes = (own.f_blocks - own.f_bfree) * unit;
  *ret_inodes = own.f_files - own.f_ffree;
  return TRUE;
}

void
bothy_quota_get_capacity (int fd, guint64 *ret_bytes, guint64 *ret_inodes)
{
  struct statvfs fs;
  gboolean known = fstatvfs (fd, &fs) == 0;
  struct statfs type;
  /* XFS makes inodes as there is room, and says how many there could be now: no measure that stays. */
  gboolean fixed = fstatfs (fd, &type) == 0 && type.f_type != XFS_SUPER_MAGIC;

  *ret_bytes = known ? (guint64)fs.f_blocks * fs.f_frsize : G_MAXUINT64;
  *ret_inodes = known && fixed && fs.f_files > 0 ? (guint64)fs.f_files : G_MAXUINT64;
}

const char *
bothy_quota_advice (int fd)
{
  struct statfs fs;

  if (fstatfs (fd, &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC)
    return "If a container may not fill the disk, unmount its file system, give it project quotas with "
           "tune2fs -O project,quota -Q prjquota DEVICE, and mount it with the option prjquota";
  if (fstatfs (fd, &fs) == 0 && fs.f_type == XFS_SUPER_MAGIC)
    return "If a container may not fill the disk, mount its file system with the option prjquota (for that "
           "of "
           "the root: rootflags=prjquota on the kernel's command line)";
  return "If a container may not fill the disk, put its directory on ext4 or XFS, mounted with the option "
         "prjquota";
}
