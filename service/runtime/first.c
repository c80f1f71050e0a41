/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bothy-init: pid 1 of a container that runs just a command. It hands signals on to it, reaps what it leaves behind, and ends
 * when it ends.
 *
 * The command and whoever is the same user can do with it what they like, as they could with an init of the image's: they may
 * write to its standard streams, read its environment, trace it, and say to the supervisor what they like in its place. So it
 * has nothing that they do not have: their user and capabilities, their filter, their streams, and a socket on which
 * the supervisor believes how the command ended and no more. The file that it is run from is root's of the machine, who is nobody
 * inside, and can not be written there (CVE-2019-5736). It is static, for the image may have no C library, or one of its own making.
 */

#include "minder.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Nobody waits for a reader: the exit status says the same in the end. */
static void
tell_end (int status)
{
  struct init_event event = { .kind = INIT_ENDED, .value = status };

  (void)send (MINDER_CHANNEL_FD, &event, sizeof event, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool
is_alone (void)
{
  struct pollfd channel = { .fd = MINDER_CHANNEL_FD };

  return poll (&channel, 1, 0) != 0;
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

/* The wait(2) status of COMMAND in the end. */
static int
mind (pid_t command)
{
  sigset_t all;
  int status = 0;

  sigfillset (&all);
  while (!reap (command, &status)) {
    int signal_number = sigwaitinfo (&all, NULL);

    /* One whose setuid file made it somebody else's is out of reach, as it would be of the user's own shell. */
    if (signal_number > 0 && signal_number != SIGCHLD)
      kill (command, signal_number);
  }
  return status;
}

int
main (int argc, char **argv)
{
  if (argc != 2 || getpid () != 1)
    return 1;
  prctl (PR_SET_NAME, "bothy-init", 0, 0, 0);
  /* Becoming another user cleared it, and the supervisor may have died meanwhile. */
  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (is_alone ())
    return 1;
  pid_t command = (pid_t)strtol (argv[1], NULL, 10);
  /* Now it may run: whatever it looks at here is as it is to be. */
  if (write (MINDER_COMMAND_FD, "", 1) != 1)
    return 1;
  close (MINDER_COMMAND_FD);
  int status = mind (command);
  tell_end (status);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}
