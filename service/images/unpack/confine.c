/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "confine.h"

#include <errno.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "landlock.h"
#include "privilege.h"

#define MAX_MEMORY (UINT64_C (1) << 30) /* xz -9 needs 65 MiB, zstd --ultra --long 128 MiB */
#define MAX_FILE   ((UINT64_C (1) << 40) + 4096)
#define MAX_FDS    1024

#define N(array) (sizeof (array) / sizeof *(array))

/* What reading files and writing to fds that are open takes, and what glibc does for threads and memory. */
static const int common_calls[] = {
  SCMP_SYS (read),
  SCMP_SYS (readv),
  SCMP_SYS (pread64),
  SCMP_SYS (write),
  SCMP_SYS (lseek),
  SCMP_SYS (close),
  SCMP_SYS (fcntl),
  SCMP_SYS (fstat),
  SCMP_SYS (newfstatat),
  SCMP_SYS (statx),
  SCMP_SYS (openat),
  SCMP_SYS (openat2),
  SCMP_SYS (getdents64),
  SCMP_SYS (poll),
  SCMP_SYS (ppoll),
  SCMP_SYS (recvfrom),
  SCMP_SYS (recvmsg),
  SCMP_SYS (sendto),
  SCMP_SYS (sendmsg),
  SCMP_SYS (eventfd2),
  SCMP_SYS (brk),
  SCMP_SYS (mmap),
  SCMP_SYS (munmap),
  SCMP_SYS (mremap),
  SCMP_SYS (mprotect),
  SCMP_SYS (madvise),
  SCMP_SYS (futex),
  SCMP_SYS (set_robust_list),
  SCMP_SYS (rseq),
  SCMP_SYS (sched_yield),
  SCMP_SYS (sched_getaffinity),
  SCMP_SYS (prlimit64),
  SCMP_SYS (rt_sigaction),
  SCMP_SYS (rt_sigprocmask),
  SCMP_SYS (rt_sigreturn),
  SCMP_SYS (sigaltstack),
  SCMP_SYS (getpid),
  SCMP_SYS (gettid),
  SCMP_SYS (tgkill),
  SCMP_SYS (getrandom),
  SCMP_SYS (clock_gettime),
  SCMP_SYS (gettimeofday),
  SCMP_SYS (restart_syscall),
  SCMP_SYS (exit),
  SCMP_SYS (exit_group),
};

/* Unpacking and removing. */
static const int making_calls[] = {
  SCMP_SYS (ftruncate), SCMP_SYS (mkdirat),   SCMP_SYS (mknodat),   SCMP_SYS (symlinkat),  SCMP_SYS (linkat),
  SCMP_SYS (unlinkat),  SCMP_SYS (renameat2), SCMP_SYS (fchown),    SCMP_SYS (fchownat),   SCMP_SYS (fchmod),
  SCMP_SYS (utimensat), SCMP_SYS (fsetxattr), SCMP_SYS (fgetxattr), SCMP_SYS (readlinkat),
};

/* Copying what a container wrote. */
static const int duplicating_calls[] = {
  SCMP_SYS (ftruncate), SCMP_SYS (mkdirat),   SCMP_SYS (mknodat),    SCMP_SYS (symlinkat),
  SCMP_SYS (linkat),    SCMP_SYS (fchown),    SCMP_SYS (fchownat),   SCMP_SYS (fchmod),
  SCMP_SYS (utimensat), SCMP_SYS (fsetxattr), SCMP_SYS (readlinkat), SCMP_SYS (flistxattr),
  SCMP_SYS (fgetxattr),
};

/* Packing. */
static const int reading_calls[] = {
  SCMP_SYS (readlinkat),
  SCMP_SYS (flistxattr),
  SCMP_SYS (fgetxattr),
};

static bool
fail_confinement (struct job *job, int number, const char *what)
{
  return job_fail (job, UNPACK_IO, number, "%s: %s", what, strerror (number));
}

static bool
set_limit (int resource, uint64_t value)
{
  struct rlimit limit = { value, value };

  return setrlimit ((__rlimit_resource_t)resource, &limit) == 0;
}

bool
confine_limits (struct job *job)
{
  signal (SIGXFSZ, SIG_IGN); /* EFBIG says it, too */
  signal (SIGPIPE, SIG_IGN);
  if (!set_limit (RLIMIT_CORE, 0) || !set_limit (RLIMIT_NOFILE, MAX_FDS) ||
      !set_limit (RLIMIT_AS, MAX_MEMORY) || !set_limit (RLIMIT_FSIZE, MAX_FILE))
    return fail_confinement (job, errno, "Setting limits");
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return fail_confinement (job, errno, "no_new_privs");
  return true;
}

/* A second wall, after the user namespace: where the kernel has no Landlock, there is none. */
static bool
restrict_to_trees (struct job *job, const int *roots, size_t n, uint64_t allowed)
{
  const struct landlock_rules rules = {
    .files = LANDLOCK_FILES_ALL,
    .allowed = allowed,
    .roots = roots,
    .n_roots = n,
    .net = LANDLOCK_NET_ALL,
    .scopes = LANDLOCK_SCOPES_ALL,
  };
  int error = landlock_restrict (&rules);

  return error == 0 || fail_confinement (job, error, "Landlock");
}

/*
 * Calls that are not listed do not exist: glibc has another way where it may meet an
 * older kernel, and clone3 above all, whose flags a filter can not see, becomes clone.
 */
static int
fill_filter (scmp_filter_ctx filter, const int *calls, size_t n)
{
  const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                              CLONE_NEWUTS | CLONE_NEWCGROUP;
  int error = 0;

  for (size_t i = 0; i < N (common_calls) && error == 0; i++)
    error = seccomp_rule_add (filter, SCMP_ACT_ALLOW, common_calls[i], 0);
  for (size_t i = 0; i < n && error == 0; i++)
    error = seccomp_rule_add (filter, SCMP_ACT_ALLOW, calls[i], 0);
  if (error == 0) /* threads, not processes */
    error = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (clone), 1,
                              SCMP_A0 (SCMP_CMP_MASKED_EQ, namespaces | CLONE_THREAD, CLONE_THREAD));
  if (error == 0) /* all threads, should there be others already */
    error = seccomp_attr_set (filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) /* decided by the number alone: the other calls stay as fast as they are */
    error = seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  return error;
}

static bool
restrict_calls (struct job *job, const int *calls, size_t n, bool clones)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ERRNO (ENOSYS));
  int error = filter == NULL ? -ENOMEM : fill_filter (filter, calls, n);

  if (error == 0 && clones)
    error = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (ioctl), 1, SCMP_A1 (SCMP_CMP_EQ, FICLONE));
  if (error == 0)
    error = seccomp_load (filter);
  seccomp_release (filter);
  return error == 0 || fail_confinement (job, -error, "seccomp");
}

static bool
reduce_capabilities (struct job *job, uint64_t keep)
{
  int error = privilege_reduce (keep, 0);

  return error == 0 || fail_confinement (job, error, "Dropping capabilities");
}

bool
confine (struct job *job, int root)
{
  return confine_trees (job, &root, root >= 0 ? 1 : 0);
}

bool
confine_trees (struct job *job, const int *roots, size_t n)
{
  const uint64_t keep = CAPABILITY (CAP_CHOWN) | CAPABILITY (CAP_DAC_OVERRIDE) | CAPABILITY (CAP_FOWNER) |
                        CAPABILITY (CAP_FSETID) | CAPABILITY (CAP_SETFCAP);

  return confine_limits (job) && reduce_capabilities (job, keep) &&
         restrict_to_trees (job, roots, n,
                            ~(LANDLOCK_FILES_EXECUTE | LANDLOCK_FILES_IOCTL_DEV | LANDLOCK_FILES_CONNECT)) &&
         restrict_calls (job, making_calls, N (making_calls), false);
}

bool
confine_duplicating (struct job *job, const int *roots, size_t n)
{
  const uint64_t keep = CAPABILITY (CAP_CHOWN) | CAPABILITY (CAP_DAC_OVERRIDE) | CAPABILITY (CAP_FOWNER) |
                        CAPABILITY (CAP_FSETID) | CAPABILITY (CAP_SETFCAP);

  return confine_limits (job) && reduce_capabilities (job, keep) &&
         restrict_to_trees (job, roots, n,
                            ~(LANDLOCK_FILES_EXECUTE | LANDLOCK_FILES_IOCTL_DEV | LANDLOCK_FILES_CONNECT)) &&
         restrict_calls (job, duplicating_calls, N (duplicating_calls), true);
}

bool
confine_reading (struct job *job, const int *roots, size_t n)
{
  return confine_limits (job) && reduce_capabilities (job, CAPABILITY (CAP_DAC_READ_SEARCH)) &&
         restrict_to_trees (job, roots, n, LANDLOCK_FILES_READ_FILE | LANDLOCK_FILES_READ_DIR) &&
         restrict_calls (job, reading_calls, N (reading_calls), false);
}
