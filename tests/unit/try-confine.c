/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Confines itself as one of Bothy's programs does, and then tries what that program must not be able to do, and
 * some of what it has to (test_confine.py builds and starts it). One line for each call that is answered
 * otherwise than expected; the code says whether there was any.
 *
 * usage: try-confine INSIDE OUTSIDE [reading]; both are directories with a file "file" and a directory "d".
 * WITH_UNPACK, WITH_FETCH: the confinement of that program. WITH_LANDLOCK: Landlock's part of it alone, so that
 * a filter of system calls does not answer in its place.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(WITH_UNPACK) || defined(WITH_FETCH)
#include "confine.h"
#endif
#include "landlock.h"

static char *nobody[] = { NULL };
static int wrong;
static int outside;
static int status_file;
static int abstract_size;
static struct sockaddr_un abstract = { .sun_family = AF_UNIX };
static struct sockaddr_in tcp = { .sin_family = AF_INET };
static pid_t other;

static void
expect (const char *name, long result, int error)
{
  int got = result < 0 ? errno : 0;

  if (got == error)
    return;
  printf ("%s: %s, not %s\n", name, strerror (got), strerror (error));
  wrong++;
}

/* Whether FIELD of our status is VALUE, as the kernel says it now. */
static void
expect_status (const char *field, const char *value)
{
  char text[8192];
  ssize_t size = pread (status_file, text, sizeof text - 1, 0);

  text[size < 0 ? 0 : size] = '\0';
  const char *line = strstr (text, field);
  const char *found = line ? line + strlen (field) + strspn (line + strlen (field), ":\t ") : "nothing";
  if (strncmp (found, value, strlen (value)) == 0 && found[strlen (value)] == '\n')
    return;
  printf ("%s: %.20s, not %s\n", field, found, value);
  wrong++;
}

static long
open_file (int directory, const char *name, int flags)
{
  int fd = openat (directory, name, flags | O_CLOEXEC, 0600);

  if (fd >= 0)
    close (fd);
  return fd;
}

/* What is there before: a socket without a path and a process, neither of them ours. */
static void
make_others (void)
{
  int listener = socket (AF_UNIX, SOCK_STREAM, 0);
  int ends[2];
  char end;

  if (pipe (ends) < 0)
    abort ();
  other = fork ();
  if (other == 0) {
    /* Until we are gone: Landlock also holds back the signal that tells of a parent's death. */
    close (ends[1]);
    (void)!read (ends[0], &end, 1);
    _exit (0);
  }
  abstract_size = (int)offsetof (struct sockaddr_un, sun_path) +
                  snprintf (abstract.sun_path, sizeof abstract.sun_path, "%cbothy-%d", 0, getpid ());
  if (bind (listener, (struct sockaddr *)&abstract, (socklen_t)abstract_size) < 0 || listen (listener, 4) < 0)
    abort ();
}

#if defined(WITH_UNPACK) || defined(WITH_FETCH)
/* With arguments that would do nothing if the call were there. */
static void
try_calls (int error)
{
  expect ("ptrace", ptrace (PTRACE_ATTACH, other, NULL, NULL), error);
  expect ("process_vm_readv", syscall (SYS_process_vm_readv, other, 0, 0, 0, 0, 0), error);
  expect ("unshare", unshare (CLONE_NEWUSER), error);
  expect ("setns", setns (status_file, 0), error);
  expect ("clone NEWUSER", syscall (SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), error);
  expect ("clone3", syscall (SYS_clone3, 0, 0), ENOSYS);
  expect ("mount", syscall (SYS_mount, 0, 0, 0, 0, 0), error);
  expect ("bpf", syscall (SYS_bpf, 0, 0, 0), error);
  expect ("io_uring_setup", syscall (SYS_io_uring_setup, 0, 0), error);
  expect ("keyctl", syscall (SYS_keyctl, 0, 0), error);
  expect ("userfaultfd", syscall (SYS_userfaultfd, 0), error);
  expect ("listen", listen (0, 1), error);
  expect ("pidfd_getfd", syscall (SYS_pidfd_getfd, 0, 0, 0), error);
  expect ("truncate", truncate ("/", 0), error);
  expect ("open_by_handle_at", syscall (SYS_open_by_handle_at, 0, 0, 0), error);
  expect_status ("Seccomp", "2");
  expect_status ("NoNewPrivs", "1");
}
#endif

#ifdef WITH_UNPACK
static void
try_unpack (int inside, bool reading)
{
  static struct job job = JOB_INIT;
  int directory = openat (inside, "d", O_PATH);
  char *const argv[] = { "true", NULL };

  if (reading ? !confine_reading (&job, &inside, 1) : !confine (&job, inside)) {
    printf ("%s\n", job.error_text);
    exit (2);
  }
  try_calls (ENOSYS);
  expect ("execve", execve ("/bin/true", argv, nobody), ENOSYS);
  expect ("execveat", syscall (SYS_execveat, AT_FDCWD, "/bin/true", argv, nobody, 0), ENOSYS);
  expect ("fork", syscall (SYS_clone, SIGCHLD, 0, 0, 0, 0), ENOSYS);
  expect ("socket", socket (AF_INET, SOCK_STREAM, 0), ENOSYS);
  expect ("connect", connect (0, (struct sockaddr *)&tcp, sizeof tcp), ENOSYS);
  expect ("kill", kill (other, 0), ENOSYS);
  expect ("ioctl", syscall (SYS_ioctl, 0, 0, 0), ENOSYS);
  expect ("memfd_create", syscall (SYS_memfd_create, "x", 0), ENOSYS);
  expect ("read inside", open_file (inside, "file", O_RDONLY), 0);
  expect ("read outside", open_file (outside, "file", O_RDONLY), EACCES);
  expect ("list outside", open_file (outside, ".", O_RDONLY | O_DIRECTORY), EACCES);
  expect ("read /etc/passwd", open_file (AT_FDCWD, "/etc/passwd", O_RDONLY), EACCES);
  expect ("write outside", open_file (outside, "file", O_WRONLY), EACCES);
  expect ("make outside", open_file (outside, "new", O_WRONLY | O_CREAT), EACCES);
  expect ("write inside", open_file (inside, "file", O_WRONLY), reading ? EACCES : 0);
  expect ("make inside", open_file (inside, "new", O_WRONLY | O_CREAT), reading ? EACCES : 0);
  if (reading) {
    expect ("unlinkat", unlinkat (inside, "file", 0), ENOSYS);
    expect_status ("CapPrm", "0000000000000004"); /* CAP_DAC_READ_SEARCH */
    expect_status ("CapBnd", "0000000000000004");
    return;
  }
  expect ("link inside", linkat (inside, "file", directory, "link", 0), 0);
  expect ("link from outside", linkat (outside, "file", inside, "link", 0), EXDEV);
  expect ("remove outside", unlinkat (outside, "file", 0), EACCES);
  expect ("remove inside", unlinkat (directory, "link", 0), 0);
  /* CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETFCAP */
  expect_status ("CapPrm", "000000008000001b");
  expect_status ("CapBnd", "000000008000001b");
  if (signal (SIGXFSZ, SIG_IGN) != SIG_IGN)
    expect ("SIGXFSZ", -1, 0);
}
#endif

#ifdef WITH_FETCH
/* It has gpgv(1) check signatures. */
static int
run_true (void)
{
  char *const argv[] = { "true", NULL };
  int status = -1;
  pid_t pid = fork ();

  if (pid == 0) {
    execve ("/bin/true", argv, nobody);
    _exit (127);
  }
  waitpid (pid, &status, 0);
  return status;
}

static void
expect_limit (const char *name, int resource, rlim_t value)
{
  struct rlimit limit;

  expect (name, getrlimit ((__rlimit_resource_t)resource, &limit), 0);
  if (limit.rlim_cur != value || limit.rlim_max != value)
    expect (name, -1, 0);
}

static void
try_fetch (int inside, bool landlock)
{
  GError *error = NULL;

  if (!confine (&error)) {
    printf ("%s\n", error->message);
    exit (2);
  }
  try_calls (EPERM);
  expect ("dumpable", prctl (PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -1, 0);
  expect_limit ("core", RLIMIT_CORE, 0);
  expect_limit ("fds", RLIMIT_NOFILE, 256);
  expect_limit ("file", RLIMIT_FSIZE, FETCH_MAX_CACHE);
  expect ("read", open_file (inside, "file", O_RDONLY), 0);
  /* A name that is not there: only a filter answers before the kernel looks. */
  expect ("write", open_file (inside, "none", O_WRONLY), EACCES);
  expect ("read and write", open_file (inside, "none", O_RDWR), EACCES);
  expect ("make", open_file (inside, "none", O_RDONLY | O_CREAT), EACCES);
  expect ("empty", open_file (inside, "none", O_RDONLY | O_TRUNC), EACCES);
#ifdef SYS_open
  expect ("open to write", syscall (SYS_open, "/none", O_WRONLY), EACCES);
#endif
  expect ("mkdirat", mkdirat (inside, "new", 0700), EPERM);
  expect ("unlinkat", unlinkat (inside, "file", 0), EPERM);
  expect ("renameat2", syscall (SYS_renameat2, inside, "file", inside, "new", 0), EPERM);
  expect ("fchmodat", fchmodat (inside, "file", 0777, 0), EPERM);
  expect ("socket", socket (AF_INET, SOCK_STREAM, 0) < 0 ? -1 : 0, 0);
  expect ("a program of its own", run_true () == 0 ? 0 : -1, 0);
  if (!landlock)
    return;
  expect ("kill", kill (other, 0), EPERM);
  expect ("abstract socket",
          connect (socket (AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&abstract, (socklen_t)abstract_size),
          EPERM);
  expect ("bind TCP", bind (socket (AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&tcp, sizeof tcp), EACCES);
}
#endif

#ifdef WITH_LANDLOCK
static void
try_landlock (int inside, int version)
{
  const struct landlock_rules rules = {
    .files = LANDLOCK_FILES_ALL,
    .allowed = LANDLOCK_FILES_READ_FILE,
    .roots = &inside,
    .n_roots = 1,
    .net = LANDLOCK_NET_ALL,
    .scopes = LANDLOCK_SCOPES_ALL,
  };
  char *const argv[] = { "true", NULL };
  int stream = socket (AF_INET, SOCK_STREAM, 0), datagram = socket (AF_INET, SOCK_DGRAM, 0);

  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  expect ("landlock_restrict", landlock_restrict (&rules) == 0 ? 0 : -1, 0);
  expect ("read inside", open_file (inside, "file", O_RDONLY), 0);
  expect ("list inside", open_file (inside, ".", O_RDONLY | O_DIRECTORY), EACCES);
  expect ("write inside", open_file (inside, "file", O_WRONLY), EACCES);
  expect ("read outside", open_file (outside, "file", O_RDONLY), EACCES);
  expect ("make", open_file (inside, "new", O_RDONLY | O_CREAT), EACCES);
  expect ("mkdirat", mkdirat (inside, "new", 0700), EACCES);
  expect ("symlinkat", symlinkat ("x", inside, "new"), EACCES);
  expect ("mkfifoat", mknodat (inside, "new", S_IFIFO | 0600, 0), EACCES);
  expect ("remove", unlinkat (inside, "file", 0), EACCES);
  expect ("remove a directory", unlinkat (inside, "d", AT_REMOVEDIR), EACCES);
  expect ("execve", execve ("/bin/true", argv, nobody), EACCES);
  if (version >= 3)
    expect ("empty", open_file (inside, "file", O_RDONLY | O_TRUNC), EACCES);
  if (version >= 4) {
    expect ("bind TCP", bind (stream, (struct sockaddr *)&tcp, sizeof tcp), EACCES);
    tcp.sin_port = htons (1);
    expect ("connect TCP", connect (stream, (struct sockaddr *)&tcp, sizeof tcp), EACCES);
  }
  if (version >= 6) {
    expect ("kill", kill (other, 0), EPERM);
    expect (
        "abstract socket",
        connect (socket (AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&abstract, (socklen_t)abstract_size),
        EPERM);
  }
  if (version >= 10) {
    tcp.sin_port = htons (1);
    expect ("connect UDP", connect (datagram, (struct sockaddr *)&tcp, sizeof tcp), EACCES);
  }
}
#endif

int
main (int argc, char **argv)
{
  int inside = open (argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  int version = (int)syscall (SYS_landlock_create_ruleset, NULL, 0, 1);

  outside = open (argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
  status_file = open ("/proc/self/status", O_RDONLY | O_CLOEXEC);
  tcp.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  make_others ();
  if (version < 6)
    printf ("Landlock's version here is %d: part of this is not tried\n", version);
#if defined(WITH_UNPACK)
  try_unpack (inside, argc > 3);
#elif defined(WITH_FETCH)
  try_fetch (inside, version >= 6);
#else
  try_landlock (inside, version);
#endif
  fflush (stdout);
  _exit (wrong ? 1 : 0);
}
