/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"

#define ABOVE_ALL_TARGETS (3 + HELPER_MAX_FDS) /* no fd of the program's lies here */

/* Lays the fds out as the program expects them; the user namespace's, fds[0], ends up at the returned number.
 */
static int
arrange_fds (const struct packet *packet)
{
  int moved[HELPER_MAX_FDS];
  int next = 3;
  int null;

  for (unsigned int i = 0; i < packet->n_fds; i++)
    if ((moved[i] = fcntl (packet->fds[i], F_DUPFD_CLOEXEC, ABOVE_ALL_TARGETS)) < 0)
      return -1;
  if ((null = open ("/dev/null", O_RDWR | O_NOCTTY)) < 0)
    return -1;
  for (int fd = 0; fd < 3; fd++)
    if (null != fd && dup2 (null, fd) < 0)
      return -1;
  for (unsigned int i = 1 + packet->request.into_group; i < packet->n_fds; i++)
    if (dup2 (moved[i], next++) < 0)
      return -1;
  if (dup2 (moved[0], next) < 0 || syscall (SYS_close_range, next + 1, ~0u, 0) < 0)
    return -1;
  return next;
}

static void
reset_signals (void)
{
  struct sigaction normal = { .sa_handler = SIG_DFL };
  sigset_t none;

  for (int i = 1; i < NSIG; i++)
    sigaction (i, &normal, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static void
forget_oom_score (void)
{
  int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

  if (fd < 0)
    return;
  (void)!write (fd, "0", 1);
  close (fd);
}

void
step_reset_process (void)
{
  reset_signals ();
  umask (022);
  forget_oom_score ();
}

/*
 * Joins the namespace and becomes its root. In between, this process still has root's
 * ids outside: it is not dumpable, so that nobody inside can trace it, and holds
 * nothing but the program's own fds.
 */
static int
become_root_of (int userns)
{
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || syscall (SYS_setgroups, 0, NULL) < 0)
    return -1;
  /* Fails for the namespace that we are in already: nothing is ever run as root outside. */
  if (setns (userns, CLONE_NEWUSER) < 0)
    return -1;
  close (userns);
  if (syscall (SYS_setresgid, 0, 0, 0) < 0 || syscall (SYS_setresuid, 0, 0, 0) < 0)
    return -1;
  return 0;
}

void
step_spawn (const struct packet *packet)
{
  static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  static char supervisor[] = LIBEXEC_DIR "/bothy-supervisor";
  static char unpack[] = LIBEXEC_DIR "/bothy-unpack";
  static char bundle[] = LIBEXEC_DIR "/bothy-bundle";
  static char pack[] = LIBEXEC_DIR "/bothy-pack";
  char *programs[] = { [HELPER_PROGRAM_SUPERVISOR] = supervisor,
                       [HELPER_PROGRAM_UNPACK] = unpack,
                       [HELPER_PROGRAM_BUNDLE] = bundle,
                       [HELPER_PROGRAM_PACK] = pack };
  bool is_supervisor = packet->request.program == HELPER_PROGRAM_SUPERVISOR;
  char *arguments[] = { programs[packet->request.program], NULL };
  char *environment[] = { path, NULL };
  int userns;

  step_reset_process ();
  userns = arrange_fds (packet);
  if (userns < 0 || setsid () < 0 || chdir ("/") < 0 || become_root_of (userns) < 0)
    return;
  /* No mount namespace of its own: that would keep the host from unmounting what it holds. */
  if (!is_supervisor && unshare (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
    return;
  execve (arguments[0], arguments, environment);
}
