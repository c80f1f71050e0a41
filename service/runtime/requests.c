/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "requests.h"

#include "autofd.h"
#include "begin.h"
#include "etcfiles.h"
#include "network.h"
#include "shutdown.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

static struct fault
run_exec (struct supervisor *supervisor, struct packet *packet, const struct packet_strings *strings)
{
  struct exec *exec = exec_find (&supervisor->execs, 0);
  struct launch launch = { .user = strings->fixed[0],
                           .directory = strings->fixed[1],
                           .argv = strings->argv,
                           .env = strings->env,
                           .filter = &supervisor->filter,
                           .home_by_default = true,
                           .login = packet->head.flags & SUPERVISOR_FLAG_LOGIN,
                           .rows = (uint16_t)((uint32_t)packet->head.value >> 16),
                           .columns = (uint16_t)packet->head.value,
                           .tty = packet->head.flags & SUPERVISOR_FLAG_TTY };
  int stdio[3];

  if (!exec)
    return fault_of_request (EMFILE);
  int r = packet_get_stdio (packet, stdio);
  if (r < 0)
    return fault_of_request (r);
  struct fault fault = exec_start (exec, &launch, &supervisor->cgroup, supervisor->rootfs.pts, stdio);
  if (is_fault (fault))
    return fault;
  exec->id = packet->head.id;
  exec->serial = packet->head.serial;
  exec->generation = supervisor->generation;
  supervisor_watch (supervisor, exec->report, EPOLLIN | EPOLLONESHOT, SOURCE_EXEC,
                    (uint32_t)(exec - supervisor->execs.slots));
  return NO_FAULT;
}

/* Is answered when exec(2) has worked or not; only a refusal comes at once. */
static struct fault
handle_exec (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  const struct supervisor_message *head = &packet->head;
  struct packet_strings strings = { 0 };
  bool tty = head->flags & SUPERVISOR_FLAG_TTY;

  if (supervisor->state == SUPERVISOR_STATE_FROZEN || supervisor->freezer.events >= 0)
    return fault_of_request (EBUSY);
  if (supervisor->state != SUPERVISOR_STATE_RUNNING)
    return fault_of_request (ESRCH);
  if (head->id == 0 || head->n_argv == 0 || (packet->n_fds != 0 && (tty || packet->n_fds != 3)))
    return fault_of_request (EINVAL);
  if (exec_find (&supervisor->execs, head->id))
    return fault_of_request (EEXIST);
  int r = packet_split (packet, 2, &strings);
  if (r < 0)
    return fault_of_request (r);
  struct fault fault = run_exec (supervisor, packet, &strings);
  free (strings.all);
  return fault;
}

static bool
is_running (const struct supervisor *supervisor)
{
  return supervisor->state == SUPERVISOR_STATE_RUNNING || supervisor->state == SUPERVISOR_STATE_FROZEN;
}

/* Pids are those of our own children that were not waited for yet, so they cannot be anybody else's. */
static struct fault
handle_signal (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  const struct supervisor_message *head = &packet->head;
  const struct exec *exec = head->id != 0 ? exec_find (&supervisor->execs, head->id) : NULL;

  if (!is_running (supervisor) || (head->id != 0 && (!exec || exec->ended)))
    return fault_of_request (ESRCH);
  if (head->value < 1 || head->value > (exec ? NSIG - 1 : SHUTDOWN_BY_STOPIT))
    return fault_of_request (EINVAL);
  /* It leads a session, if it has come so far. */
  if (exec && (head->flags & SUPERVISOR_FLAG_GROUP) != 0)
    kill (-exec->pid, head->value);
  int r = shutdown_ask (exec ? exec->pid : supervisor->init.pid, head->value);
  return r < 0 ? fault_of_request (r) : NO_FAULT;
}

static struct fault
handle_kill_all (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  if (!is_running (supervisor))
    return fault_of_request (ESRCH);
  /* The namespace's own end is what counts; the control group reaches frozen ones too. */
  int r = cgroup_kill (&supervisor->cgroup);
  if (kill (supervisor->init.pid, SIGKILL) < 0 && r < 0)
    return fault_of_request (errno);
  return NO_FAULT;
}

static struct fault
handle_freeze (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct freezer *freezer = &supervisor->freezer;

  if (freezer->events >= 0)
    return fault_of_request (EBUSY);
  if (!is_running (supervisor))
    return fault_of_request (ESRCH);
  int r = freeze_begin (freezer, &supervisor->cgroup);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_CGROUP, r);
  if (r > 0) {
    supervisor->state = SUPERVISOR_STATE_FROZEN;
    return NO_FAULT;
  }
  freezer->serial = packet->head.serial;
  freezer->generation = supervisor->generation;
  supervisor_watch (supervisor, freezer->events, EPOLLPRI | EPOLLET, SOURCE_FREEZE, 0);
  return NO_FAULT;
}

static struct fault
handle_thaw (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct freezer *freezer = &supervisor->freezer;

  if (!is_running (supervisor))
    return fault_of_request (ESRCH);
  int r = cgroup_set_frozen (&supervisor->cgroup, false);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_CGROUP, r);
  if (freezer->events >= 0) {
    freeze_end (freezer);
    supervisor_answer (supervisor, freezer->serial, freezer->generation, fault_of_request (ECANCELED));
  }
  supervisor->state = SUPERVISOR_STATE_RUNNING;
  return NO_FAULT;
}

static struct fault
handle_console (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed)
    return fault_of_request (EINVAL);
  autofd master = console_attach (&supervisor->console, supervisor->rootfs.pts);
  if (master < 0)
    return fault_at (SUPERVISOR_STEP_CONSOLE, master);
  supervisor_watch (supervisor, supervisor->console.client, EPOLLIN | EPOLLONESHOT, SOURCE_CLIENT, 0);
  reply->serial = packet->head.serial;
  reply->type = SUPERVISOR_REPLY;
  supervisor_send (supervisor, reply, NULL, 0, master);
  return NO_FAULT;
}

static struct fault
handle_net_namespace (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  if (supervisor->network_ns < 0)
    return fault_of_request (EINVAL);
  reply->serial = packet->head.serial;
  supervisor_send (supervisor, reply, NULL, 0, supervisor->network_ns);
  return NO_FAULT;
}

static struct fault
handle_root (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  if (supervisor->state != SUPERVISOR_STATE_RUNNING && supervisor->state != SUPERVISOR_STATE_FROZEN)
    return fault_of_request (EINVAL);
  autofd root = supervisor_open_root (supervisor);
  if (root < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, errno);
  reply->serial = packet->head.serial;
  supervisor_send (supervisor, reply, NULL, 0, root);
  return NO_FAULT;
}

static struct fault
handle_network (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct packet_strings strings = { 0 };

  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed)
    return fault_of_request (EINVAL);
  int r = packet_split (packet, 6, &strings);
  if (r < 0)
    return fault_of_request (r);
  struct network network = { strings.fixed[0], strings.fixed[1], strings.fixed[2], strings.fixed[3],
                             strings.fixed[4] };
  autofd root = supervisor_open_root (supervisor);
  struct fault fault = NO_FAULT;
  r = network_configure (&network);
  if (r < 0)
    fault = fault_at (SUPERVISOR_STEP_NETWORK, r);
  else if (*strings.fixed[5] &&
           (r = etcfiles_write_resolv_conf (root, strings.fixed[5], supervisor->rootfs.image_resolver)) < 0)
    fault = fault_at (SUPERVISOR_STEP_FILES, r);
  free (strings.all);
  return fault;
}

static struct fault
handle_hosts (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  struct packet_strings strings = { 0 };

  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed)
    return fault_of_request (EINVAL);
  int r = packet_split (packet, 1, &strings);
  if (r < 0)
    return fault_of_request (r);
  autofd root = supervisor_open_root (supervisor);
  r = etcfiles_write_hosts (root, supervisor->hostname, strings.fixed[0]);
  free (strings.all);
  return r < 0 ? fault_at (SUPERVISOR_STEP_FILES, r) : NO_FAULT;
}

/* Before there are processes nothing else is to be done, and what comes next may belong into this one. */
static struct fault
attach_folder (struct supervisor *supervisor, struct packet *packet, const char *destination)
{
  struct folder_filling *filling = &supervisor->folders.filling;
  bool fill = (packet->head.flags & SUPERVISOR_FLAG_FILL) != 0;
  autofd root = supervisor_open_root (supervisor);
  int mount = packet_steal_fd (packet, 0);

  if (!fill || !is_running (supervisor))
    return folders_attach (&supervisor->folders, root, destination, mount, fill);
  struct fault fault =
      folders_begin_fill (&supervisor->folders, root, destination, mount, &supervisor->cgroup);
  if (!is_fault (fault)) {
    filling->serial = packet->head.serial;
    filling->generation = supervisor->generation;
  }
  return fault;
}

/* Working through one path or the other takes the container's file systems, so a container can keep only itself waiting. */
static struct fault
handle_folder (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  bool attach = packet->head.type == SUPERVISOR_FOLDER;
  struct packet_strings strings = { 0 };

  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed || packet->n_fds != (attach ? 1U : 0U))
    return fault_of_request (EINVAL);
  int r = packet_split (packet, 1, &strings);
  if (r < 0)
    return fault_of_request (r);
  struct fault fault = attach ? attach_folder (supervisor, packet, strings.fixed[0])
                              : folders_detach (&supervisor->folders, strings.fixed[0]);
  free (strings.all);
  return fault;
}

static bool
is_filling_for (const struct supervisor *supervisor, uint32_t serial)
{
  const struct folder_filling *filling = &supervisor->folders.filling;

  return filling->pid != 0 && filling->serial == serial && filling->generation == supervisor->generation;
}

static struct fault
plug_device (struct supervisor *supervisor, struct packet *packet)
{
  struct packet_strings strings = { 0 };
  autofd root = supervisor_open_root (supervisor);
  int r = packet_split (packet, 3, &strings);

  if (r < 0)
    return fault_of_request (r);
  struct fault fault = plugs_attach (&supervisor->plugs, root,
                                     &(struct plug){ .name = strings.fixed[0],
                                                     .user = strings.fixed[1],
                                                     .link = strings.fixed[2],
                                                     .mode = (mode_t)packet->head.value & 0777 },
                                     packet_steal_fd (packet, 0));
  free (strings.all);
  return fault;
}

static struct fault
handle_device (struct supervisor *supervisor, struct packet *packet, struct supervisor_message *reply)
{
  bool attach = packet->head.type == SUPERVISOR_DEVICE;
  struct packet_strings strings = { 0 };

  if (supervisor->state == SUPERVISOR_STATE_NEW || supervisor->failed || packet->n_fds != (attach ? 1U : 0U))
    return fault_of_request (EINVAL);
  if (attach)
    return plug_device (supervisor, packet);
  int r = packet_split (packet, 1, &strings);
  if (r < 0)
    return fault_of_request (r);
  autofd root = supervisor_open_root (supervisor);
  struct fault fault = plugs_detach (&supervisor->plugs, root, strings.fixed[0]);
  free (strings.all);
  return fault;
}

/* BY_ITSELF: it answers when it worked; a refusal is answered here. */
static const struct {
  struct fault (*handle) (struct supervisor *, struct packet *, struct supervisor_message *);
  bool takes_fds;
  bool by_itself;
} handlers[] = {
  [SUPERVISOR_PREPARE] = { begin_prepare, true, false },
  [SUPERVISOR_START] = { begin_start, true, false },
  [SUPERVISOR_EXEC] = { handle_exec, true, true },
  [SUPERVISOR_SIGNAL] = { handle_signal, false, false },
  [SUPERVISOR_KILL_ALL] = { handle_kill_all, false, false },
  [SUPERVISOR_FREEZE] = { handle_freeze, false, false },
  [SUPERVISOR_THAW] = { handle_thaw, false, false },
  [SUPERVISOR_CONSOLE] = { handle_console, false, true },
  [SUPERVISOR_NET_NAMESPACE] = { handle_net_namespace, false, true },
  [SUPERVISOR_NETWORK] = { handle_network, false, false },
  [SUPERVISOR_HOSTS] = { handle_hosts, false, false },
  [SUPERVISOR_FOLDER] = { handle_folder, true, false },
  [SUPERVISOR_NO_FOLDER] = { handle_folder, false, false },
  [SUPERVISOR_DEVICE] = { handle_device, true, false },
  [SUPERVISOR_NO_DEVICE] = { handle_device, false, false },
  [SUPERVISOR_ROOT] = { handle_root, false, true },
};

static void
dispatch (struct supervisor *supervisor, struct packet *packet)
{
  struct supervisor_message reply = { .type = SUPERVISOR_REPLY, .serial = packet->head.serial };
  uint32_t type = packet->head.type;
  struct fault fault = fault_of_request (EINVAL);
  bool known = type < sizeof handlers / sizeof *handlers && handlers[type].handle;

  if (known && (packet->n_fds == 0 || handlers[type].takes_fds)) {
    fault = handlers[type].handle (supervisor, packet, &reply);
    /* What is waited for is answered by whoever sees it happen. */
    bool later = handlers[type].by_itself || (type == SUPERVISOR_FREEZE && supervisor->freezer.events >= 0) ||
                 (type == SUPERVISOR_START && supervisor->readiness.inotify >= 0) ||
                 (type == SUPERVISOR_FOLDER && is_filling_for (supervisor, packet->head.serial));
    if (later && !is_fault (fault))
      return;
  }
  reply.error = fault.error;
  reply.step = fault.step;
  if (is_fault (fault))
    reply.value = fault.which;
  reply.state = supervisor->state;
  supervisor_send (supervisor, &reply, NULL, 0, -1);
}

void
requests_handle (struct supervisor *supervisor)
{
  struct packet packet;
  int r = packet_receive (supervisor->connection, &packet);

  if (r == -EAGAIN)
    return;
  if (r == -EBADMSG) {
    supervisor_answer (supervisor, packet.head.serial, supervisor->generation, fault_of_request (EBADMSG));
    return;
  }
  if (r <= 0) {
    supervisor_disconnect (supervisor);
    return;
  }
  dispatch (supervisor, &packet);
  packet_clear (&packet);
  if (packet.head.text_size > 4096)
    packet_trim ();
}
