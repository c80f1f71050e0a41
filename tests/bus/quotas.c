/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded, it lets a process believe in a file system with project quotas, which the machine's kernel may be built without.
 * The file that BOTHY_TEST_QUOTAS names says how that file system behaves (struct quotas), and has what was asked of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_PROJECTS 64
#define UNIT       4096

struct quotas {
  int64_t is_enforced;
  int64_t error;    /* that Q_SETQUOTA and Q_GETQUOTA fail with */
  int64_t delay_ms; /* of Q_SETQUOTA where the bound is DELAYED */
  int64_t delayed;
  int64_t n_read;     /* how often Q_GETQUOTA was asked for */
  int64_t says_usage; /* statfs(2) does */
  struct {
    int64_t project, inode, max_bytes, max_inodes, bytes, inodes;
  } projects[N_PROJECTS];
};

static struct quotas *quotas;

__attribute__ ((constructor)) static void
begin (void)
{
  const char *name = getenv ("BOTHY_TEST_QUOTAS");
  int fd = name ? open (name, O_RDWR | O_CLOEXEC) : -1;

  if (fd < 0)
    return;
  quotas = mmap (NULL, sizeof *quotas, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
  if (quotas == MAP_FAILED)
    abort ();
}

static int
find (int64_t project)
{
  for (int i = 0; i < N_PROJECTS; i++)
    if (quotas->projects[i].project == project || quotas->projects[i].project == 0) {
      quotas->projects[i].project = project;
      return i;
    }
  abort ();
}

static long
control (unsigned int command, uint32_t project, void *address)
{
  struct if_dqblk *block = address;

  if (command == QCMD (Q_XGETQSTATV, PRJQUOTA)) {
    ((struct fs_quota_statv *)address)->qs_flags = quotas->is_enforced ? FS_QUOTA_PDQ_ENFD : 0;
    return 0;
  }
  if (quotas->error) {
    errno = (int)quotas->error;
    return -1;
  }
  if (command == QCMD (Q_SETQUOTA, PRJQUOTA)) {
    if ((int64_t)block->dqb_bhardlimit * 1024 == quotas->delayed)
      usleep ((unsigned int)quotas->delay_ms * 1000);
    quotas->projects[find (project)].max_bytes = (int64_t)block->dqb_bhardlimit * 1024;
    quotas->projects[find (project)].max_inodes = (int64_t)block->dqb_ihardlimit;
  } else {
    quotas->n_read++;
    block->dqb_curspace = (uint64_t)quotas->projects[find (project)].bytes;
    block->dqb_curinodes = (uint64_t)quotas->projects[find (project)].inodes;
  }
  return 0;
}

long
syscall (long number, ...)
{
  static long (*real) (long, ...);
  long a[6];
  va_list arguments;

  va_start (arguments, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg (arguments, long);
  va_end (arguments);
  if (quotas && number == SYS_quotactl_fd)
    return control ((unsigned int)a[1], (uint32_t)a[2], (void *)a[3]);
  if (!real)
    real = dlsym (RTLD_NEXT, "syscall");
  return real (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
ioctl (int fd, unsigned long request, ...)
{
  static int (*real) (int, unsigned long, ...);
  struct stat st;
  va_list arguments;
  void *argument;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);
  if (quotas && request == FS_IOC_FSGETXATTR)
    return (int)(long)memset (argument, 0, sizeof (struct fsxattr)) & 0;
  if (quotas && request == FS_IOC_FSSETXATTR) {
    fstat (fd, &st);
    quotas->projects[find (((struct fsxattr *)argument)->fsx_projid)].inode = (int64_t)st.st_ino;
    return 0;
  }
  if (!real)
    real = dlsym (RTLD_NEXT, "ioctl");
  return real (fd, request, argument);
}

/* As the kernel has it of ext4 and XFS for a directory that hands its project on, and is bounded. */
static void
show_usage (int fd, struct statfs64 *ret)
{
  struct stat st;

  if (!quotas || !quotas->says_usage || fstat (fd, &st) < 0)
    return;
  for (int i = 0; i < N_PROJECTS; i++)
    if (quotas->projects[i].inode == (int64_t)st.st_ino && quotas->projects[i].max_bytes) {
      ret->f_bsize = UNIT;
      ret->f_blocks = (fsblkcnt64_t)quotas->projects[i].max_bytes / UNIT;
      ret->f_bfree = ret->f_blocks - (fsblkcnt64_t)quotas->projects[i].bytes / UNIT;
      ret->f_files = (fsfilcnt64_t)quotas->projects[i].max_inodes;
      ret->f_ffree = ret->f_files - (fsfilcnt64_t)quotas->projects[i].inodes;
    }
}

int
fstatfs64 (int fd, struct statfs64 *ret)
{
  static int (*real) (int, struct statfs64 *);
  int result;

  if (!real)
    real = dlsym (RTLD_NEXT, "fstatfs64");
  result = real (fd, ret);
  if (result == 0)
    show_usage (fd, ret);
  return result;
}

/* On machines of 64 bits both are the same. */
int
fstatfs (int fd, struct statfs *ret)
{
  return fstatfs64 (fd, (struct statfs64 *)ret);
}
