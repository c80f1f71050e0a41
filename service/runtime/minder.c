/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "minder.h"

#include "autofd.h"
#include "mounts.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "config.h"

union one_fd {
  struct cmsghdr align;
  char room[CMSG_SPACE (sizeof (int))];
};

int
minder_tell (int channel, const struct init_event *event, int fd)
{
  union one_fd control = { 0 };
  struct iovec part = { (void *)(uintptr_t)event, sizeof *event };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd >= 0) {
    message.msg_control = control.room;
    message.msg_controllen = sizeof control.room;
    struct cmsghdr *c = CMSG_FIRSTHDR (&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN (sizeof fd);
    memcpy (CMSG_DATA (c), &fd, sizeof fd);
  }
  return sendmsg (channel, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int
minder_hear (int channel, struct init_event *event, int *fd)
{
  union one_fd control;
  struct iovec part = { event, sizeof *event };
  /* Room for one descriptor, and not for two. */
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_LEN (sizeof *fd)
  };
  ssize_t size;

  do
    size = recvmsg (channel, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size < 0)
    return -errno;
  struct cmsghdr *c = CMSG_FIRSTHDR (&message);
  if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
    autofd got = -1;

    memcpy (&got, CMSG_DATA (c), sizeof got);
    if (*fd < 0)
      *fd = steal_fd (&got);
  }
  if (size == 0)
    return 0;
  return size == sizeof *event ? 1 : -EBADMSG;
}

int
minder_open_program (void)
{
  return mount_clone (AT_FDCWD, LIBEXEC_DIR "/bothy-init");
}

/* Runs nothing before its init is what others inside are meant to see of it. */
_Noreturn static void
run_child (const struct launch *launch, int init, int report)
{
  char word;

  if (read (init, &word, sizeof word) != sizeof word)
    _exit (127);
  launch_reset_process ();
  setsid ();
  struct fault fault = launch_become (launch);
  (void)!write (report, &fault, sizeof fault);
  _exit (127);
}

/* Beside the standard streams it keeps just what its protocol says. */
static struct fault
become_init (int program, int channel, int command_end, int report, pid_t command)
{
  static const struct init_event minds = { .kind = INIT_MINDS };
  char pid[16];
  char *argv[] = { (char[]){ "bothy-init" }, pid, NULL };
  autofd high_channel = fcntl (channel, F_DUPFD_CLOEXEC, MINDER_COMMAND_FD + 1);
  autofd high_command = fcntl (command_end, F_DUPFD_CLOEXEC, MINDER_COMMAND_FD + 1);
  autofd high_program = fcntl (program, F_DUPFD_CLOEXEC, MINDER_COMMAND_FD + 1);
  autofd high_report = fcntl (report, F_DUPFD_CLOEXEC, MINDER_COMMAND_FD + 1);

  if (high_channel < 0 || high_command < 0 || high_program < 0 || high_report < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  snprintf (pid, sizeof pid, "%d", command);
  close_range (MINDER_COMMAND_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (dup2 (high_channel, MINDER_CHANNEL_FD) < 0 || dup2 (high_command, MINDER_COMMAND_FD) < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  minder_tell (MINDER_CHANNEL_FD, &minds, -1);
  syscall (SYS_execveat, high_program, "", argv, environ, AT_EMPTY_PATH);
  struct fault fault = fault_at (SUPERVISOR_STEP_FORK, errno);
  (void)!write (high_report, &fault, sizeof fault);
  _exit (1);
}

/*
 * Pid 1 is to be to the command what it is elsewhere: a process of the same user, with the same environment and standard
 * streams, for jobs of cron and checks of health write to /proc/1/fd/1 and read /proc/1/environ. This process can not be that:
 * its memory is the supervisor's. The kernel keeps all of it out of reach (see exec.c), and is to go on with that.
 */
struct fault
minder_run (const struct launch *launch, int program, int channel, int report)
{
  int pair[2];
  sigset_t all;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  autofd ours = pair[0];
  autofd theirs = pair[1];
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  pid_t command = fork ();
  if (command < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  if (command == 0) {
    drop_fd (&ours);
    run_child (launch, theirs, report);
  }
  struct fault fault = launch_stand_beside (launch);
  return is_fault (fault) ? fault : become_init (program, channel, ours, report, command);
}
