/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Has user namespaces mapped by bothy-helper, by pidfd, while pids come again at once:
 *
 *   try-pids HELPER NUMBER
 *
 * It runs in a pid namespace of its own, as root. Of each eight that are mapped at a time, half end meanwhile.
 * Beside it, another user's processes come and go, each in a namespace that a map would be right for.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

#define MAPPED   4321
#define FOREIGN  4999
#define BASE     1073741824u
#define AT_ONCE  8
#define VICTIMS  6
#define LOW_PIDS "60"

static void
require (int truth, const char *what)
{
  if (truth)
    return;
  fprintf (stderr, "%s: %s\n", what, strerror (errno));
  exit (1);
}

/* A process of USER's in a user namespace that it made. */
static pid_t
start_process (uid_t user)
{
  int ready[2];
  char byte;
  pid_t pid;

  require (pipe2 (ready, O_CLOEXEC) == 0, "pipe");
  pid = fork ();
  require (pid >= 0, "fork");
  if (pid == 0) {
    if (syscall (SYS_setresgid, user, user, user) == 0 && syscall (SYS_setresuid, user, user, user) == 0 &&
        prctl (PR_SET_PDEATHSIG, SIGKILL) == 0 && unshare (CLONE_NEWUSER) == 0 &&
        prctl (PR_SET_DUMPABLE, 1) == 0 && write (ready[1], "x", 1) == 1)
      pause ();
    _exit (1);
  }
  close (ready[1]);
  require (read (ready[0], &byte, 1) == 1, "a user namespace");
  close (ready[0]);
  return pid;
}

static void
end_process (pid_t pid)
{
  kill (pid, SIGKILL);
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

/* The file NAME of PID: how much of it there is, and in TEXT. */
static ssize_t
read_of (pid_t pid, const char *name, char *text, size_t size)
{
  char path[64];
  ssize_t length;
  int fd;

  snprintf (path, sizeof path, "/proc/%d/%s", pid, name);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  require (fd >= 0, path);
  length = read (fd, text, size - 1);
  close (fd);
  text[length < 0 ? 0 : length] = '\0';
  return length;
}

static void
run_storm (void)
{
  pid_t victims[VICTIMS] = { 0 };
  char text[100];

  for (unsigned i = 0;; i = (i + 1) % VICTIMS) {
    int last = open ("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);

    if (victims[i]) {
      require (read_of (victims[i], "uid_map", text, sizeof text) == 0 &&
                   read_of (victims[i], "gid_map", text, sizeof text) == 0,
               "a foreign process was mapped");
      end_process (victims[i]);
    }
    require (write (last, LOW_PIDS, strlen (LOW_PIDS)) > 0, "ns_last_pid");
    close (last);
    victims[i] = start_process (FOREIGN);
  }
}

static int
start_helper (const char *path)
{
  int sockets[2];
  char number[16];

  require (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, sockets) == 0, "socketpair");
  if (fork () == 0) {
    close (sockets[0]);
    snprintf (number, sizeof number, "%d", sockets[1]);
    execl (path, path, "--connection", number, (char *)NULL);
    _exit (127);
  }
  close (sockets[1]);
  return sockets[0];
}

static void
ask_for_map (int helper, uint32_t serial, pid_t pid)
{
  struct helper_request request = { .version = HELPER_PROTOCOL_VERSION,
                                    .serial = serial,
                                    .op = HELPER_MAP,
                                    .owner = MAPPED,
                                    .owner_gid = MAPPED,
                                    .n_extents = 1,
                                    .extents = { { .inside = 0, .outside = BASE, .count = 65536 } } };
  struct iovec data = { .iov_base = &request, .iov_len = sizeof request };
  char control[CMSG_SPACE (sizeof (int))] __attribute__ ((aligned (sizeof (size_t)))) = { 0 };
  struct msghdr message = {
    .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  struct cmsghdr *rights = CMSG_FIRSTHDR (&message);
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  require (pidfd >= 0, "pidfd_open");
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (rights), &pidfd, sizeof pidfd);
  require (sendmsg (helper, &message, 0) == sizeof request, "sending a request");
  close (pidfd);
}

static unsigned n_again;

static void
note_pid (pid_t pid)
{
  static char seen[1 << 16];

  require (pid < (pid_t)sizeof seen, "pids that come again");
  n_again += (unsigned)seen[pid];
  seen[pid] = 1;
}

/* Eight at a time; of those that stay, each is mapped in the end. Returns how many of the others were. */
static unsigned
map_some (int helper)
{
  pid_t pids[AT_ONCE];
  unsigned caught = 0;
  char text[100];

  for (unsigned i = 0; i < AT_ONCE; i++) {
    pids[i] = start_process (MAPPED);
    note_pid (pids[i]);
    ask_for_map (helper, i, pids[i]);
    if (i % 2 == 1)
      end_process (pids[i]);
  }
  for (unsigned i = 0; i < AT_ONCE; i++) {
    struct helper_reply reply;
    unsigned inside, outside, count;

    require (recv (helper, &reply, sizeof reply, 0) == sizeof reply, "a reply");
    errno = reply.error;
    require (reply.serial < AT_ONCE && (reply.error == 0 || reply.serial % 2 == 1), "a map");
    caught += reply.error == 0 && reply.serial % 2 == 1;
    if (reply.serial % 2 == 1)
      continue;
    read_of (pids[reply.serial], "uid_map", text, sizeof text);
    require (sscanf (text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == BASE &&
                 count == 65536,
             "the map that was asked for");
    end_process (pids[reply.serial]);
  }
  return caught;
}

int
main (int argc, char **argv)
{
  unsigned number = argc == 3 ? (unsigned)atoi (argv[2]) : 0;
  unsigned caught = 0;
  int helper;
  pid_t storm;

  require (number > 0, "usage: try-pids HELPER NUMBER");
  helper = start_helper (argv[1]);
  storm = fork ();
  if (storm == 0)
    run_storm ();
  for (unsigned done = 0; done < number; done += AT_ONCE)
    caught += map_some (helper);
  require (waitpid (storm, NULL, WNOHANG) == 0, "the other user's processes are undisturbed");
  printf ("%u maps, %u pids that came again, %u ended too late\n", number, n_again, caught);
  return 0;
}
