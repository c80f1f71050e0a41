/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs inside a container (test_supervisor.py builds and starts it): what the seccomp filter answers to
 * system calls of each ABI. One line for each that is answered otherwise than expected; the code says whether
 * there was any. Argument: "nesting" for the filter that lets user namespaces be.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIOCSTI_   0x5412
#define TIOCLINUX_ 0x541c
#define HIGH       0x100000000L /* a bit that the kernel does not look at in an int */

static int wrong;

static void
expect (const char *abi, const char *name, long number, long result, int error)
{
  int got = result < 0 ? errno : 0;

  if (got == error)
    return;
  printf ("%s %s %ld: %s, not %s\n", abi, name, number, strerror (got), strerror (error));
  wrong++;
}

static const struct {
  const char *name;
  long number;
} denied[] = {
#define CALL(name) #name, SYS_##name
  { CALL (acct) },
  { CALL (add_key) },
  { CALL (bpf) },
  { CALL (delete_module) },
  { CALL (finit_module) },
  { CALL (init_module) },
  { CALL (io_uring_enter) },
  { CALL (io_uring_setup) },
  { CALL (io_uring_register) },
  { CALL (kexec_load) },
  { CALL (keyctl) },
  { CALL (lookup_dcookie) },
  { CALL (migrate_pages) },
  { CALL (move_pages) },
  { CALL (nfsservctl) },
  { CALL (open_by_handle_at) },
  { CALL (perf_event_open) },
  { CALL (quotactl) },
  { CALL (request_key) },
  { CALL (swapoff) },
  { CALL (swapon) },
  { CALL (syslog) },
  { CALL (userfaultfd) },
  { CALL (vmsplice) },
  { CALL (clock_settime) },
  { CALL (settimeofday) },
#ifdef __x86_64__
  { CALL (ioperm) },
  { CALL (iopl) },
  { CALL (kexec_file_load) },
  { CALL (uselib) },
  { CALL (ustat) },
  { CALL (sysfs) },
#endif
};

static const struct {
  const char *name;
  long number;
} denied_strictly[] = {
  { CALL (adjtimex) },
  { CALL (chroot) },
  { CALL (clock_adjtime) },
  { CALL (fanotify_init) },
  { CALL (fanotify_mark) },
  { CALL (fsconfig) },
  { CALL (fsmount) },
  { CALL (fsopen) },
  { CALL (fspick) },
  { CALL (kcmp) },
  { CALL (mount) },
  { CALL (mount_setattr) },
  { CALL (move_mount) },
  { CALL (name_to_handle_at) },
  { CALL (open_tree) },
  { CALL (pidfd_getfd) },
  { CALL (pivot_root) },
  { CALL (process_madvise) },
  { CALL (process_vm_readv) },
  { CALL (process_vm_writev) },
  { CALL (ptrace) },
  { CALL (reboot) },
  { CALL (setns) },
  { CALL (umount2) },
#ifdef __x86_64__
  { CALL (modify_ldt) },
#endif
};

static void
try_families (bool strict)
{
  for (int family = 1; family < 46; family++) {
    bool allowed = family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK ||
                   (family == AF_PACKET && !strict);

    expect ("native", "socket", family, socket (family, SOCK_DGRAM, 0), allowed ? 0 : EAFNOSUPPORT);
    if (!allowed)
      expect ("native", "socket with high bits", family, syscall (SYS_socket, HIGH | family, SOCK_DGRAM, 0),
              EAFNOSUPPORT);
  }
}

static const struct {
  const char *name;
  int number;
  bool usual, nested, strict; /* whether each level has it */
} netlink[] = {
#define NETLINK(name, ...) #name, NETLINK_##name, __VA_ARGS__
  { NETLINK (ROUTE, true, true, true) },
  { NETLINK (UNUSED, false, false, false) },
  { NETLINK (USERSOCK, false, false, false) },
  { NETLINK (FIREWALL, false, false, false) },
  { NETLINK (SOCK_DIAG, false, false, false) },
  { NETLINK (NFLOG, false, false, false) },
  { NETLINK (XFRM, false, false, false) },
  { NETLINK (SELINUX, false, false, false) },
  { NETLINK (ISCSI, false, false, false) },
  { NETLINK (AUDIT, false, false, false) },
  { NETLINK (FIB_LOOKUP, false, false, false) },
  { NETLINK (CONNECTOR, false, false, false) },
  { NETLINK (NETFILTER, false, true, false) },
  { NETLINK (IP6_FW, false, false, false) },
  { NETLINK (DNRTMSG, false, false, false) },
  { NETLINK (KOBJECT_UEVENT, true, true, false) },
  { NETLINK (GENERIC, true, true, false) },
  { "17", 17, false, false, false },
  { NETLINK (SCSITRANSPORT, false, false, false) },
  { NETLINK (ECRYPTFS, false, false, false) },
  { NETLINK (RDMA, false, false, false) },
  { NETLINK (CRYPTO, false, false, false) },
  { NETLINK (SMC, false, false, false) },
};

/* What the filter refuses looks like what the kernel lacks; a module that is not there may refuse as well. */
static void
try_netlink (bool nesting, bool strict)
{
  for (size_t i = 0; i < sizeof netlink / sizeof *netlink; i++) {
    bool allowed = nesting ? netlink[i].nested : strict ? netlink[i].strict : netlink[i].usual;
    int error = allowed ? 0 : EPROTONOSUPPORT;
    int number = netlink[i].number;

    expect ("native", netlink[i].name, number, socket (AF_NETLINK, SOCK_RAW, number), error);
    expect ("native with high bits", netlink[i].name, number,
            syscall (SYS_socket, HIGH | AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, HIGH | number), error);
  }
  for (int number = 23; number < 40; number++)
    expect ("native", "netlink", number, socket (AF_NETLINK, SOCK_RAW, number), EPROTONOSUPPORT);
}

static long
fork_with (long flags)
{
  long pid = syscall (SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

  if (pid == 0)
    _exit (0);
  if (pid > 0)
    waitpid ((pid_t)pid, NULL, 0);
  return pid;
}

static void
try_namespaces (bool nesting, bool strict)
{
  static const int kinds[] = { CLONE_NEWNS,  CLONE_NEWPID, CLONE_NEWNET,
                               CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP };

  expect ("native", "clone", 0, fork_with (0), 0);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    expect ("native", "clone NEW…", kinds[i], fork_with (kinds[i]), strict ? EPERM : 0);
    if (strict)
      expect ("native", "unshare NEW…", kinds[i], unshare (kinds[i]), EPERM);
  }
  expect ("native", "unshare NEWUTS", 0, unshare (CLONE_NEWUTS), strict ? EPERM : 0);
  expect ("native", "clone NEWUSER", 0, fork_with (CLONE_NEWUSER), nesting ? 0 : EPERM);
  expect ("native", "clone3", SYS_clone3, syscall (SYS_clone3, 0, 0), nesting ? EINVAL : ENOSYS);
  expect ("native", "unshare NEWUSER", 0, unshare (CLONE_NEWUSER | CLONE_NEWUTS), nesting ? 0 : EPERM);
}

#ifdef __x86_64__
#define ASM __asm__ volatile

static long
call_i386 (long number, long a, long b, long c)
{
  long result;

  ASM ("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0)
    return result;
  errno = (int)-result;
  return -1;
}

/* A kernel without it answers with a signal: then there is nothing to refuse. */
static bool
has_i386 (void)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0) {
    call_i386 (20, 0, 0, 0);
    _exit (0);
  }
  waitpid (pid, &status, 0);
  return WIFEXITED (status);
}

static void
try_i386 (bool nesting, bool strict)
{
  static const int i386_denied[] = { 128, 129, 350, 357, 425, 288, 286, 287, 336,
                                     342, 283, 87,  115, 51,  103, 110, 101, 166 };

  for (size_t i = 0; i < sizeof i386_denied / sizeof *i386_denied; i++)
    expect ("i386", "denied", i386_denied[i], call_i386 (i386_denied[i], 0, 0, 0), EPERM);
  expect ("i386", "getpid", 20, call_i386 (20, 0, 0, 0), 0);
  expect ("i386", "socketcall", 102, call_i386 (102, 1, 0, 0), ENOSYS);
  expect ("i386", "socket INET", 359, call_i386 (359, AF_INET, SOCK_DGRAM, 0), 0);
  expect ("i386", "socket ALG", 359, call_i386 (359, 38, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
  expect ("i386", "socket VSOCK", 359, call_i386 (359, 40, SOCK_STREAM, 0), EAFNOSUPPORT);
  expect ("i386", "netlink ROUTE", 359, call_i386 (359, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), 0);
  expect ("i386", "netlink XFRM", 359, call_i386 (359, AF_NETLINK, SOCK_RAW, NETLINK_XFRM), EPROTONOSUPPORT);
  expect ("i386", "netlink NETFILTER", 359, call_i386 (359, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER),
          nesting ? 0 : EPROTONOSUPPORT);
  if (strict) {
    expect ("i386", "ptrace", 26, call_i386 (26, 0, 0, 0), EPERM);
    expect ("i386", "mount", 21, call_i386 (21, 0, 0, 0), EPERM);
    expect ("i386", "umount", 22, call_i386 (22, 0, 0, 0), EPERM);
    expect ("i386", "socket PACKET", 359, call_i386 (359, AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
    expect ("i386", "unshare NEWNET", 310, call_i386 (310, CLONE_NEWNET, 0, 0), EPERM);
  }
  expect ("i386", "ioctl TIOCSTI", 54, call_i386 (54, 0, TIOCSTI_, 0), EPERM);
  expect ("i386", "unknown", 9999, call_i386 (9999, 0, 0, 0), ENOSYS);
  if (!nesting)
    expect ("i386", "unshare NEWUSER", 310, call_i386 (310, CLONE_NEWUSER, 0, 0), EPERM);
}

static void
try_other_abis (bool nesting, bool strict)
{
  if (has_i386 ())
    try_i386 (nesting, strict);
  expect ("x32", "getpid", 39, syscall (0x40000000 | 39), ENOSYS);
}
#else
static void
try_other_abis (bool nesting, bool strict)
{
}
#endif

int
main (int argc, char **argv)
{
  bool nesting = argc > 1 && strcmp (argv[1], "nesting") == 0;
  bool strict = argc > 1 && strcmp (argv[1], "strict") == 0;

  for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
    expect ("native", denied[i].name, denied[i].number, syscall (denied[i].number, 0, 0, 0, 0, 0, 0), EPERM);
  for (size_t i = 0; strict && i < sizeof denied_strictly / sizeof *denied_strictly; i++)
    expect ("native", denied_strictly[i].name, denied_strictly[i].number,
            syscall (denied_strictly[i].number, 0, 0, 0, 0, 0, 0), EPERM);
  expect ("native", "unknown", 9999, syscall (9999), ENOSYS);
  expect ("native", "personality", 0, syscall (SYS_personality, 0xffffffffUL), 0);
  expect ("native", "personality odd", 0, syscall (SYS_personality, 0x0400000UL), ENOSYS);
  expect ("native", "ioctl TIOCSTI", 0, syscall (SYS_ioctl, 0, TIOCSTI_, "x"), EPERM);
  expect ("native", "ioctl TIOCSTI with high bits", 0, syscall (SYS_ioctl, 0, HIGH | TIOCSTI_, "x"), EPERM);
  expect ("native", "ioctl TIOCLINUX", 0, syscall (SYS_ioctl, 0, TIOCLINUX_, "x"), EPERM);
  try_families (strict);
  try_netlink (nesting, strict);
  try_other_abis (nesting, strict);
  try_namespaces (nesting, strict);
  return wrong ? 1 : 0;
}
