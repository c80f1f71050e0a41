/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bothy-supervisor: one for each running container, uid 0 of the container's user namespace and nothing
 * on the host. It holds the container's namespaces, console and children, and sleeps.
 */

#include "supervisor.h"

#include "autofd.h"
#include "requests.h"
#include "shutdown.h"
#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAX_EVENTS 8

static struct supervisor container = {
  .epoll = -1,
  .connection = -1,
  .listener = -1,
  .network_ns = -1,
  .rootfs = ROOTFS_NONE,
  .cgroup = CGROUP_NONE,
  .init = { .channel = -1 },
  .console = CONSOLE_NONE,
  .freezer = { .events = -1 },
  .readiness = { .inotify = -1 },
};

/* A broker that came later did not ask: he was told of it by HELLO, and hears how it ends, 127 if it never
 * began. */
static void
report_exec (struct supervisor *supervisor, struct exec *exec)
{
  struct supervisor_message reply = {
    .type = SUPERVISOR_REPLY, .serial = exec->serial, .pid = exec->pid, .value = exec->number
  };
  struct fault fault;

  if (!exec_read_report (exec, &fault))
    return;
  if (exec->generation != supervisor->generation) {
    drop_fd (&exec->master);
  } else if (is_fault (fault)) {
    supervisor_answer (supervisor, exec->serial, exec->generation, fault);
    exec_release (exec); /* it is reaped all the same */
  } else {
    supervisor_send (supervisor, &reply, NULL, 0, exec->master);
    drop_fd (&exec->master);
  }
}

static void
end_exec (struct supervisor *supervisor, struct exec *exec, int status)
{
  report_exec (supervisor, exec);
  if (exec->pid == 0)
    return;
  exec->ended = true;
  exec->status = status;
}

static void
end_container (struct supervisor *supervisor, int status)
{
  supervisor->end_status = status;
  supervisor->command_ended = init_read_end (&supervisor->init, &supervisor->end_status);
  freeze_end (&supervisor->freezer);
  readiness_end (&supervisor->readiness);
  console_drain (&supervisor->console);
  if (!supervisor->failed)
    supervisor->state = SUPERVISOR_STATE_EXITED;
}

static void
end_fill (struct supervisor *supervisor, int status)
{
  uint32_t serial = supervisor->folders.filling.serial, generation = supervisor->folders.filling.generation;
  autofd root = supervisor_open_root (supervisor);

  supervisor_answer (supervisor, serial, generation, folders_end_fill (&supervisor->folders, root, status));
}

static void
reap_children (struct supervisor *supervisor)
{
  int status;

  for (pid_t pid; (pid = waitpid (-1, &status, WNOHANG)) > 0;) {
    struct exec *exec = exec_find_pid (&supervisor->execs, pid);

    if (exec)
      end_exec (supervisor, exec, status);
    else if (pid == supervisor->folders.filling.pid)
      end_fill (supervisor, status);
    else if (pid == supervisor->init.pid)
      end_container (supervisor, status);
  }
}

/* SIGTERM comes from whoever stops the control group, such as a host that shuts down: the container does too.
 */
static void
handle_signals (struct supervisor *supervisor, int fd)
{
  struct signalfd_siginfo info;

  while (read (fd, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD)
      reap_children (supervisor);
    else if (info.ssi_signo == SIGWINCH)
      console_pass_size (&supervisor->console);
    else if (supervisor->state == SUPERVISOR_STATE_RUNNING)
      (void)shutdown_ask (supervisor->init.pid, supervisor->init.shutdown_signal);
    else if (supervisor->state != SUPERVISOR_STATE_EXITED && supervisor->state != SUPERVISOR_STATE_FROZEN)
      _exit (1);
  }
}

static void
accept_broker (struct supervisor *supervisor)
{
  int fd = accept4 (supervisor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (fd >= 0)
    supervisor_connect (supervisor, fd);
}

static void
check_freeze (struct supervisor *supervisor)
{
  uint32_t serial = supervisor->freezer.serial, generation = supervisor->freezer.generation;
  int r = supervisor->freezer.events < 0 ? 0 : freeze_check (&supervisor->freezer, &supervisor->cgroup);

  if (r == 0)
    return;
  if (r > 0)
    supervisor->state = SUPERVISOR_STATE_FROZEN;
  supervisor_answer (supervisor, serial, generation, r > 0 ? NO_FAULT : fault_at (SUPERVISOR_STEP_CGROUP, r));
}

/*
 * No descriptor that a fork shares is watched level-triggered: closing it here would not end its events as
 * long as that fork, which the container can stop, has it open. And a console that nobody has open hangs up
 * for ever.
 */
static void
watch_again (struct supervisor *supervisor, int fd, uint32_t events, enum source source)
{
  struct epoll_event event = { .events = events, .data.u64 = (uint64_t)source << 32 };

  epoll_ctl (supervisor->epoll, EPOLL_CTL_MOD, fd, &event);
}

static void
watch_client (struct supervisor *supervisor)
{
  uint32_t room = console_is_paused (&supervisor->console) ? EPOLLOUT : 0;

  if (supervisor->console.client >= 0)
    watch_again (supervisor, supervisor->console.client, EPOLLIN | EPOLLONESHOT | room, SOURCE_CLIENT);
}

static void
handle_console_output (struct supervisor *supervisor)
{
  if (console_pump_output (&supervisor->console))
    watch_again (supervisor, supervisor->console.master, EPOLLIN | EPOLLET, SOURCE_CONSOLE);
  else if (console_is_paused (&supervisor->console))
    watch_client (supervisor);
}

static void
handle_client (struct supervisor *supervisor)
{
  if (supervisor->console.client >= 0 && console_pump_input (&supervisor->console))
    watch_client (supervisor);
}

/* After each turn: what a slow terminal held up goes on when there is room, time is up or it is gone. */
static void
check_console (struct supervisor *supervisor)
{
  if (!console_is_paused (&supervisor->console))
    return;
  if (console_resume (&supervisor->console))
    handle_console_output (supervisor);
  else
    watch_client (supervisor);
}

/* START is answered once init takes requests. */
static void
check_readiness (struct supervisor *supervisor)
{
  struct readiness *readiness = &supervisor->readiness;
  struct supervisor_message reply = { .type = SUPERVISOR_REPLY,
                                      .serial = readiness->serial,
                                      .pid = supervisor->init.pid,
                                      .value = supervisor->init.shutdown_signal };

  if (readiness->inotify < 0 || !readiness_check (readiness))
    return;
  readiness_end (readiness);
  if (readiness->generation == supervisor->generation)
    supervisor_send (supervisor, &reply, NULL, 0, -1);
}

static int
earlier (int a, int b)
{
  if (a < 0 || b < 0)
    return a < 0 ? b : a;
  return a < b ? a : b;
}

static int
next_timeout (const struct supervisor *supervisor)
{
  return earlier (earlier (freeze_timeout (&supervisor->freezer), console_timeout (&supervisor->console)),
                  readiness_timeout (&supervisor->readiness));
}

static void
handle_event (struct supervisor *supervisor, const struct epoll_event *event, int signals)
{
  uint32_t index = (uint32_t)event->data.u64;

  switch ((enum source) (event->data.u64 >> 32)) {
  case SOURCE_SIGNALS:
    handle_signals (supervisor, signals);
    break;
  case SOURCE_CONNECTION:
    if (supervisor->connection >= 0)
      requests_handle (supervisor);
    break;
  case SOURCE_LISTENER:
    accept_broker (supervisor);
    break;
  case SOURCE_CONSOLE:
    handle_console_output (supervisor);
    break;
  case SOURCE_CLIENT:
    handle_client (supervisor);
    break;
  case SOURCE_FREEZE:
  case SOURCE_READINESS:
    break; /* looked at after each turn */
  case SOURCE_EXEC:
    report_exec (supervisor, &supervisor->execs.slots[index % SUPERVISOR_MAX_EXECS]);
    break;
  }
}

static int
open_signals (void)
{
  sigset_t set;

  /* Who is at the console must not reach us with what his terminal can send. */
  static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };

  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    signal (ignored[i], SIG_IGN);
  sigemptyset (&set);
  sigaddset (&set, SIGCHLD);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGWINCH);
  sigprocmask (SIG_SETMASK, &set, NULL);
  return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Nothing of who started us reaches further: descriptors, directory, session, mask, core dumps, tracers. */
static void
shed_surroundings (void)
{
  static const int none[3] = { -1, -1, -1 };

  prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  close_range (SUPERVISOR_CONNECTION_FD + 1, ~0U, 0);
  (void)terminal_set_stdio (none);
  setsid ();
  umask (022);
  (void)!chdir ("/");
}

int
main (void)
{
  struct supervisor *supervisor = &container;
  struct epoll_event events[MAX_EVENTS];

  shed_surroundings ();
  int signals = open_signals ();
  supervisor->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (signals < 0 || supervisor->epoll < 0 || fcntl (SUPERVISOR_CONNECTION_FD, F_SETFD, FD_CLOEXEC) < 0)
    return 1;
  supervisor_watch (supervisor, signals, EPOLLIN, SOURCE_SIGNALS, 0);
  supervisor_connect (supervisor, SUPERVISOR_CONNECTION_FD);
  while (!supervisor_flush (supervisor)) {
    int n = epoll_wait (supervisor->epoll, events, MAX_EVENTS, next_timeout (supervisor));

    for (int i = 0; i < n; i++)
      handle_event (supervisor, &events[i], signals);
    check_freeze (supervisor);
    check_readiness (supervisor);
    check_console (supervisor);
  }
  cgroup_clear (&supervisor->cgroup);
  _exit (0); /* the container is gone and told of: there is nothing else to tidy */
}
