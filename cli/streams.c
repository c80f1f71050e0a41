/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib/gi18n.h>

#include "streams.h"

#define CHUNK (64 * 1024)

/* One direction of one stream. */
typedef struct {
  int from, to;
  int over; /* hangs up when nothing more is to come */
  gboolean is_input;
  int error; /* errno of a write that failed, or 0 */
  GThread *thread;
} Relay;

struct CliStreams {
  Relay relays[3];
  int over[2]; /* a pipe: closing its second end tells the relays */
};

/* ---- passing on ---- */

/* FALSE: there is nobody who reads, or it is over. */
static gboolean
wait_for_room (const Relay *relay)
{
  struct pollfd fds[] = { { .fd = relay->to, .events = POLLOUT },
                          { .fd = relay->is_input ? relay->over : -1, .events = POLLIN } };

  while (poll (fds, G_N_ELEMENTS (fds), -1) < 0 && errno == EINTR)
    continue;
  return (fds[0].revents & POLLOUT) && !fds[1].revents;
}

/* 0, or an errno value. */
static int
write_all (const Relay *relay, const char *bytes, gsize size)
{
  while (size > 0) {
    gssize written = write (relay->to, bytes, size);

    if (written > 0) {
      bytes += written;
      size -= (gsize)written;
    } else if (errno == EAGAIN) {
      /* It is somebody else's as well, who does not want to wait. */
      if (!wait_for_room (relay))
        return EPIPE;
    } else if (errno != EINTR)
      return errno;
  }
  return 0;
}

/* Whether there may be more. */
static gboolean
pass_on (Relay *relay)
{
  static _Thread_local char bytes[CHUNK];
  gssize size = splice (relay->from, NULL, relay->to, NULL, CHUNK, 0);

  if (size > 0)
    return TRUE;
  /* Not every file takes part, and one that is appended to does not. All else the next call meets again. */
  size = read (relay->from, bytes, sizeof bytes);
  if (size <= 0)
    return size < 0 && (errno == EINTR || errno == EAGAIN);
  relay->error = write_all (relay, bytes, (gsize)size);
  return relay->error == 0;
}

static gpointer
run_relay (gpointer data)
{
  Relay *relay = data;
  sigset_t broken;

  /* Who does not read any more ends the command, not us: it hears so by its own pipe. */
  sigemptyset (&broken);
  sigaddset (&broken, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &broken, NULL);
  for (;;) {
    struct pollfd fds[] = { { .fd = relay->from, .events = POLLIN },
                            { .fd = relay->over, .events = POLLIN },
                            { .fd = relay->is_input ? relay->to : -1 } };

    if (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
      continue;
    /* What was written before the end comes before the end; nobody waits for input that is left. */
    if (fds[2].revents || (fds[1].revents && (relay->is_input || !(fds[0].revents & POLLIN))))
      break;
    if (fds[0].revents && !pass_on (relay))
      break;
  }
  close (relay->is_input ? relay->to : relay->from);
  return NULL;
}

static gboolean
start_relay (CliStreams *streams, int fd, int *ret_theirs, GError **error)
{
  Relay *relay = &streams->relays[fd];
  int ends[2];
  int ours = fd == STDIN_FILENO ? 1 : 0;

  if (streams->over[0] < 0 && !g_unix_open_pipe (streams->over, FD_CLOEXEC, error))
    return FALSE;
  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  /* Nothing but the command's own bytes is in it. */
  (void)!fchmod (ends[0], 0666);
  relay->is_input = fd == STDIN_FILENO;
  if (relay->is_input)
    g_unix_set_fd_nonblocking (ends[ours], TRUE, NULL);
  relay->from = relay->is_input ? fd : ends[ours];
  relay->to = relay->is_input ? ends[ours] : fd;
  relay->over = streams->over[0];
  relay->thread = g_thread_new ("stream", run_relay, relay);
  *ret_theirs = ends[1 - ours];
  return TRUE;
}

/* ---- what each of them is ---- */

/* Whether everybody may open the user's own pipe FD for reading or writing, as BIT says, from now on. */
static gboolean
open_up_pipe (int fd, const struct stat *st, mode_t bit)
{
  struct statfs fs;

  if (fstatfs (fd, &fs) < 0 || fs.f_type != PIPEFS_MAGIC)
    return FALSE;
  return (st->st_mode & bit) || fchmod (fd, (st->st_mode & 07777) | bit) == 0;
}

/* Whether a program inside can open FD by its name. */
static gboolean
can_be_opened (int fd)
{
  mode_t bit = fd == STDIN_FILENO ? S_IROTH : S_IWOTH;
  struct stat st;

  /* One that is not open is found when it is handed over. */
  if (fstat (fd, &st) < 0)
    return TRUE;
  if (S_ISFIFO (st.st_mode))
    return open_up_pipe (fd, &st, bit);
  if (S_ISCHR (st.st_mode))
    return !isatty (fd);
  /* A file that is written from its beginning by whoever opens it is not what standard output is. */
  return S_ISREG (st.st_mode) && fd == STDIN_FILENO && (st.st_mode & bit);
}

/* So that what a command says on both stays in order. */
static gboolean
are_same (int a, int b)
{
  struct stat one, other;

  return fstat (a, &one) == 0 && fstat (b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

/* Append to FDS what the command gets for FD. */
static int
hand_over (CliStreams *streams, int fd, CliStreamsInput input, GUnixFDList *fds, GError **error)
{
  int handle, theirs = -1;

  if (fd == STDIN_FILENO && input == CLI_STREAMS_NO_INPUT) {
    theirs = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    if (theirs < 0) {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "/dev/null: %s", g_strerror (errno));
      return -1;
    }
  } else if (!can_be_opened (fd) && !(fd == STDIN_FILENO && input == CLI_STREAMS_INPUT) &&
             !start_relay (streams, fd, &theirs, error))
    return -1;
  handle = g_unix_fd_list_append (fds, theirs < 0 ? fd : theirs, error);
  if (theirs >= 0)
    close (theirs);
  if (handle < 0)
    g_prefix_error (error, _ ("File descriptor %d: "), fd);
  return handle;
}

CliStreams *
cli_streams_new (CliStreamsInput input, GUnixFDList *fds, GVariant **ret_handles, GError **error)
{
  g_autoptr (CliStreams) streams = g_new0 (CliStreams, 1);
  GVariant *handles[3];

  streams->over[0] = streams->over[1] = -1;
  for (int fd = 0, handle = -1; fd < 3; fd++) {
    gboolean is_shared = fd == STDERR_FILENO && streams->relays[STDOUT_FILENO].thread &&
                         are_same (STDOUT_FILENO, STDERR_FILENO);

    /* A handle may stand twice. */
    if (!is_shared)
      handle = hand_over (streams, fd, input, fds, error);
    if (handle < 0) {
      for (int i = 0; i < fd; i++)
        g_variant_unref (g_variant_ref_sink (handles[i]));
      return NULL;
    }
    handles[fd] = g_variant_new_handle (handle);
  }
  *ret_handles = g_variant_new_array (G_VARIANT_TYPE_HANDLE, handles, 3);
  return g_steal_pointer (&streams);
}

/* ---- how it ends ---- */

gboolean
cli_streams_finish (CliStreams *streams)
{
  static const char *const names[] = { N_ ("Standard input"), N_ ("Standard output"), N_ ("Standard error") };
  gboolean ok = TRUE;

  if (streams->over[1] >= 0)
    close (streams->over[1]);
  streams->over[1] = -1;
  for (int fd = 0; fd < 3; fd++) {
    Relay *relay = &streams->relays[fd];

    if (!relay->thread)
      continue;
    g_thread_join (g_steal_pointer (&relay->thread));
    if (fd == STDIN_FILENO || relay->error == 0 || relay->error == EPIPE)
      continue;
    g_printerr ("bothy: %s: %s\n", _ (names[fd]), g_strerror (relay->error));
    ok = FALSE;
  }
  return ok;
}

void
cli_streams_free (CliStreams *streams)
{
  cli_streams_finish (streams);
  if (streams->over[0] >= 0)
    close (streams->over[0]);
  g_free (streams);
}
