/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a container begins: PREPARE and START. */
#include "begin.h"

#include "account.h"
#include "autofd.h"
#include "etcfiles.h"
#include "namespaces.h"
#include "shutdown.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define MAX_LOWER     (SUPERVISOR_MAX_FDS - 8) /* the others are those that PREPARE has beside them */
#define PREPARE_EXTRA 4                        /* upper, listener, filter, log */
#define START_FIXED   4 /* control group, where it is mounted, user, working directory */
#define MAX_SYSCTLS   64

static bool
is_listener (int fd)
{
  int listening = 0;
  socklen_t size = sizeof listening;

  return getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* What of the files in /etc this container has for itself. */
static struct fault
personalize (
    const struct rootfs *rootfs, bool is_personal, const char *hostname, const char *account, int32_t uid)
{
  if (rootfs->fresh && !is_personal)
    etcfiles_individualize (rootfs->root, hostname);
  if (!account)
    return NO_FAULT;
  int r = uid > 0 ? account_ensure (rootfs->root, account, (uint32_t)uid) : -EINVAL;
  return r < 0 ? fault_at (SUPERVISOR_STEP_ACCOUNT, r) : NO_FAULT;
}

static struct fault
prepare_container (struct supervisor *supervisor, struct packet *packet, const struct packet_strings *strings)
{
  const char *hostname = strings->fixed[0];
  unsigned n = packet->head.n_lower;
  autofd filter = packet_steal_fd (packet, n + 2);

  if (!is_listener (packet->fds[n + 1]))
    return fault_of_request (ENOTSOCK);
  int r = filter_read (&supervisor->filter, filter);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_SECCOMP, r);
  supervisor->nesting = packet->head.flags & SUPERVISOR_FLAG_NESTING;
  bool given = packet->head.flags & SUPERVISOR_FLAG_NETNS;
  struct fault fault = namespaces_enter (hostname, given ? packet->fds[n + PREPARE_EXTRA] : -1);
  if (is_fault (fault))
    return fault;
  supervisor->network_ns = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  snprintf (supervisor->hostname, sizeof supervisor->hostname, "%s", hostname);
  const struct rootfs_layers layers = { .lower = packet->fds,
                                        .n_lower = n,
                                        .n_own = packet->head.id,
                                        .upper = packet->fds[n],
                                        .is_volatile = packet->head.flags & SUPERVISOR_FLAG_VOLATILE };
  fault = rootfs_build (&supervisor->rootfs, &layers, strings->fixed[1]);
  if (is_fault (fault))
    return fault;
  fault = namespaces_raise_loopback ();
  if (is_fault (fault))
    return fault;
  fault = personalize (&supervisor->rootfs, packet->head.flags & SUPERVISOR_FLAG_PERSONAL, hostname,
                       strings->argv[0], packet->head.value);
  if (is_fault (fault))
    return fault;
  supervisor->listener = packet_steal_fd (packet, n + 1);
  supervisor_watch (supervisor, supervisor->listener, EPOLLIN, SOURCE_LISTENER, 0);
  console_open (&supervisor->console, steal_fd (&supervisor->rootfs.console),
                packet_steal_fd (packet, n + 3));
  supervisor_watch (supervisor, supervisor->console.master, EPOLLIN | EPOLLET, SOURCE_CONSOLE, 0);
  supervisor->state = SUPERVISOR_STATE_PREPARED;
  return NO_FAULT;
}

struct fault
begin_prepare (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct packet_strings strings = { 0 };
  uint32_t n = packet->head.n_lower;
  uint32_t n_fds = n + PREPARE_EXTRA + (packet->head.flags & SUPERVISOR_FLAG_NETNS ? 1 : 0);

  if (supervisor->state != SUPERVISOR_STATE_NEW || supervisor->failed)
    return fault_of_request (EALREADY);
  if (n < 1 || n > MAX_LOWER || packet->head.id >= n || packet->n_fds != n_fds || packet->head.n_argv > 1 ||
      packet->head.n_env)
    return fault_of_request (EINVAL);
  int r = packet_split (packet, 2, &strings);
  if (r < 0)
    return fault_of_request (r);
  struct fault fault = prepare_container (supervisor, packet, &strings);
  free (strings.all);
  supervisor->failed = is_fault (fault);
  return fault;
}

static struct fault
start_container (struct supervisor *supervisor,
                 const struct packet_strings *strings,
                 unsigned n_directories,
                 char *const *sysctls,
                 const int stdio[3])
{
  struct init_plan plan = { .rootfs = &supervisor->rootfs,
                            .cgroup = &supervisor->cgroup,
                            .nesting = supervisor->nesting,
                            .directories = strings->fixed + START_FIXED,
                            .n_directories = n_directories,
                            .sysctls = sysctls,
                            .launch = { .user = strings->fixed[2],
                                        .directory = strings->fixed[3],
                                        .argv = strings->argv,
                                        .env = strings->env,
                                        .filter = &supervisor->filter } };

  memcpy (plan.stdio, stdio, sizeof plan.stdio);
  struct fault fault = cgroup_open (&supervisor->cgroup, strings->fixed[1], strings->fixed[0]);
  if (is_fault (fault))
    return fault;
  supervisor->rootfs.console = supervisor->console.master;
  fault = init_start (&plan, &supervisor->init, &supervisor->cgroup.ns);
  supervisor->rootfs.console = -1;
  rootfs_drop_building (&supervisor->rootfs);
  return fault;
}

static void
await_systemd (struct supervisor *supervisor, const struct packet *packet)
{
  struct readiness *readiness = &supervisor->readiness;

  if (!readiness_begin (readiness))
    return;
  readiness->serial = packet->head.serial;
  readiness->generation = supervisor->generation;
  supervisor_watch (supervisor, readiness->inotify, EPOLLIN, SOURCE_READINESS, 0);
}

struct fault
begin_start (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct packet_strings strings = { 0 };
  bool has_stdio = packet->head.flags & SUPERVISOR_FLAG_STDIO;
  uint32_t n_sysctls = packet->head.n_lower;
  char *sysctls[MAX_SYSCTLS + 1] = { NULL };
  int stdio[3];

  if (supervisor->state != SUPERVISOR_STATE_PREPARED || supervisor->failed)
    return fault_of_request (supervisor->failed ? ECANCELED : EINVAL);
  if (packet->n_fds != (has_stdio ? 3U : 0U) || (has_stdio && packet->head.n_argv == 0) ||
      packet->head.value < 0 || packet->head.value > SUPERVISOR_MAX_DIRECTORIES || n_sysctls > MAX_SYSCTLS)
    return fault_of_request (EINVAL);
  unsigned n_directories = (unsigned)packet->head.value;
  int r = packet_get_stdio (packet, stdio);
  if (r < 0)
    return fault_of_request (r);
  r = packet_split (packet, START_FIXED + n_directories + n_sysctls, &strings);
  if (r < 0)
    return fault_of_request (r);
  memcpy (sysctls, strings.fixed + START_FIXED + n_directories, n_sysctls * sizeof *sysctls);
  struct fault fault = start_container (supervisor, &strings, n_directories, sysctls, stdio);
  free (strings.all);
  supervisor->failed = is_fault (fault);
  if (is_fault (fault))
    return fault;
  supervisor->state = SUPERVISOR_STATE_RUNNING;
  reply->pid = supervisor->init.pid;
  reply->value = supervisor->init.shutdown_signal;
  if (reply->value == SHUTDOWN_OF_SYSTEMD)
    await_systemd (supervisor, packet);
  return NO_FAULT;
}
