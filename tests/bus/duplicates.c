/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded, it lets a process's main thread fail to duplicate a file descriptor, as if too many were open: the one
 * that the file says which BOTHY_TEST_DUPLICATES names. Its numbers are the process, how many duplicates it has asked
 * for, which one fails, counted like that, and how many have failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROCESS, ASKED, FAILING, FAILED, N_NUMBERS };

static volatile int64_t *numbers;

/* What the service starts is not looked at: it may have no room for that. */
__attribute__ ((constructor)) static void
begin (void)
{
  int fd;

  if (strcmp (program_invocation_short_name, "bothyd") != 0)
    return;
  fd = open (getenv ("BOTHY_TEST_DUPLICATES"), O_RDWR | O_CLOEXEC);
  numbers = mmap (NULL, sizeof (int64_t) * N_NUMBERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
  if (numbers == MAP_FAILED)
    abort ();
  unsetenv ("LD_PRELOAD");
}

/* GLib tries a second time, with dup(2): that fails as well. */
static int refused = -1;

static int
fails (int fd)
{
  /* Another constructor may come first. */
  if (!numbers || getpid () != numbers[PROCESS] || gettid () != getpid ())
    return 0;
  numbers[ASKED]++;
  if (numbers[ASKED] != numbers[FAILING])
    return 0;
  numbers[FAILED]++;
  refused = fd;
  errno = EMFILE;
  return 1;
}

static int
pass_on (int fd, int command, long argument)
{
  if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && fails (fd))
    return -1;
  return (int)syscall (SYS_fcntl, fd, command, argument);
}

int
fcntl (int fd, int command, ...)
{
  va_list list;
  long argument;

  va_start (list, command);
  argument = va_arg (list, long);
  va_end (list);
  return pass_on (fd, command, argument);
}

int fcntl64 (int fd, int command, ...) __attribute__ ((alias ("fcntl")));

int
dup (int fd)
{
  if (fd == refused && gettid () == getpid ()) {
    refused = -1;
    errno = EMFILE;
    return -1;
  }
  return (int)syscall (SYS_dup, fd);
}
