/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init.h"

#include "autofd.h"
#include "minder.h"
#include "shutdown.h"
#include "terminal.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const candidates[] = { "/sbin/init", "/usr/sbin/init", "/usr/lib/systemd/systemd",
                                          "/lib/systemd/systemd", "/init" };

/* The image's init of which there is a file at all; NULL if there is none. */
static const char *
find_init (void)
{
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
    if (access (candidates[i], F_OK) == 0)
      return candidates[i];
  return NULL;
}

/* While the host's /proc is there: it knows us under a pid of its own. */
static struct fault
enter_cgroup_namespace (const struct init_plan *plan, int *ns)
{
  int r = plan->joined ? 0 : cgroup_join (plan->cgroup);

  if (r < 0)
    return fault_at (SUPERVISOR_STEP_CGROUP, r);
  if (unshare (CLONE_NEWCGROUP) < 0)
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  *ns = open ("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC);
  return *ns < 0 ? fault_at (SUPERVISOR_STEP_NAMESPACE, errno) : NO_FAULT;
}

static struct fault
enter_container (const struct init_plan *plan, int *ns)
{
  struct fault fault = enter_cgroup_namespace (plan, ns);

  if (is_fault (fault))
    return fault;
  fault = rootfs_finish (plan->rootfs, plan->nesting, plan->cgroup->payload >= 0, plan->sysctls);
  return is_fault (fault) ? fault : rootfs_enter (plan->rootfs);
}

static struct fault
set_streams (const struct init_plan *plan)
{
  int fds[3] = { plan->stdio[0], plan->stdio[1], plan->stdio[2] };
  autofd slave = -1;

  if (fds[0] < 0) {
    slave = ioctl (plan->rootfs->console, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
      return fault_at (SUPERVISOR_STEP_CONSOLE, errno);
    fds[0] = fds[1] = fds[2] = slave;
  }
  int r = terminal_set_stdio (fds);
  return r < 0 ? fault_at (SUPERVISOR_STEP_CONSOLE, r) : NO_FAULT;
}

/*
 * Whatever happens to the supervisor, the kernel then takes pid 1, and with it all of the namespace. Set
 * after the last change of credentials, which would clear it; the other end is looked at in case it is
 * gone already. (The image's init could undo it; the broker kills the control group of a lost supervisor.)
 */
static struct fault
bind_to_supervisor (int channel)
{
  if (prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  struct init_event event = { .kind = INIT_HERE };
  return minder_tell (channel, &event, -1) < 0 ? fault_at (SUPERVISOR_STEP_FORK, EPIPE) : NO_FAULT;
}

static struct fault
confine_and_bind (const struct init_plan *plan, int channel)
{
  int r = capabilities_limit ();

  if (r == 0)
    r = filter_load (plan->launch.filter);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_SECCOMP, r);
  return bind_to_supervisor (channel);
}

/* The last directory of PATH, which can be changed, in the one above it. */
static void
make_last (char *path)
{
  char *slash = strrchr (path, '/');

  *slash = '\0';
  autofd above = launch_open (slash == path ? "/" : path, O_PATH | O_DIRECTORY, 0);
  *slash = '/';
  if (above >= 0)
    mkdirat (above, slash + 1, 0755);
}

/*
 * As docker has it: root's, whoever the command's user is. Inside the container already, where a link of the image's leads
 * to nowhere else. Whether there is a directory in the end, chdir(2) tells, or whoever looks for it.
 */
static void
make_directory (const char *path)
{
  char part[PATH_MAX];

  if (path[0] != '/' || snprintf (part, sizeof part, "%s", path) >= (int)sizeof part)
    return;
  for (char *slash = part; (slash = strchr (slash + 1, '/'));) {
    *slash = '\0';
    make_last (part);
    *slash = '/';
  }
  make_last (part);
}

static void
make_directories (const struct init_plan *plan)
{
  if (plan->launch.directory[0] != '\0')
    make_directory (plan->launch.directory);
  for (unsigned i = 0; i < plan->n_directories; i++)
    make_directory (plan->directories[i]);
}

/* What is something only as pid 1, such as systemd and s6-overlay's /init. It decides itself who runs what.
 */
static bool
is_init (const struct launch *launch)
{
  const char *name = strrchr (launch->argv[0], '/');
  const char *user = launch->user;
  bool is_root = *user == '\0' || strcmp (user, "root") == 0 || strcmp (user, "0") == 0;

  return is_root && launch->argv[0][0] == '/' &&
         (strcmp (name, "/init") == 0 || strcmp (name, "/systemd") == 0);
}

static struct fault
run_init (const struct init_plan *plan, int channel)
{
  const struct launch *launch = &plan->launch;
  bool is_named = launch->argv[0] != NULL;
  char hostname[LAUNCH_HOSTNAME];
  /* What an image names as its init finds the surroundings of any other command of it. */
  const struct variable defaults[] = { { "container", "bothy" },
                                       { "TERM", "linux" },
                                       { "PATH", is_named ? LAUNCH_PATH : NULL },
                                       { "HOME", is_named ? "/root" : NULL },
                                       { "HOSTNAME", is_named ? launch_hostname (hostname) : NULL } };
  const char *path = is_named ? launch->argv[0] : find_init ();
  char *alone[] = { (char *)(uintptr_t)path, NULL };
  struct init_event event = { .kind = INIT_SIGNAL };

  if (!path)
    return fault_at (SUPERVISOR_STEP_EXEC, ENOENT);
  event.value = shutdown_find (path, is_named ? SIGTERM : SIGPWR);
  minder_tell (channel, &event, -1);
  struct fault fault =
      event.value == SHUTDOWN_OF_SYSTEMD ? rootfs_cover_run (plan->rootfs, plan->nesting) : NO_FAULT;
  if (!is_fault (fault) && event.value == SHUTDOWN_OF_SYSTEMD)
    fault = rootfs_share ();
  if (!is_fault (fault))
    fault = set_streams (plan);
  if (is_fault (fault))
    return fault;
  fault = confine_and_bind (plan, channel);
  if (is_fault (fault))
    return fault;
  int r = *launch->directory != '\0' ? launch_change_directory (launch->directory) : 0;
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_DIRECTORY, r);
  char **env = launch_environment (launch->env, defaults, sizeof defaults / sizeof *defaults);
  if (env)
    execve (path, is_named ? launch->argv : alone, env);
  return fault_at (SUPERVISOR_STEP_EXEC, env ? errno : ENOMEM);
}

static struct fault
run_command (const struct init_plan *plan, int program, int channel, int report)
{
  struct launch launch = plan->launch;
  struct init_event event = { .kind = INIT_SIGNAL, .value = SIGTERM };

  minder_tell (channel, &event, -1);
  struct fault fault = set_streams (plan);
  if (is_fault (fault))
    return fault;
  fault = confine_and_bind (plan, channel);
  if (is_fault (fault))
    return fault;
  launch.filter = NULL; /* inherited */
  launch.tty = plan->stdio[0] < 0;
  return minder_run (&launch, program, channel, report);
}

_Noreturn static void
first_process (const struct init_plan *plan, int channel, int report)
{
  struct init_event event = { .kind = INIT_FAULT };
  bool is_command = plan->launch.argv[0] && !is_init (&plan->launch);
  autofd program = is_command ? minder_open_program () : -1;
  autofd ns = -1;

  launch_reset_process ();
  setsid (); /* what the console's terminal sends is not for the container's init */
  signal (SIGPIPE, SIG_IGN);
  event.fault =
      is_command && program < 0 ? fault_at (SUPERVISOR_STEP_FORK, program) : enter_container (plan, &ns);
  if (!is_fault (event.fault)) {
    struct init_event entered = { .kind = INIT_HERE };

    minder_tell (channel, &entered, ns);
    signal (SIGPIPE, SIG_DFL);
    make_directories (plan);
    event.fault = is_command ? run_command (plan, program, channel, report) : run_init (plan, channel);
  }
  minder_tell (channel, &event, -1);
  _exit (1);
}

/* Hears PROCESS out until it executes a program: its channel closes then, or it says that it minds the command, and *MINDS. */
static struct fault
await_program (struct init_process *process, int *cgroup_ns, bool *minds)
{
  struct init_event event;
  int r;

  *minds = false;
  while ((r = minder_hear (process->channel, &event, cgroup_ns)) > 0) {
    if (event.kind == INIT_FAULT)
      return event.fault;
    if (event.kind == INIT_SIGNAL)
      process->shutdown_signal = event.value;
    if (event.kind == INIT_MINDS) {
      *minds = true;
      return NO_FAULT;
    }
  }
  /* Closed without a signal to shut down with: it died before it came that far. */
  if (r < 0 || process->shutdown_signal == 0)
    return fault_at (SUPERVISOR_STEP_FORK, r < 0 ? r : EIO);
  return NO_FAULT;
}

/* The same of the command. Nobody can keep REPORT open beyond the exec(2) of what has it, or say something in its place. */
static struct fault
await_command (int report)
{
  struct fault fault;
  ssize_t size;

  do
    size = read (report, &fault, sizeof fault);
  while (size < 0 && errno == EINTR);
  return size == sizeof fault ? fault : NO_FAULT;
}

struct fault
init_start (struct init_plan *plan, struct init_process *process, int *cgroup_ns)
{
  int pair[2], report[2];
  bool minds;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  process->channel = pair[0];
  autofd theirs = pair[1];
  if (pipe2 (report, O_CLOEXEC) < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  autofd report_here = report[0];
  autofd report_there = report[1];
  if (unshare (CLONE_NEWPID) < 0)
    return fault_at (SUPERVISOR_STEP_NAMESPACE, errno);
  process->pid = cgroup_fork (plan->cgroup, &plan->joined);
  if (process->pid < 0)
    return fault_at (SUPERVISOR_STEP_FORK, errno);
  if (process->pid == 0) {
    close (process->channel);
    drop_fd (&report_here);
    first_process (plan, theirs, report_there);
  }
  drop_fd (&theirs);
  drop_fd (&report_there);
  struct fault fault = await_program (process, cgroup_ns, &minds);
  if (!is_fault (fault) && minds)
    fault = await_command (report_here);
  if (is_fault (fault))
    kill (process->pid, SIGKILL);
  return fault;
}

/* Whether wait(2) could have said so of a process that ended. */
static bool
is_end (int status)
{
  int signal_number = WTERMSIG (status);

  if (signal_number == 0)
    return (status & ~0xff00) == 0;
  return (status & ~0xff) == 0 && signal_number < NSIG;
}

bool
init_read_end (const struct init_process *process, int *status)
{
  struct init_event event;

  /* Just one, and no descriptors: whoever spoke in its place could go on for ever. */
  if (recv (process->channel, &event, sizeof event, MSG_DONTWAIT) != sizeof event ||
      event.kind != INIT_ENDED || !is_end (event.value))
    return false;
  *status = event.value;
  return true;
}
