/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event loop's descriptors, and what is said to the broker, whichever one is there. */
#include "supervisor.h"

#include "autofd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>

void
supervisor_watch (struct supervisor *supervisor, int fd, uint32_t events, enum source source, uint32_t index)
{
  struct epoll_event event = { .events = events, .data.u64 = (uint64_t)source << 32 | index };

  epoll_ctl (supervisor->epoll, EPOLL_CTL_ADD, fd, &event);
}

bool
supervisor_send (
    struct supervisor *supervisor, struct supervisor_message *message, const char *text, size_t size, int fd)
{
  if (supervisor->connection < 0)
    return false;
  message->state = supervisor->state;
  if (packet_send (supervisor->connection, message, text, size, fd) == 0)
    return true;
  supervisor_disconnect (supervisor);
  return false;
}

void
supervisor_answer (struct supervisor *supervisor, uint32_t serial, uint32_t generation, struct fault fault)
{
  struct supervisor_message reply = {
    .type = SUPERVISOR_REPLY, .serial = serial, .error = fault.error, .step = fault.step
  };

  if (generation == supervisor->generation)
    supervisor_send (supervisor, &reply, NULL, 0, -1);
}

static void
send_hello (struct supervisor *supervisor)
{
  struct supervisor_message hello = { .type = SUPERVISOR_HELLO,
                                      .pid = supervisor->init.pid,
                                      .value = supervisor->init.shutdown_signal };
  char text[SUPERVISOR_MAX_EXECS * 24];
  size_t used = 0;

  for (size_t i = 0; i < SUPERVISOR_MAX_EXECS; i++) {
    const struct exec *exec = &supervisor->execs.slots[i];

    if (exec->pid == 0 || exec->ended)
      continue;
    used += (size_t)snprintf (text + used, sizeof text - used, "%u %d", exec->id, exec->pid) + 1;
    hello.n_argv++;
  }
  supervisor_send (supervisor, &hello, text, used, -1);
}

static void
close_connection (struct supervisor *supervisor)
{
  if (supervisor->connection >= 0)
    epoll_ctl (supervisor->epoll, EPOLL_CTL_DEL, supervisor->connection, NULL);
  drop_fd (&supervisor->connection);
}

void
supervisor_connect (struct supervisor *supervisor, int socket)
{
  close_connection (supervisor);
  supervisor->connection = socket;
  supervisor->generation++;
  supervisor_watch (supervisor, socket, EPOLLIN, SOURCE_CONNECTION, 0);
  send_hello (supervisor);
}

/* A container that does not run yet is nothing without the broker that is making it. */
void
supervisor_disconnect (struct supervisor *supervisor)
{
  close_connection (supervisor);
  if (supervisor->failed || supervisor->state == SUPERVISOR_STATE_NEW ||
      supervisor->state == SUPERVISOR_STATE_PREPARED)
    _exit (1);
}

/* While it is built an fd, later our own root as well. */
int
supervisor_open_root (const struct supervisor *supervisor)
{
  if (supervisor->rootfs.root >= 0)
    return fcntl (supervisor->rootfs.root, F_DUPFD_CLOEXEC, 3);
  return open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void
set_status (struct supervisor_message *message, int status)
{
  if (WIFEXITED (status))
    message->code = WEXITSTATUS (status);
  else
    message->signal = WTERMSIG (status);
}

/* The kernel says what reboot(2) was asked for by the signal that init seems to have died of; see reboot(2). A command that died of
   that signal just did. */
static bool
send_end (struct supervisor *supervisor)
{
  struct supervisor_message exited = { .type = SUPERVISOR_EXITED };
  int status = supervisor->end_status;
  bool of_init = WIFSIGNALED (status) && !supervisor->command_ended;

  if (of_init && WTERMSIG (status) == SIGHUP)
    exited.flags |= SUPERVISOR_FLAG_REBOOT;
  else if (!of_init || WTERMSIG (status) != SIGINT)
    set_status (&exited, status);
  return supervisor_send (supervisor, &exited, NULL, 0, -1);
}

bool
supervisor_flush (struct supervisor *supervisor)
{
  for (size_t i = 0; i < SUPERVISOR_MAX_EXECS; i++) {
    struct exec *exec = &supervisor->execs.slots[i];

    if (exec->pid == 0 || !exec->ended)
      continue;
    struct supervisor_message exited = { .type = SUPERVISOR_EXEC_EXITED, .id = exec->id, .pid = exec->pid };
    set_status (&exited, exec->status);
    if (!supervisor_send (supervisor, &exited, NULL, 0, -1))
      return false;
    exec_release (exec);
  }
  return supervisor->state == SUPERVISOR_STATE_EXITED && send_end (supervisor);
}
