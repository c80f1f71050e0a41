/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unit shuts this process in, if there is systemd; this is the second wall. It is a list of
 * what is refused, for resolvers are plugins of the C library and differ from one machine to the next.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "landlock.h"

#define MAX_FILE FETCH_MAX_CACHE /* a catalogue, as it comes or as it is kept */
#define MAX_FDS  256

static const int refused_calls[] = {
  /* Nothing is written: what comes goes into a pipe, or into memory. */
  SCMP_SYS (mkdirat),
  SCMP_SYS (mknodat),
  SCMP_SYS (unlinkat),
  SCMP_SYS (renameat),
  SCMP_SYS (renameat2),
  SCMP_SYS (linkat),
  SCMP_SYS (symlinkat),
  SCMP_SYS (fchmodat),
  SCMP_SYS (fchownat),
  SCMP_SYS (truncate),
  SCMP_SYS (setxattr),
  SCMP_SYS (lsetxattr),
  SCMP_SYS (fsetxattr),
  SCMP_SYS (removexattr),
  SCMP_SYS (utimensat),
  SCMP_SYS (openat2),
  SCMP_SYS (open_by_handle_at),
  SCMP_SYS (name_to_handle_at),
  SCMP_SYS (mkdir),
  SCMP_SYS (mknod),
  SCMP_SYS (unlink),
  SCMP_SYS (rmdir),
  SCMP_SYS (rename),
  SCMP_SYS (link),
  SCMP_SYS (symlink),
  SCMP_SYS (chmod),
  SCMP_SYS (chown),
  SCMP_SYS (lchown),
  SCMP_SYS (creat),
  /* Other processes, other namespaces, the kernel itself. */
  SCMP_SYS (ptrace),
  SCMP_SYS (process_vm_readv),
  SCMP_SYS (process_vm_writev),
  SCMP_SYS (kcmp),
  SCMP_SYS (pidfd_open),
  SCMP_SYS (pidfd_getfd),
  SCMP_SYS (unshare),
  SCMP_SYS (setns),
  SCMP_SYS (mount),
  SCMP_SYS (umount2),
  SCMP_SYS (pivot_root),
  SCMP_SYS (chroot),
  SCMP_SYS (open_tree),
  SCMP_SYS (move_mount),
  SCMP_SYS (fsopen),
  SCMP_SYS (fsmount),
  SCMP_SYS (fsconfig),
  SCMP_SYS (mount_setattr),
  SCMP_SYS (bpf),
  SCMP_SYS (perf_event_open),
  SCMP_SYS (userfaultfd),
  SCMP_SYS (io_uring_setup),
  SCMP_SYS (io_uring_enter),
  SCMP_SYS (io_uring_register),
  SCMP_SYS (keyctl),
  SCMP_SYS (add_key),
  SCMP_SYS (request_key),
  SCMP_SYS (kexec_load),
  SCMP_SYS (init_module),
  SCMP_SYS (finit_module),
  SCMP_SYS (delete_module),
  SCMP_SYS (personality),
  SCMP_SYS (acct),
  SCMP_SYS (quotactl),
  SCMP_SYS (swapon),
  SCMP_SYS (reboot),
  SCMP_SYS (modify_ldt),
  SCMP_SYS (vmsplice),
  SCMP_SYS (listen),
  SCMP_SYS (accept),
  SCMP_SYS (accept4),
};

static int
fill_filter (scmp_filter_ctx filter)
{
  const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                              CLONE_NEWUTS | CLONE_NEWCGROUP;
  /* Also who only reads can make a file, or empty it. */
  static const struct {
    int mask, value;
  } writing[] = {
    { O_ACCMODE, O_WRONLY }, { O_ACCMODE, O_RDWR }, { O_CREAT, O_CREAT }, { O_TRUNC, O_TRUNC }
  };
  int error = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (refused_calls) && error == 0; i++)
    error = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), refused_calls[i], 0);
  for (gsize i = 0; i < G_N_ELEMENTS (writing) && error == 0; i++) {
    error = seccomp_rule_add (
        filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (openat), 1,
        SCMP_A2 (SCMP_CMP_MASKED_EQ, (scmp_datum_t)writing[i].mask, (scmp_datum_t)writing[i].value));
    if (error == 0)
      error = seccomp_rule_add (
          filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (open), 1,
          SCMP_A1 (SCMP_CMP_MASKED_EQ, (scmp_datum_t)writing[i].mask, (scmp_datum_t)writing[i].value));
  }
  for (uint64_t bit = 1; bit <= namespaces && error == 0; bit <<= 1) {
    if (namespaces & bit)
      error = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (clone), 1,
                                SCMP_A0 (SCMP_CMP_MASKED_EQ, bit, bit));
  }
  /* Its flags lie in memory, where a filter does not see them: glibc then takes clone. */
  if (error == 0)
    error = seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (clone3), 0);
  if (error == 0) /* all threads, should there be others already */
    error = seccomp_attr_set (filter, SCMP_FLTATR_CTL_TSYNC, 1);
  return error;
}

/*
 * Reading stays, and so do UDP and the sockets of other services, for nobody knows what the machine's resolvers
 * ask; and starting a program, for gpgv(1) checks signatures, shut in as we are. Where the kernel has no
 * Landlock, the filter of system calls stands alone.
 */
static int
restrict_files (void)
{
  const struct landlock_rules rules = {
    .files = LANDLOCK_FILES_ALL & ~(LANDLOCK_FILES_EXECUTE | LANDLOCK_FILES_READ_FILE |
                                    LANDLOCK_FILES_READ_DIR | LANDLOCK_FILES_CONNECT),
    .net = LANDLOCK_NET_LISTEN_TCP,
    .scopes = LANDLOCK_SCOPES_ALL,
  };

  return landlock_restrict (&rules);
}

static gboolean
fail_confinement (GError **error, int number, const char *what)
{
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "%s: %s", what, g_strerror (number));
  return FALSE;
}

gboolean
confine (GError **error)
{
  const struct rlimit none = { 0, 0 }, file = { MAX_FILE, MAX_FILE }, fds = { MAX_FDS, MAX_FDS };
  scmp_filter_ctx filter;
  int number;

  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  if (setrlimit (RLIMIT_CORE, &none) < 0 || setrlimit (RLIMIT_FSIZE, &file) < 0 ||
      setrlimit (RLIMIT_NOFILE, &fds) < 0)
    return fail_confinement (error, errno, "Setting limits");
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return fail_confinement (error, errno, "no_new_privs");
  /* What others ask in is not for who took over one of us: they all have the same uid. */
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return fail_confinement (error, errno, "PR_SET_DUMPABLE");
  number = restrict_files ();
  if (number != 0)
    return fail_confinement (error, number, "Landlock");
  filter = seccomp_init (SCMP_ACT_ALLOW);
  number = filter ? fill_filter (filter) : -ENOMEM;
  if (number == 0)
    number = seccomp_load (filter);
  seccomp_release (filter);
  return number == 0 || fail_confinement (error, -number, "seccomp");
}
