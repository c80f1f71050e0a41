/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "connections.h"
#include "packet.h"
#include "privilege.h"
#include "request.h"
#include "step.h"

#define MAX_WORKERS  64
#define DEADLINE_MS  10000
#define REACHABLE_MS 4000  /* the deadline of who can be stopped by a user */
#define DISK_MS      60000 /* of what writes out all that the disk has to be written first */
#define GRACE_MS     1000  /* for a worker to die of SIGKILL */
#define MAX_FOLDERS  4     /* of one user's at once: his file system may keep each, even from dying */
#define IDLE_SECONDS 30

/* A step that is being done. */
struct worker {
  int pidfd; /* -1: this place is free */
  int connection;
  uint32_t serial;
  int64_t deadline;
  uint32_t op;
  uint32_t owner;
  bool late;
};

struct server {
  struct connections connections;
  struct worker workers[MAX_WORKERS];
  unsigned int n_workers;
  int64_t idle_since;
};

static int64_t
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000) + now.tv_nsec / 1000000;
}

/*
 * Like fork(), but with a pidfd; with SIGNAL 0 the child has to be waited for with __WALL. GROUP (or -1): the
 * control group that it is born in. To move a process later makes the kernel wait for an RCU grace period.
 */
static pid_t
clone_process (int *ret_pidfd, int signal, int group)
{
  struct clone_args args = { .flags = CLONE_PIDFD,
                             .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
                             .exit_signal = (uint64_t)signal };

  if (group >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)group;
  }

  return (pid_t)syscall (SYS_clone3, &args, sizeof args);
}

/* The server never waits for a reader: a broker that does not read gets no reply. */
static void
answer_error (int connection, uint32_t serial, int error, enum helper_step step)
{
  struct helper_reply message = {
    .version = HELPER_PROTOCOL_VERSION, .serial = serial, .error = error, .step = step
  };

  (void)packet_reply (connection, &message, NULL, 0, MSG_DONTWAIT);
}

static int
run_step (const struct packet *packet, struct step_result *ret)
{
  switch ((enum helper_op)packet->request.op) {
  case HELPER_USERNS:
  case HELPER_NETNS:
    return step_userns (packet, ret);
  case HELPER_MAP:
    return step_map (packet, ret);
  case HELPER_MOUNT:
    return step_mount (packet, ret);
  case HELPER_VOLUME:
    return step_volume (packet, ret);
  case HELPER_OWN:
    return step_own (packet, ret);
  case HELPER_NIC:
    return step_nic (packet, ret);
  case HELPER_CLEAR:
    return step_clear (packet, ret);
  case HELPER_QUOTA:
    return step_quota (packet, ret);
  case HELPER_FOLDER:
    return step_folder (packet, ret);
  case HELPER_FOLDER_MOUNT:
    return step_folder_mount (packet, ret);
  case HELPER_TREE_MOUNT:
    return step_tree_mount (packet, ret);
  case HELPER_TREE_LAYER:
    return step_tree_layer (packet, ret);
  case HELPER_LABEL:
    return step_label (packet, ret);
  case HELPER_ADOPTABLE:
    return step_adoptable (packet, ret);
  case HELPER_DEVICE_ACCESS:
    return step_device_access (packet, ret);
  case HELPER_DEVICE_NODE:
    return step_device_node (packet, ret);
  case HELPER_DEVICE_REVOKE:
    return step_device_revoke (packet, ret);
  case HELPER_TREE:
    return step_tree (packet, ret);
  case HELPER_TREE_CLONE:
    return step_tree_clone (packet, ret);
  case HELPER_TREE_CLOSE:
  case HELPER_TREE_DETACH:
    return step_tree_close (packet, ret);
  case HELPER_SPAWN:
  case HELPER_HOLD:
    break;
  }
  return step_fail (ret, HELPER_STEP_REQUEST, EINVAL);
}

/* The worker: one step, one reply, the end. Any other exit is answered by the server. */
static void
run_worker (int connection, const struct packet *packet)
{
  struct step_result result = { 0 };
  int error = run_step (packet, &result);
  struct helper_reply message = {
    .version = HELPER_PROTOCOL_VERSION,
    .serial = packet->request.serial,
    .error = error,
    .step = error == 0 ? HELPER_STEP_NONE : result.step,
    .layer = result.layer,
    .number = result.watch,
    .bytes = result.bytes,
    .inodes = result.inodes,
  };

  memcpy (message.filesystem, result.filesystem, sizeof message.filesystem);
  memcpy (message.places, result.places, sizeof message.places);
  if (packet_reply (connection, &message, result.fds, error == 0 ? result.n_fds : 0, 0) < 0)
    _exit (EXIT_FAILURE);
  /* A step's own child has been killed; who else would wait for it, on a machine whose pid 1 does not? */
  while (wait (NULL) > 0)
    ;
  _exit (EXIT_SUCCESS);
}

/* A child in a namespace of a user's is his to stop, and so is a file system; then he need not wait for long. */
static int64_t
patience_for (uint32_t op)
{
  switch (op) {
  case HELPER_MAP:
  case HELPER_NIC:
  case HELPER_FOLDER:
  case HELPER_DEVICE_ACCESS:
    return REACHABLE_MS;
  case HELPER_TREE_CLOSE:
  case HELPER_TREE_DETACH:
    return DISK_MS;
  default:
    return DEADLINE_MS;
  }
}

/* What waits for a file system of a user's may not even die: his own places are all that it takes. */
static bool
has_too_many_folders (const struct server *server, const struct helper_request *request)
{
  unsigned int n = 0;

  for (unsigned int i = 0; i < MAX_WORKERS; i++) {
    const struct worker *worker = &server->workers[i];

    n += worker->pidfd >= 0 && worker->op == HELPER_FOLDER && worker->owner == request->owner;
  }
  return request->op == HELPER_FOLDER && n >= MAX_FOLDERS;
}

static void
start_worker (struct server *server, int connection, const struct packet *packet)
{
  struct worker *worker = server->workers;
  int pidfd = -1;
  pid_t pid;

  if (has_too_many_folders (server, &packet->request)) {
    answer_error (connection, packet->request.serial, EBUSY, HELPER_STEP_FOLDERS_BUSY);
    return;
  }
  while (worker->pidfd >= 0) /* there is a free one, or nothing had been read */
    worker++;
  pid = clone_process (&pidfd, 0, -1);
  if (pid == 0)
    run_worker (connection, packet);
  if (pid < 0) {
    answer_error (connection, packet->request.serial, errno, HELPER_STEP_FORK);
    return;
  }
  *worker = (struct worker){
    .pidfd = pidfd,
    .connection = connection,
    .serial = packet->request.serial,
    .deadline = now_ms () + patience_for (packet->request.op),
    .op = packet->request.op,
    .owner = packet->request.owner,
  };
  server->n_workers++;
}

/* Not a worker: it lives on. SIGCHLD is ignored here, so the kernel reaps it. */
static void
start_program (int connection, const struct packet *packet)
{
  struct helper_reply message = { .version = HELPER_PROTOCOL_VERSION, .serial = packet->request.serial };
  bool grouped = packet->request.op == HELPER_SPAWN && packet->request.into_group;
  int pidfd = -1;
  pid_t pid = clone_process (&pidfd, SIGCHLD, grouped ? packet->fds[1] : -1);

  if (pid == 0) {
    if (packet->request.op == HELPER_HOLD)
      step_hold (packet);
    else
      step_spawn (packet);
    _exit (127);
  }
  if (pid < 0) {
    answer_error (connection, packet->request.serial, errno, grouped ? HELPER_STEP_GROUP : HELPER_STEP_FORK);
    return;
  }
  message.number = pid;
  /* A program that nobody can know of must not stay. */
  if (packet_reply (connection, &message, &pidfd, 1, MSG_DONTWAIT) < 0)
    kill (pid, SIGKILL);
  close (pidfd);
}

/* Returns whether the connection is still there. */
static bool
take_request (struct server *server, int connection)
{
  struct packet packet __attribute__ ((cleanup (packet_close))) = { 0 };
  int result = packet_receive (connection, &packet);
  int error;

  if (result == -EAGAIN)
    return true;
  if (result <= 0)
    return false;
  error = request_check (&packet);
  if (error != 0)
    answer_error (connection, packet.size >= 8 ? packet.request.serial : 0, error, HELPER_STEP_REQUEST);
  else if (packet.request.op == HELPER_SPAWN || packet.request.op == HELPER_HOLD)
    start_program (connection, &packet);
  else
    start_worker (server, connection, &packet);
  return true;
}

/* Answers in the place of WORKER, if somebody waits for it. */
static void
answer_for (struct worker *worker, int error, enum helper_step step)
{
  if (worker->connection >= 0)
    answer_error (worker->connection, worker->serial, error, step);
  worker->connection = -1;
}

/* What a folder's worker waits for is the user's own. */
static enum helper_step
late_step (const struct worker *worker)
{
  return worker->op == HELPER_FOLDER ? HELPER_STEP_FOLDER : HELPER_STEP_DEADLINE;
}

/* If it has ended, and it may have been killed, answers in its place unless it did itself. */
static void
reap_worker (struct server *server, struct worker *worker)
{
  siginfo_t info = { 0 };

  while (waitid (P_PIDFD, (id_t)worker->pidfd, &info, WEXITED | WNOHANG | __WALL) < 0 && errno == EINTR)
    ;
  if (info.si_pid == 0)
    return;
  if (info.si_code != CLD_EXITED || info.si_status != EXIT_SUCCESS)
    answer_for (worker, worker->late ? ETIMEDOUT : EIO, worker->late ? late_step (worker) : HELPER_STEP_FORK);
  close (worker->pidfd);
  worker->pidfd = -1;
  server->n_workers--;
}

/* It is not waited for here: what is in the middle of a system call may take its time to die. */
static void
kill_worker (struct worker *worker, int64_t deadline)
{
  worker->late = true;
  worker->deadline = deadline;
  syscall (SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
}

static void
kill_late_workers (struct server *server)
{
  int64_t now = now_ms ();

  for (unsigned int i = 0; i < MAX_WORKERS; i++) {
    struct worker *worker = &server->workers[i];

    if (worker->pidfd < 0 || worker->deadline > now)
      continue;
    if (!worker->late) {
      kill_worker (worker, now + GRACE_MS);
    } else {
      worker->deadline = INT64_MAX;
      answer_for (worker, ETIMEDOUT, late_step (worker));
    }
  }
}

/* Whoever asked is gone: nobody is left to do it for. */
static void
kill_workers_of (struct server *server, int connection)
{
  for (unsigned int i = 0; i < MAX_WORKERS; i++)
    if (server->workers[i].pidfd >= 0 && server->workers[i].connection == connection) {
      server->workers[i].connection = -1;
      kill_worker (&server->workers[i], INT64_MAX);
    }
}

static bool
serve_connection (void *data, int connection)
{
  struct server *server = data;

  if (server->n_workers == MAX_WORKERS || take_request (server, connection))
    return true;
  kill_workers_of (server, connection);
  server->idle_since = now_ms ();
  return false;
}

/* Milliseconds until something is due; -1: nothing is, and the process sleeps. */
static int
next_timeout (const struct server *server)
{
  int64_t due = INT64_MAX;
  int64_t left;

  for (unsigned int i = 0; i < MAX_WORKERS; i++)
    if (server->workers[i].pidfd >= 0 && server->workers[i].deadline < due)
      due = server->workers[i].deadline;
  if (server->connections.n == 0 && server->idle_since + IDLE_SECONDS * 1000 < due)
    due = server->idle_since + IDLE_SECONDS * 1000;
  if (due == INT64_MAX)
    return -1;
  left = due - now_ms ();
  return left < 0 ? 0 : (int)left;
}

static bool
is_finished (const struct server *server)
{
  if (server->connections.n > 0)
    return false;
  return (server->connections.listening < 0 && server->n_workers == 0) ||
         now_ms () >= server->idle_since + IDLE_SECONDS * 1000;
}

static int
wait_and_serve (struct server *server)
{
  struct pollfd polls[CONNECTIONS_POLLS + MAX_WORKERS];
  struct pollfd *ends = polls + CONNECTIONS_POLLS;

  connections_watch (&server->connections, server->n_workers < MAX_WORKERS, polls);
  for (unsigned int i = 0; i < MAX_WORKERS; i++)
    ends[i] = (struct pollfd){ .fd = server->workers[i].pidfd, .events = POLLIN };
  if (poll (polls, CONNECTIONS_POLLS + MAX_WORKERS, next_timeout (server)) < 0)
    return errno == EINTR ? 0 : -errno;
  for (unsigned int i = 0; i < MAX_WORKERS; i++)
    if (ends[i].revents != 0)
      reap_worker (server, &server->workers[i]);
  kill_late_workers (server);
  connections_serve (&server->connections, polls, serve_connection, server);
  return 0;
}

/*
 * What one step or another needs, to join a namespace for a program (SYS_ADMIN), and to drop the rest; as far as
 * the unit gave it, for what only starts programs has less.
 */
static int
reduce_server (void)
{
  const uint64_t wanted = CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID) | CAPABILITY (CAP_SYS_ADMIN) |
                          CAPABILITY (CAP_DAC_READ_SEARCH) | CAPABILITY (CAP_CHOWN) |
                          CAPABILITY (CAP_SETPCAP) | CAPABILITY (CAP_MKNOD);

  return privilege_reduce (wanted & privilege_permitted (), 0);
}

int
server_run (const struct connections *connections)
{
  struct server server = { .connections = *connections, .idle_since = now_ms () };
  int result = -reduce_server ();

  for (unsigned int i = 0; i < MAX_WORKERS; i++)
    server.workers[i].pidfd = -1;
  signal (SIGCHLD, SIG_IGN);
  while (!is_finished (&server) && result == 0)
    result = wait_and_serve (&server);
  if (result == 0)
    return EXIT_SUCCESS;
  fprintf (stderr, "bothy-helper: %s\n", strerror (-result));
  return EXIT_FAILURE;
}
