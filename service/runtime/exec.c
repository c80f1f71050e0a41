/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exec.h"

#include "autofd.h"
#include "terminal.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <string.h>

struct exec *
exec_find (struct exec_table *table, uint32_t id)
{
  for (size_t i = 0; i < SUPERVISOR_MAX_EXECS; i++)
    if (id == 0 ? table->slots[i].pid == 0 : table->slots[i].pid != 0 && table->slots[i].id == id)
      return &table->slots[i];
  return NULL;
}

struct exec *
exec_find_pid (struct exec_table *table, pid_t pid)
{
  for (size_t i = 0; i < SUPERVISOR_MAX_EXECS; i++)
    if (pid > 0 && table->slots[i].pid == pid && !table->slots[i].ended)
      return &table->slots[i];
  return NULL;
}

/* The namespaces but for the cgroup one are the supervisor's own, so a fork is inside already. */
static struct fault
join_container (const struct cgroup *cgroup, bool joined)
{
  int r = joined ? 0 : cgroup_join (cgroup);

  if (r < 0)
    return fault_at (SUPERVISOR_STEP_CGROUP, r);
  if (cgroup->ns >= 0 && setns (cgroup->ns, CLONE_NEWCGROUP) < 0)
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  return NO_FAULT;
}

/*
 * Processes of the container see this one from fork(2) on. That they cannot trace it or open its descriptors
 * and its executable through /proc until exec(2) rests on the supervisor's file being executable, but not
 * readable, for the container's ids: the kernel then ties its memory to the initial user namespace
 * (would_dump() in fs/exec.c), where the container's root has no CAP_SYS_PTRACE. PR_SET_DUMPABLE alone holds
 * off only unprivileged ones. Overwriting the file would take the host's root.
 */
_Noreturn static void
run_program (
    const struct launch *launch, const struct cgroup *cgroup, bool joined, const int stdio[3], int report)
{
  launch_reset_process ();
  struct fault fault = join_container (cgroup, joined);
  if (!is_fault (fault)) {
    int r = terminal_set_stdio (stdio);
    if (r < 0)
      fault = fault_at (SUPERVISOR_STEP_TTY, r);
  }
  if (!is_fault (fault)) {
    report = dup3 (report, 3, O_CLOEXEC) < 0 ? report : 3;
    if (report == 3)
      close_range (4, ~0U, 0);
    setsid ();
    fault = launch_become (launch);
  }
  (void)!write (report, &fault, sizeof fault);
  _exit (127);
}

static struct fault
open_terminal (struct exec *exec, const struct launch *launch, int pts, int *slave)
{
  struct winsize size = { .ws_row = launch->rows, .ws_col = launch->columns };

  exec->master = terminal_open (pts, 0, slave, &exec->number);
  if (exec->master >= 0) {
    /* Programs ask once, when they start; later changes are the caller's, through the master. */
    (void)ioctl (exec->master, TIOCSWINSZ, &size);
    return NO_FAULT;
  }
  struct fault fault = fault_at (SUPERVISOR_STEP_TTY, exec->master);
  exec->master = -1;
  return fault;
}

struct fault
exec_start (
    struct exec *exec, const struct launch *launch, const struct cgroup *cgroup, int pts, const int stdio[3])
{
  int streams[3] = { stdio[0], stdio[1], stdio[2] };
  autofd slave = -1;
  int report[2];
  bool joined;

  memset (exec, 0, sizeof *exec);
  exec->master = exec->report = -1;
  if (launch->tty) {
    struct fault fault = open_terminal (exec, launch, pts, &slave);
    if (is_fault (fault))
      return fault;
    streams[0] = streams[1] = streams[2] = slave;
  }
  if (pipe2 (report, O_CLOEXEC | O_NONBLOCK) < 0) {
    drop_fd (&exec->master);
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  }
  autofd write_end = report[1];
  exec->report = report[0];
  pid_t pid = cgroup_fork (cgroup, &joined);
  if (pid == 0)
    run_program (launch, cgroup, joined, streams, write_end);
  if (pid < 0) {
    struct fault fault = fault_at (SUPERVISOR_STEP_FORK, errno);
    exec_release (exec);
    return fault;
  }
  exec->pid = pid;
  return NO_FAULT;
}

bool
exec_read_report (struct exec *exec, struct fault *fault)
{
  if (exec->report < 0)
    return false;
  ssize_t size = read (exec->report, fault, sizeof *fault);
  if (size < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (size != sizeof *fault)
    *fault = NO_FAULT;
  drop_fd (&exec->report);
  return true;
}

void
exec_release (struct exec *exec)
{
  drop_fd (&exec->report);
  drop_fd (&exec->master);
  memset (exec, 0, sizeof *exec);
  exec->report = exec->master = -1;
}
