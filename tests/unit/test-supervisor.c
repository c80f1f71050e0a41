/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/supervisor.h"

#include "base/error.h"
#include "base/fd.h"
#include "platform/packet.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* bothyd's end of a supervisor that has been taken over, and what it sends with an answer that takes one fd. */
typedef struct {
  BothySupervisorFd kind;
  int fd;
  GError *error;
  gboolean over;
} Asked;

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Asked *asked = user_data;

  asked->fd =
      bothy_supervisor_call_finish_fd (BOTHY_SUPERVISOR (source), result, asked->kind, NULL, &asked->error);
  asked->over = TRUE;
}

/* Send FDS with what is of TYPE and answers SERIAL, as a supervisor that has been taken over. */
static void
send_fds (GSocket *theirs, guint32 type, guint32 serial, const int *fds, int n)
{
  struct supervisor_message message = { .version = SUPERVISOR_PROTOCOL_VERSION,
                                        .type = type,
                                        .serial = serial };
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();

  for (int i = 0; i < n; i++)
    g_unix_fd_list_append (list, fds[i], NULL);
  g_assert_true (bothy_packet_send (theirs, &message, sizeof message, NULL, 0, list, NULL));
}

/* Answer the one request at THEIRS with FDS. */
static void
answer (GSocket *theirs, const int *fds, int n)
{
  g_autoptr (BothyPacket) request = bothy_packet_receive (theirs, SUPERVISOR_MAX_PACKET, FALSE, 0, NULL);

  g_assert_nonnull (request);
  send_fds (theirs, SUPERVISOR_REPLY, ((const struct supervisor_message *)request->data)->serial, fds, n);
}

static int
ask (BothySupervisorFd kind, const int *fds, int n, char **ret_text)
{
  const struct supervisor_message message = { .type = SUPERVISOR_CONSOLE };
  g_autoptr (BothySupervisor) supervisor = NULL;
  g_autoptr (GSocket) ours = NULL, theirs = NULL;
  Asked asked = { .kind = kind, .fd = -1 };
  int their_fd;

  g_assert_true (bothy_packet_socketpair (&ours, &their_fd, NULL));
  theirs = g_socket_new_from_fd (their_fd, NULL);
  supervisor = bothy_supervisor_new (ours, getuid ());
  bothy_supervisor_call (supervisor, message, NULL, NULL, on_answer, &asked);
  answer (theirs, fds, n);
  while (!asked.over)
    g_main_context_iteration (NULL, TRUE);
  *ret_text = asked.error ? g_strdup (asked.error->message) : NULL;
  g_assert_true ((asked.fd < 0) == (asked.error != NULL));
  g_clear_error (&asked.error);
  return asked.fd;
}

static void
check (BothySupervisorFd kind, const int *fds, int n, const char *wrong)
{
  g_autofree char *text = NULL;
  autofd fd = ask (kind, fds, n, &text);

  if (wrong)
    g_assert_nonnull (strstr (text ? text : "", wrong));
  else
    g_assert_no_errno (fd);
}

/* A file may be one that its owner serves, and whose closing he lets wait. */
static void
test_kinds (void)
{
  autofd terminal = open ("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  autofd namespace = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  autofd path = open ("/", O_PATH | O_CLOEXEC);
  autofd file = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  autofd directory = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  autofd other_namespace = open ("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  const int right[] = { terminal, namespace, path };

  for (BothySupervisorFd kind = BOTHY_SUPERVISOR_TERMINAL; kind <= BOTHY_SUPERVISOR_ROOT; kind++) {
    const int two[] = { right[kind], right[kind] };

    check (kind, two, 1, NULL);
    check (kind, two, 2, "not just one");
    check (kind, NULL, 0, "not just one");
    check (kind, &file, 1, "something else");
    check (kind, &directory, 1, "something else");
    check (kind, &other_namespace, 1, "something else");
    for (BothySupervisorFd other = BOTHY_SUPERVISOR_TERMINAL; other <= BOTHY_SUPERVISOR_ROOT; other++) {
      if (other != kind)
        check (kind, &right[other], 1, "something else");
    }
  }
}

static void
on_gone (BothySupervisor *supervisor, gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
}

/* However much is asked: what comes with anything but an answer ends the connection, so that it does not add up. */
static void
test_unasked (void)
{
  const struct supervisor_message message = { .type = SUPERVISOR_CONSOLE };
  autofd file = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  for (int way = 0; way < 3; way++) {
    g_autoptr (BothySupervisor) supervisor = NULL;
    g_autoptr (GSocket) ours = NULL, theirs = NULL;
    Asked asked = { .kind = BOTHY_SUPERVISOR_TERMINAL, .fd = -1 };
    gboolean gone = FALSE;
    int their_fd;

    g_assert_true (bothy_packet_socketpair (&ours, &their_fd, NULL));
    theirs = g_socket_new_from_fd (their_fd, NULL);
    supervisor = bothy_supervisor_new (ours, getuid ());
    g_signal_connect (supervisor, "closed", G_CALLBACK (on_gone), &gone);
    if (way > 0)
      bothy_supervisor_call (supervisor, message, NULL, NULL, on_answer, &asked);
    send_fds (theirs, way == 2 ? SUPERVISOR_EXITED : SUPERVISOR_REPLY, 999, &file, 1);
    while (g_main_context_iteration (NULL, FALSE))
      continue;
    g_assert_true (gone);
    g_assert_true (way == 0 || asked.error);
    g_clear_error (&asked.error);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/supervisor/SUP-09-kinds", test_kinds);
  g_test_add_func ("/supervisor/SUP-09-unasked", test_unasked);
  return g_test_run ();
}
