/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "minder.h"

#include "autofd.h"
#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

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
minder_hear (int channel, struct init_event *event, int *fd, bool wait)
{
  union one_fd control;
  struct iovec part = { event, sizeof *event };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
  };
  ssize_t size;

  do
    size = recvmsg (channel, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (size < 0 && errno == EINTR);
  if (size < 0)
    return -errno;
  struct cmsghdr *c = CMSG_FIRSTHDR (&message);
  if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
    drop_fd (fd);
    memcpy (fd, CMSG_DATA (c), sizeof *fd);
  }
  if (size == 0)
    return 0;
  return size == sizeof *event ? 1 : -EBADMSG;
}

_Noreturn static void
run_child (const struct launch *launch, int report)
{
  launch_reset_process ();
  setsid ();
  struct fault fault = launch_become (launch);
  (void)!write (report, &fault, sizeof fault);
  _exit (127);
}

/* The command's own streams must not stay open here: its readers wait for their end. */
static void
let_go (int channel)
{
  static const int none[3] = { -1, -1, -1 };

  (void)terminal_set_stdio (none);
  if (channel > 3)
    close_range (3, (unsigned)channel - 1, 0);
  close_range ((unsigned)channel + 1, ~0U, 0);
  prctl (PR_SET_NAME, "bothy-init", 0, 0, 0);
}

/* Reaps all there is; true when COMMAND was among them, with its *STATUS. */
static bool
reap (pid_t command, int *status)
{
  bool ended = false;
  int one;

  for (pid_t pid; (pid = waitpid (-1, &one, WNOHANG)) > 0;)
    if (pid == command) {
      *status = one;
      ended = true;
    }
  return ended;
}

_Noreturn static void
mind (pid_t command, int channel)
{
  struct init_event event = { .kind = INIT_ENDED };
  sigset_t all;

  sigfillset (&all);
  while (!reap (command, &event.value)) {
    int signal_number = sigwaitinfo (&all, NULL);

    if (signal_number > 0 && signal_number != SIGCHLD)
      kill (command, signal_number);
  }
  minder_tell (channel, &event, -1);
  _exit (WIFEXITED (event.value) ? WEXITSTATUS (event.value) : 128 + WTERMSIG (event.value));
}

struct fault
minder_run (const struct launch *launch, int channel)
{
  struct init_event event = { .kind = INIT_STARTED };
  struct fault fault = NO_FAULT;
  int report[2];
  sigset_t all;

  if (pipe2 (report, O_CLOEXEC) < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  autofd read_end = report[0];
  autofd write_end = report[1];
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  pid_t command = fork ();
  if (command < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  if (command == 0)
    run_child (launch, write_end);
  drop_fd (&write_end);
  if (read (read_end, &fault, sizeof fault) == sizeof fault)
    return fault;
  let_go (channel);
  minder_tell (channel, &event, -1);
  mind (command, channel);
}
