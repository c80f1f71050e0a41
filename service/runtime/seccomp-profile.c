/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs at build time: writes a seccomp filter of containers as an array of struct sock_filter.
 * Usage: seccomp-profile ARCHITECTURE FILE default|nesting|strict
 *
 * DEFAULT is for whole systems, NESTING for those that make containers themselves, STRICT for single programs,
 * which make no namespaces, mount nothing, trace nobody and listen to no raw packets. bothy-security(7) says
 * what each leaves open, and why.
 *
 * The kernel guards what a user namespace's root may do; the filter makes the kernel that he can reach
 * smaller. It is two filters, one behind the other: a deny list, which answers EPERM to what is known and
 * unwanted, then an allow list, which answers ENOSYS to all it does not name, so that programs fall back
 * instead of failing. (libseccomp cannot say "allow unless this argument" in one.) Calls that are allowed
 * whatever their arguments stay in the kernel's cache and cost nothing.
 */

#include "seccomp-profile.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIOCSTI_    0x5412
#define TIOCLINUX_  0x541c
#define LOW_HALF    0xffffffffU /* the kernel looks at no more of an int; CVE-2019-10063 */
#define DENY(error) SCMP_ACT_ERRNO (error)
#define N(array)    (sizeof (array) / sizeof *(array))

enum level {
  LEVEL_DEFAULT,
  LEVEL_NESTING,
  LEVEL_STRICT,
};

static const char *const levels[] = {
  [LEVEL_DEFAULT] = "default", [LEVEL_NESTING] = "nesting", [LEVEL_STRICT] = "strict"
};

/* The architectures of one kernel, native first. x32 is none of them, so it is refused as a bad architecture.
 */
struct machine {
  const char *name;
  uint32_t arches[2];
};

static const struct machine machines[] = {
  { "x86_64", { SCMP_ARCH_X86_64, SCMP_ARCH_X86 } },
  { "aarch64", { SCMP_ARCH_AARCH64, SCMP_ARCH_ARM } },
  { "x86", { SCMP_ARCH_X86, 0 } },
  { "arm", { SCMP_ARCH_ARM, 0 } },
  { "riscv64", { SCMP_ARCH_RISCV64, 0 } },
  { "ppc64", { SCMP_ARCH_PPC64LE, 0 } },
  { "s390x", { SCMP_ARCH_S390X, 0 } },
};

/* Calls that came after libseccomp 2.5.4; from 424 on numbers are the same on all of these architectures. */
static const int newer[] = {
  448, /* process_mrelease */
  449, /* futex_waitv */
  451, /* cachestat */
  452, /* fchmodat2 */
  453, /* map_shadow_stack */
  454, /* futex_wake */
  455, /* futex_wait */
  456, /* futex_requeue */
  457, /* statmount */
  458, /* listmount */
  462, /* mseal */
  463, /* setxattrat */
  464, /* getxattrat */
  465, /* listxattrat */
  466, /* removexattrat */
  468, /* file_getattr */
  469, /* file_setattr */
};

/* Those numbers N for which N & MASK is VALUE. Each rule lengthens what the kernel has to compile at every exec. */
struct masked {
  unsigned mask, value;
};

/*
 * The families that socket(2) is refused: all but AF_UNIX 1, AF_INET 2, AF_INET6 10, AF_NETLINK 16 and
 * AF_PACKET 17. From 64 on there are none.
 */
static const struct masked refused_families[] = {
  { LOW_HALF, 3 },                                 /* AF_AX25 */
  { LOW_HALF & ~3U, 4 },                           /* 4…7 */
  { LOW_HALF & ~1U, 8 },                           /* 8, 9 */
  { LOW_HALF, 11 },        { LOW_HALF & ~3U, 12 }, /* 12…15: AF_KEY */
  { LOW_HALF & ~1U, 18 },                          /* 18, 19 */
  { LOW_HALF & ~3U, 20 },                          /* 20…23: AF_RDS */
  { LOW_HALF & ~7U, 24 },                          /* 24…31: AF_CAN, AF_TIPC, AF_BLUETOOTH */
  { LOW_HALF & ~31U, 32 },                         /* 32…63: AF_RXRPC, AF_ALG, AF_VSOCK, AF_XDP */
};

/* personality(2): Linux, 32-bit addresses or uname, no randomization (gdb), and "tell". */
static const unsigned personalities[] = { 0, 0x8, 0x20000, 0x20008, 0x40000, LOW_HALF };

/*
 * The protocols that a netlink socket is refused; from 32 on the kernel has none. NETLINK_ROUTE 0 is every
 * program's way to ask for addresses, NETLINK_KOBJECT_UEVENT 15 what systemd's device monitor opens, and
 * NETLINK_GENERIC 16 what tools for wireless networks, WireGuard and accounting begin with.
 *
 * NETLINK_AUDIT 9 is refused as by a kernel that has none: systemd, PAM, sshd and sudo look for exactly that
 * answer and then do without, while a socket that never answers makes them complain or fail. ss(8) reads
 * /proc/net where there is no NETLINK_SOCK_DIAG 4.
 */
static const struct masked refused_netlink[] = {
  { LOW_HALF, 1 },        { LOW_HALF & ~1U, 2 }, /* 2, 3 */
  { LOW_HALF & ~3U, 4 },                         /* 4…7: NETLINK_SOCK_DIAG, NETLINK_XFRM, NETLINK_SELINUX */
  { LOW_HALF & ~3U, 8 },                         /* 8…11: NETLINK_ISCSI, NETLINK_AUDIT, NETLINK_CONNECTOR */
  { LOW_HALF, 13 },       { LOW_HALF, 14 },
  { LOW_HALF, 17 },       { LOW_HALF & ~1U, 18 }, /* 18, 19: NETLINK_SCSITRANSPORT, NETLINK_ECRYPTFS */
  { LOW_HALF & ~3U, 20 },                         /* 20…23: NETLINK_RDMA, NETLINK_CRYPTO, NETLINK_SMC */
  { LOW_HALF & ~7U, 24 },
};

/* Filtering packets is for those that make networks of their own. */
static const struct masked netfilter = { LOW_HALF, NETLINK_NETFILTER };

/* What of the above a single program does not need: NETLINK_KOBJECT_UEVENT and NETLINK_GENERIC, AF_PACKET. */
static const struct masked strict_netlink[] = { { LOW_HALF, 15 }, { LOW_HALF, 16 } };
static const struct masked strict_families[] = { { LOW_HALF, AF_PACKET } };

static void
check (int r, const char *what)
{
  if (r >= 0)
    return;
  fprintf (stderr, "seccomp-profile: %s: %s\n", what, strerror (-r));
  exit (1);
}

/* A filter for one architecture. */
static scmp_filter_ctx
new_filter (uint32_t action, uint32_t arch)
{
  scmp_filter_ctx filter = seccomp_init (action);

  if (!filter)
    check (-ENOMEM, "seccomp_init");
  check (seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, DENY (ENOSYS)), "bad architecture");
  check (seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  if (arch != seccomp_arch_native ()) {
    check (seccomp_arch_add (filter, arch), "add architecture");
    check (seccomp_arch_remove (filter, seccomp_arch_native ()), "remove architecture");
  }
  return filter;
}

/* libseccomp leaves a name out where an architecture lacks it; that none has it is a mistake or an old
 * library. */
static bool
resolve (const char *name, int *number)
{
  *number = seccomp_syscall_resolve_name (name);
  return *number != __NR_SCMP_ERROR;
}

static void
add_names (scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
  int number;

  for (; *names; names++)
    if (resolve (*names, &number))
      check (seccomp_rule_add (filter, action, number, 0), *names);
}

static void
add_masked (
    scmp_filter_ctx filter, uint32_t action, const char *name, unsigned arg, uint64_t mask, uint64_t value)
{
  struct scmp_arg_cmp compare = SCMP_CMP64 (arg, SCMP_CMP_MASKED_EQ, mask, value);
  int number;

  if (resolve (name, &number))
    check (seccomp_rule_add_array (filter, action, number, 1, &compare), name);
}

static void
deny_families (scmp_filter_ctx filter, const struct masked *families, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    add_masked (filter, DENY (EAFNOSUPPORT), "socket", 0, families[i].mask, families[i].value);
    add_masked (filter, DENY (EAFNOSUPPORT), "socketpair", 0, families[i].mask, families[i].value);
  }
}

/* The answer of a kernel that lacks them. There are no pairs of netlink sockets. */
static void
deny_netlink (scmp_filter_ctx filter, const struct masked *protocols, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    struct scmp_arg_cmp both[] = {
      SCMP_CMP64 (0, SCMP_CMP_MASKED_EQ, LOW_HALF, AF_NETLINK),
      SCMP_CMP64 (2, SCMP_CMP_MASKED_EQ, protocols[i].mask, protocols[i].value),
    };

    check (seccomp_rule_add_array (filter, DENY (EPROTONOSUPPORT), SCMP_SYS (socket), N (both), both),
           "netlink");
  }
}

/*
 * i386 can make sockets through socketcall(2) as well, whose arguments lie in memory where no filter sees
 * them: it is not there at all. (glibc's i386 port uses it, musl does not.)
 */
static void
deny_sockets (scmp_filter_ctx filter, enum level level)
{
  check (seccomp_rule_add (filter, DENY (ENOSYS), SCMP_SYS (socketcall), 0), "socketcall");
  deny_families (filter, refused_families, N (refused_families));
  deny_netlink (filter, refused_netlink, N (refused_netlink));
  if (level != LEVEL_NESTING)
    deny_netlink (filter, &netfilter, 1);
  if (level == LEVEL_STRICT) {
    deny_families (filter, strict_families, N (strict_families));
    deny_netlink (filter, strict_netlink, N (strict_netlink));
  }
}

/* Which namespaces clone(2) and unshare(2) may not make. */
static void
deny_namespaces (scmp_filter_ctx filter, uint32_t arch, enum level level)
{
  static const unsigned kinds[] = { CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                    CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP };
  unsigned flags = arch == SCMP_ARCH_S390X ? 1 : 0; /* s390 has clone(2)'s first two arguments swapped */
  size_t n = level == LEVEL_NESTING ? 0 : level == LEVEL_STRICT ? N (kinds) : 1;

  if (n == 0)
    return;
  /* clone3(2) has its flags in memory; glibc and systemd take clone(2) when it is not there. */
  check (seccomp_rule_add (filter, DENY (ENOSYS), SCMP_SYS (clone3), 0), "clone3");
  for (size_t i = 0; i < n; i++) {
    add_masked (filter, DENY (EPERM), "clone", flags, kinds[i], kinds[i]);
    add_masked (filter, DENY (EPERM), "unshare", 0, kinds[i], kinds[i]);
  }
}

static scmp_filter_ctx
deny_filter (uint32_t arch, enum level level)
{
  scmp_filter_ctx filter = new_filter (SCMP_ACT_ALLOW, arch);

  add_names (filter, DENY (EPERM), seccomp_denied);
  if (level == LEVEL_STRICT)
    add_names (filter, DENY (EPERM), seccomp_denied_strictly);
  add_masked (filter, DENY (EPERM), "ioctl", 1, LOW_HALF, TIOCSTI_);
  add_masked (filter, DENY (EPERM), "ioctl", 1, LOW_HALF, TIOCLINUX_);
  deny_sockets (filter, level);
  deny_namespaces (filter, arch, level);
  return filter;
}

static scmp_filter_ctx
allow_filter (uint32_t arch)
{
  scmp_filter_ctx filter = new_filter (DENY (ENOSYS), arch);

  add_names (filter, SCMP_ACT_ALLOW, seccomp_allowed);
  for (size_t i = 0; i < N (personalities); i++)
    add_masked (filter, SCMP_ACT_ALLOW, "personality", 0, LOW_HALF, personalities[i]);
  /* Elsewhere libseccomp finds a number's name first, so it may be too old to know it: programs fall back. */
  for (size_t i = 0; i < N (newer); i++) {
    int r = seccomp_rule_add (filter, SCMP_ACT_ALLOW, newer[i], 0);
    if (arch == seccomp_arch_native ())
      check (r, "newer call");
  }
  return filter;
}

/* The filters of all of MACHINE's architectures in one program. */
static struct sock_filter *
compile (const struct machine *machine, bool deny, enum level level, size_t *length)
{
  scmp_filter_ctx filter = NULL;

  for (size_t i = 0; i < 2 && machine->arches[i]; i++) {
    uint32_t arch = machine->arches[i];
    scmp_filter_ctx one = deny ? deny_filter (arch, level) : allow_filter (arch);

    if (filter)
      check (seccomp_merge (filter, one), "merge");
    else
      filter = one;
  }
  int fd = memfd_create ("bpf", MFD_CLOEXEC);
  check (seccomp_export_bpf (filter, fd), "export");
  seccomp_release (filter);
  off_t size = lseek (fd, 0, SEEK_END);
  struct sock_filter *code = malloc ((size_t)size);
  if (!code || pread (fd, code, (size_t)size, 0) != size)
    check (-EIO, "read back");
  close (fd);
  *length = (size_t)size / sizeof *code;
  return code;
}

/* Where the deny list would allow, the allow list goes on: each such return becomes a jump to its end. */
static void
chain (struct sock_filter *code, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (code[i].code == (BPF_RET | BPF_K) && code[i].k == SECCOMP_RET_ALLOW)
      code[i] = (struct sock_filter)BPF_STMT (BPF_JMP | BPF_JA, (unsigned)(length - i - 1));
}

static const struct machine *
find_machine (const char *name)
{
  for (size_t i = 0; i < N (machines); i++)
    if (strcmp (machines[i].name, name) == 0)
      return &machines[i];
  fprintf (stderr, "seccomp-profile: no profile for %s\n", name);
  exit (1);
}

static enum level
find_level (const char *name)
{
  for (size_t i = 0; i < N (levels); i++)
    if (strcmp (levels[i], name) == 0)
      return (enum level)i;
  fprintf (stderr, "seccomp-profile: there is no level %s\n", name);
  exit (1);
}

int
main (int argc, char **argv)
{
  size_t n_deny, n_allow;

  if (argc != 4)
    return 2;
  const struct machine *machine = find_machine (argv[1]);
  enum level level = find_level (argv[3]);
  struct sock_filter *deny = compile (machine, true, level, &n_deny);
  struct sock_filter *allow = compile (machine, false, level, &n_allow);
  if (n_deny + n_allow > BPF_MAXINSNS)
    check (-E2BIG, "program");
  chain (deny, n_deny);
  FILE *file = fopen (argv[2], "we");
  if (!file || fwrite (deny, sizeof *deny, n_deny, file) != n_deny ||
      fwrite (allow, sizeof *allow, n_allow, file) != n_allow || fclose (file) != 0)
    check (-EIO, argv[2]);
  free (deny);
  free (allow);
  return 0;
}
