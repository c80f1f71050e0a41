/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Between the bus and GDBus stand two threads, one for each direction:
 *
 *     the bus ──► socket ──► down: by the header of each message, let through or dropped ──► GDBus
 *     the bus ◄── socket ◄── up: as it comes ◄───────────────────────────────────────────── GDBus
 *
 * The framing is that of the D-Bus specification, "Message Format"; what is read here was checked by the bus
 * before, so a message that does not make sense means that the framing is lost, and ends the connection.
 */
#include "bus/front.h"

#include "bus/header.h"
#include "bus/names.h"
#include "base/error.h"
#include "base/fd.h"
#include "config.h"
#include "interface-info.h"
#include "platform/untrusted-fd.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define VARIABLE     "DBUS_SYSTEM_BUS_ADDRESS"
#define STANDARD_BUS "unix:path=/run/dbus/system_bus_socket"

#define STACK_SIZE (256 * 1024)
#define MAX_REPLY                                                                                            \
  (64 * 1024 * 1024)               /* only who was asked replies: systemd, polkit, NetworkManager, the bus */
#define MAX_STRANGE     (4 * 1024) /* of a signature that nobody takes: GDBus and the door say so themselves */
#define DISCARD_LOOK_US 100
#define ASK_TIMEOUT     2    /* s: for each step of asking the bus, and for all answers together */
#define MAX_ANSWER      4096 /* bytes: what is larger is none */
#define MAX_LINE        512  /* bytes, of the authentication */
#define MAX_FDS         253  /* SCM_MAX_FD of the kernel: what comes at once */

/* Of a message's own serials, which GDBus counts from 1. */
#define FIRST_SERIAL 0x80000000u

/* One direction: what was read and not yet passed on. */
typedef struct {
  int from, to;
  guint8 data[BOTHY_HEADER_MAX];
  gsize length;
  GArray *fds; /* that came with it */
  gboolean trusted;
  gboolean lost; /* some could not be taken in, since too many are open */
} Stream;

typedef struct {
  Stream down, up;
  GMutex writing;         /* to the bus: a whole message, or a reply of ours */
  gint begun;             /* the text of the authentication is over; see read_text() */
  guint32 next_serial;    /* of replies of ours */
  GHashTable *signatures; /* that methods of ours take: a set */
  char *address;          /* of the bus, to ask it something while a message waits in the connection */
} Front;

/* With a small stack: the usual eight megabytes count as memory of the service. */
static gboolean
begin_thread (const char *name, gpointer (*run) (gpointer data), gpointer data)
{
  pthread_attr_t attributes;
  pthread_t thread;
  int error;

  pthread_attr_init (&attributes);
  pthread_attr_setstacksize (&attributes, STACK_SIZE);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  error = pthread_create (&thread, &attributes, run, data);
  /* One that has ended already has no name any more. */
  if (error == 0)
    pthread_setname_np (thread, name);
  pthread_attr_destroy (&attributes);
  errno = error;
  return error == 0;
}

/* ---- reading and writing ---- */

static gboolean
write_all (int fd, const guint8 *data, gsize length, const int *fds, guint n_fds)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int) * MAX_FDS)];
  } control = { 0 };

  while (length > 0) {
    struct iovec part = { (void *)data, length };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t n;

    if (n_fds > 0) {
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE (sizeof (int) * n_fds);
      control.header.cmsg_len = CMSG_LEN (sizeof (int) * n_fds);
      control.header.cmsg_level = SOL_SOCKET;
      control.header.cmsg_type = SCM_RIGHTS;
      memcpy (CMSG_DATA (&control.header), fds, sizeof (int) * n_fds);
    }
    n = sendmsg (fd, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data += n;
    length -= (gsize)n;
    n_fds = 0;
  }
  return TRUE;
}

static void
keep_fds (Stream *stream, struct msghdr *message)
{
  for (struct cmsghdr *part = CMSG_FIRSTHDR (message); part; part = CMSG_NXTHDR (message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
      g_array_append_vals (stream->fds, CMSG_DATA (part), (part->cmsg_len - CMSG_LEN (0)) / sizeof (int));
  }
}

/*
 * Read what there is, up to MAX bytes in all that are not passed on yet. FALSE: the other side is gone. Never is more
 * asked for than the message at hand has: so what came with file descriptors is its own.
 */
static gboolean
read_more (Stream *stream, gsize max)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int) * MAX_FDS)];
  } control;
  struct iovec part = { stream->data + stream->length, max - stream->length };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  ssize_t n;

  do
    n = recvmsg (stream->from, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n <= 0)
    return FALSE;
  keep_fds (stream, &message);
  stream->lost |= (message.msg_flags & MSG_CTRUNC) != 0;
  stream->length += (gsize)n;
  return TRUE;
}

static gboolean
read_until (Stream *stream, gsize length)
{
  while (stream->length < length) {
    if (!read_more (stream, length))
      return FALSE;
  }
  return TRUE;
}

static void
consume (Stream *stream, gsize length)
{
  stream->length -= length;
  memmove (stream->data, stream->data + length, stream->length);
}

/* A message is over. What GDBus sends is the service's own, and to be closed now: somebody may wait for the last of them
   to go. What came from the bus may be anything; SENDER (or NULL) sent it, and the router gets to know him if he is EXPECTED
   there. */
static void
close_fds (Stream *stream, const char *sender, gboolean expected)
{
  for (guint i = 0; i < stream->fds->len; i++) {
    int fd = g_array_index (stream->fds, int, i);

    if (stream->trusted)
      close (fd);
    else
      bothy_untrusted_fd_close_of (fd, sender, expected);
  }
  g_array_set_size (stream->fds, 0);
  stream->lost = FALSE;
}

/* Pass LENGTH bytes on, the first of them with the fds that came. */
static gboolean
forward (Stream *stream, gsize length)
{
  guint n_fds = stream->fds->len;
  gboolean ok = TRUE;

  while (ok && length > 0) {
    gsize n = MIN (length, stream->length);

    if (n == 0) {
      ok = read_more (stream, MIN (length, sizeof stream->data));
      continue;
    }
    ok = write_all (stream->to, stream->data, n, (const int *)(void *)stream->fds->data, n_fds);
    n_fds = 0;
    consume (stream, n);
    length -= n;
  }
  return ok;
}

/* Read LENGTH bytes and let go of them. */
static gboolean
drop (Stream *stream, gsize length)
{
  while (length > 0) {
    gsize n = MIN (length, stream->length);

    if (n == 0 && !read_more (stream, MIN (length, sizeof stream->data)))
      return FALSE;
    consume (stream, n);
    length -= n;
  }
  return TRUE;
}

/* ---- messages ---- */

/* What STREAM has next. FALSE: nothing more, or nothing that makes sense. */
static gboolean
read_header (Stream *stream, BothyHeader *message)
{
  if (!read_until (stream, BOTHY_HEADER_FIXED) || !bothy_header_read_fixed (stream->data, message))
    return FALSE;
  if (!message->strange && !read_until (stream, message->header))
    return FALSE;
  bothy_header_read_fields (stream->data, message);
  return TRUE;
}

/* ---- from the bus ---- */

/* No more values than the signature has letters: numbers and texts, whatever the length of these. */
static gboolean
is_flat (const char *signature)
{
  return strpbrk (signature, "av") == NULL;
}

static gboolean
may_pass (Front *front, const BothyHeader *message)
{
  if (message->strange || front->down.lost || front->down.fds->len > MAX_FDS)
    return FALSE;
  switch (message->type) {
  case G_DBUS_MESSAGE_TYPE_METHOD_CALL:
    if (message->total > BOTHY_FRONT_MAX_CALL)
      return FALSE;
    return message->total <= MAX_STRANGE || is_flat (message->signature) ||
           g_hash_table_contains (front->signatures, message->signature);
  case G_DBUS_MESSAGE_TYPE_SIGNAL:
    return message->total <= BOTHY_FRONT_MAX_CALL && front->down.fds->len == 0;
  case G_DBUS_MESSAGE_TYPE_METHOD_RETURN:
  case G_DBUS_MESSAGE_TYPE_ERROR:
    return message->total <= MAX_REPLY;
  default:
    return FALSE;
  }
}

/* Whether the router gets MESSAGE, and asks who sent it: GDBus answers the rest. */
static gboolean
is_for_router (const BothyHeader *message)
{
  return message->type == G_DBUS_MESSAGE_TYPE_METHOD_CALL &&
         g_strcmp0 (message->interface, DBUS_PEER_INTERFACE) != 0;
}

/*
 * ---- file descriptors that nobody wants ----
 *
 * One that was received has to be closed, which may take for ever when a user serves its file himself. One that was not is
 * let go of by the kernel, without asking the file's owner; still, the last of its kind goes by the thread that did not
 * take it, and a user can let that wait, too. So the first byte of such a message, which is what they come with, is read by
 * a thread of its own, with no room for them.
 */

typedef struct {
  int fd;
  gboolean done;
  gint references;
} Discard;

static void
discard_unref (Discard *discard)
{
  if (g_atomic_int_dec_and_test (&discard->references))
    g_free (discard);
}

static gpointer
run_discard (gpointer user_data)
{
  Discard *discard = user_data;
  char byte;

  while (recv (discard->fd, &byte, 1, 0) < 0 && errno == EINTR)
    continue;
  g_atomic_int_set (&discard->done, TRUE);
  discard_unref (discard);
  return NULL;
}

/* Whether the message at the front of FD is still whole: its first byte is no type, which is the second. */
static gboolean
is_whole (int fd)
{
  char byte = 0;

  return recv (fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && (byte == 'l' || byte == 'B');
}

/* Read the first byte of the message at hand, and let go of what came with it. */
static gboolean
discard_fds (Stream *stream)
{
  Discard *discard = g_new0 (Discard, 1);

  discard->fd = stream->from;
  discard->references = 2;
  if (!begin_thread ("bus-discard", run_discard, discard)) {
    g_free (discard);
    return FALSE;
  }
  /* The byte is gone at once, whether or not the thread comes back. */
  while (!g_atomic_int_get (&discard->done) && is_whole (stream->from))
    g_usleep (DISCARD_LOOK_US);
  discard_unref (discard);
  stream->length = 1;
  stream->lost = TRUE;
  return TRUE;
}

/* SECONDS: how long connecting, reading and writing may take each; 0: for ever. */
static int
connect_to_path (const char *path, guint seconds, GError **error)
{
  struct timeval limit = { .tv_sec = seconds };
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
    bothy_error_set_errno (error, ENAMETOOLONG, path);
    return -1;
  }
  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
      setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
      connect (fd, (struct sockaddr *)&address, sizeof address) < 0) {
    bothy_error_set_errno (error, errno, path);
    return -1;
  }
  return g_steal_fd (&fd);
}

/* The bus is a socket in the file system: what the specification has else, "tcp:" and such, no system bus is. */
static int
connect_to_bus (const char *given, guint seconds, GError **error)
{
  g_auto (GStrv) addresses = g_strsplit (given, ";", -1);

  for (char **address = addresses; *address; address++) {
    const char *path = strstr (*address, "path=");
    g_autofree char *escaped = path ? g_strndup (path + 5, strcspn (path + 5, ",")) : NULL;
    g_autofree char *name = escaped ? g_uri_unescape_string (escaped, NULL) : NULL;

    if (g_str_has_prefix (*address, "unix:") && name)
      return connect_to_path (name, seconds, error);
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s: no socket in the file system: %s", VARIABLE,
               given);
  return -1;
}

/*
 * ---- asking the bus who somebody is ----
 *
 * While a message of his waits in our connection, no answer comes through that. So it is a connection of its own for each
 * question, which has a name on the bus like any other: everybody may send something there. It never says that it takes
 * file descriptors, so the bus refuses those; of what is too large for the answer nothing is kept; and nobody who waits
 * for something else waits with it.
 */

static gboolean
read_line (Stream *stream)
{
  while (stream->length < MAX_LINE) {
    if (!read_more (stream, stream->length + 1))
      return FALSE;
    if (stream->data[stream->length - 1] == '\n')
      return TRUE;
  }
  return FALSE;
}

static gboolean
authenticate (Stream *stream)
{
  static const char begin[] = "BEGIN\r\n";
  g_autofree char *user = g_strdup_printf ("%u", (guint)getuid ());
  GString *text = g_string_new_len ("", 1);
  gboolean ok;

  g_string_append (text, "AUTH EXTERNAL ");
  for (const char *digit = user; *digit; digit++)
    g_string_append_printf (text, "%02x", (guint)*digit);
  g_string_append (text, "\r\n");
  ok = write_all (stream->to, (const guint8 *)text->str, text->len, NULL, 0) && read_line (stream) &&
       memcmp (stream->data, "OK ", 3) == 0;
  g_string_free (text, TRUE);
  stream->length = 0;
  return ok && write_all (stream->to, (const guint8 *)begin, strlen (begin), NULL, 0);
}

/* Call METHOD of the bus with BODY (floating, or NULL). */
static gboolean
ask_bus (Stream *stream, guint32 serial, const char *method, GVariant *body)
{
  g_autoptr (GDBusMessage) call = g_dbus_message_new_method_call (
      "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method);
  g_autofree guint8 *data = NULL;
  gsize length;

  if (body)
    g_dbus_message_set_body (call, body);
  g_dbus_message_set_serial (call, serial);
  data = g_dbus_message_to_blob (call, &length, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  return data && write_all (stream->to, data, length, NULL, 0);
}

/* The next message, if it is the bus' answer to SERIAL; RET_MESSAGE is NULL if it is anything else. FALSE: no more comes. */
static gboolean
read_answer (Stream *stream, guint32 serial, GDBusMessage **ret_message)
{
  g_autoptr (GDBusMessage) message = NULL;
  BothyHeader header;

  *ret_message = NULL;
  if (!read_header (stream, &header))
    return FALSE;
  if (header.strange || header.total > MAX_ANSWER)
    return drop (stream, header.total);
  if (!read_until (stream, header.total))
    return FALSE;
  message = g_dbus_message_new_from_blob (stream->data, header.total, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  consume (stream, header.total);
  if (message && g_strcmp0 (g_dbus_message_get_sender (message), "org.freedesktop.DBus") == 0 &&
      g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_SIGNAL &&
      g_dbus_message_get_reply_serial (message) == serial)
    *ret_message = g_steal_pointer (&message);
  return TRUE;
}

/* Whose connection NAME is, asked over STREAM, a new one. FALSE: the bus does not know it, or does not answer. */
static gboolean
ask_user (Stream *stream, const char *name, guint32 *ret_user)
{
  gint64 end = g_get_monotonic_time () + ASK_TIMEOUT * G_USEC_PER_SEC;
  g_autoptr (GDBusMessage) answer = NULL;
  GVariant *body;

  if (!authenticate (stream) || !ask_bus (stream, 1, "Hello", NULL) ||
      !ask_bus (stream, 2, "GetConnectionUnixUser", g_variant_new ("(s)", name)))
    return FALSE;
  while (!answer) {
    if (!read_answer (stream, 2, &answer) || g_get_monotonic_time () > end)
      return FALSE;
  }
  body = g_dbus_message_get_body (answer);
  if (g_dbus_message_get_message_type (answer) != G_DBUS_MESSAGE_TYPE_METHOD_RETURN || !body ||
      !g_variant_is_of_type (body, G_VARIANT_TYPE ("(u)")))
    return FALSE;
  g_variant_get (body, "(u)", ret_user);
  return TRUE;
}

/* Have SENDER noted with his user. FALSE: that is not known. */
static gboolean
note_sender (Front *front, const char *sender)
{
  g_autofree Stream *stream = g_new0 (Stream, 1);
  autofd fd = connect_to_bus (front->address, ASK_TIMEOUT, NULL);
  guint32 user;
  gboolean known;

  if (fd < 0)
    return FALSE;
  stream->from = stream->to = fd;
  stream->fds = g_array_new (FALSE, FALSE, sizeof (int));
  known = ask_user (stream, sender, &user);
  close_fds (stream, NULL, FALSE);
  g_array_unref (stream->fds);
  if (known)
    bothy_untrusted_fds_note (sender, user);
  return known;
}

/* Whether files of SENDER are taken in. Where somebody's hang, it is looked who he is first: a user's that hang are his, and
   nobody else's are left out for them. */
static gboolean
may_send (Front *front, const char *sender)
{
  gboolean ask;

  if (bothy_untrusted_fds_may_send (sender, &ask))
    return TRUE;
  return ask && sender && note_sender (front, sender) && bothy_untrusted_fds_may_send (sender, &ask);
}

/* Whether what comes with the message that begins in the first N bytes of DATA may be taken in. Where not all of its header is
   to be seen yet, nobody knows whose it is: then only as long as no files of anybody's hang. */
static gboolean
may_take_fds (Front *front, const guint8 *data, gsize n)
{
  BothyHeader message;

  if (n < BOTHY_HEADER_FIXED)
    return may_send (front, NULL);
  if (!bothy_header_read_fixed (data, &message) || message.strange)
    return FALSE;
  /* Only who was asked replies. */
  if (message.type != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return message.type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || message.type == G_DBUS_MESSAGE_TYPE_ERROR;
  if (message.header > n)
    return may_send (front, NULL);
  bothy_header_read_fields (data, &message);
  return !message.strange && message.total <= BOTHY_FRONT_MAX_CALL && is_for_router (&message) &&
         may_send (front, message.sender);
}

/* Look at the first SIZE bytes of the next message, or fewer, and whether it has file descriptors. As recv(2). */
static ssize_t
peek (Stream *stream, gsize size, gboolean *ret_has_fds)
{
  struct iovec part = { stream->data, size };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
  ssize_t n;

  do
    n = recvmsg (stream->from, &message, MSG_PEEK);
  while (n < 0 && errno == EINTR);
  *ret_has_fds = (message.msg_flags & MSG_CTRUNC) != 0;
  return n;
}

/* Wait for the next message, and let go of file descriptors that are not wanted. FALSE: the other side is gone. */
static gboolean
sift_fds (Front *front)
{
  Stream *stream = &front->down;
  gboolean has_fds;
  ssize_t n;

  /* The beginning of the very first one was read as text may be: it is the bus' own. */
  if (stream->length > 0)
    return TRUE;
  n = peek (stream, BOTHY_HEADER_FIXED, &has_fds);
  if (n > 0 && has_fds)
    n = peek (stream, sizeof stream->data, &has_fds);
  if (n <= 0)
    return FALSE;
  return !has_fds || may_take_fds (front, stream->data, (gsize)n) || discard_fds (stream);
}

/* The caller whose message was dropped gets an error, unless he wants no answer. */
static gboolean
answer (Front *front, const BothyHeader *message)
{
  g_autoptr (GDBusMessage) reply = g_dbus_message_new ();
  g_autofree char *text =
      front->down.lost
          ? g_strdup ("No more of your files are taken: many that you sent can not be closed, or the service "
                      "has too many "
                      "open; end or unmount the file system that does not answer, or try again later")
          : g_strdup_printf ("The call is larger than any that is understood here: %" G_GSIZE_FORMAT
                             " bytes with arguments of type (%s); "
                             "at most %d are taken, and only of the types that the methods have",
                             message->total, message->signature, BOTHY_FRONT_MAX_CALL);
  g_autofree guint8 *data = NULL;
  gsize length;
  gboolean ok;

  if (message->type != G_DBUS_MESSAGE_TYPE_METHOD_CALL || !message->sender ||
      message->flags & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)
    return TRUE;
  g_dbus_message_set_message_type (reply, G_DBUS_MESSAGE_TYPE_ERROR);
  g_dbus_message_set_error_name (reply, bothy_error_name (BOTHY_ERROR_LIMITS_EXCEEDED));
  g_dbus_message_set_reply_serial (reply, message->serial);
  g_dbus_message_set_destination (reply, message->sender);
  g_dbus_message_set_flags (reply, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_body (reply, g_variant_new ("(s)", text));
  g_dbus_message_set_serial (reply, front->next_serial);
  front->next_serial = MAX (front->next_serial + 1, FIRST_SERIAL);
  data = g_dbus_message_to_blob (reply, &length, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  if (!data)
    return FALSE;
  g_mutex_lock (&front->writing);
  ok = write_all (front->up.to, data, length, NULL, 0);
  g_mutex_unlock (&front->writing);
  return ok;
}

static gboolean
pass_down (Front *front)
{
  Stream *down = &front->down;
  BothyHeader message;
  g_autofree char *sender = NULL;
  gboolean passes, expected, ok;

  if (!sift_fds (front) || !read_header (down, &message))
    return FALSE;
  if (down->fds->len > 0)
    sender = g_strdup (message.sender);
  passes = may_pass (front, &message);
  expected = passes && is_for_router (&message);
  if (passes)
    ok = forward (down, message.total);
  else {
    g_debug ("dropped a message of %" G_GSIZE_FORMAT " bytes from %s", message.total, message.sender);
    ok = answer (front, &message) && drop (down, message.total);
  }
  close_fds (down, sender, expected);
  return ok;
}

/*
 * Before the first message the two sides talk in lines of text. GDBus waits for each answer, and what it says last
 * is BEGIN: what the bus sends after that are messages. So whatever was read when BEGIN had not been seen is text.
 */
static gboolean
read_text (Front *front)
{
  Stream *down = &front->down;

  if (!read_more (down, BOTHY_HEADER_FIXED))
    return FALSE;
  return g_atomic_int_get (&front->begun) || forward (down, down->length);
}

static void
shut_down (Front *front)
{
  shutdown (front->down.from, SHUT_RDWR);
  shutdown (front->down.to, SHUT_RDWR);
}

static gpointer
run_down (gpointer user_data)
{
  Front *front = user_data;
  gboolean going = TRUE;

  while (going)
    going = g_atomic_int_get (&front->begun) ? pass_down (front) : read_text (front);
  shut_down (front);
  return NULL;
}

/* ---- to the bus ---- */

/* What GDBus sends is ours; it is taken apart only so that no reply of the thread's gets into the middle. */
static gboolean
pass_up (Front *front)
{
  BothyHeader message;
  gboolean ok;

  if (!read_header (&front->up, &message))
    return FALSE;
  g_mutex_lock (&front->writing);
  /* Without its file descriptors the bus would take it for nonsense. */
  ok = front->up.lost ? drop (&front->up, message.total) : forward (&front->up, message.total);
  g_mutex_unlock (&front->writing);
  close_fds (&front->up, NULL, FALSE);
  return ok;
}

static gboolean
pass_text_up (Front *front)
{
  Stream *up = &front->up;
  const char *begin;

  if (!read_more (up, sizeof up->data))
    return FALSE;
  begin = memmem (up->data, up->length, "BEGIN\r\n", 7);
  if (begin)
    g_atomic_int_set (&front->begun, TRUE);
  return forward (up, begin ? (gsize)(begin + 7 - (const char *)up->data) : up->length);
}

static gpointer
run_up (gpointer user_data)
{
  Front *front = user_data;
  gboolean going = TRUE;

  while (going)
    going = g_atomic_int_get (&front->begun) ? pass_up (front) : pass_text_up (front);
  shut_down (front);
  return NULL;
}

/* ---- beginning ---- */

/* The standard interfaces have only methods that take texts. */
static const GDBusInterfaceInfo *const interfaces[] = {
  &org_bothy_bothy1_manager_interface,   &org_bothy_bothy1_container_interface,
  &org_bothy_bothy1_image_interface,     &org_bothy_bothy1_bridge_interface,
  &org_bothy_bothy1_operation_interface, &org_bothy_bothy1_process_interface,
};

static GHashTable *
list_signatures (void)
{
  GHashTable *signatures = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (interfaces); i++) {
    for (GDBusMethodInfo **method = interfaces[i]->methods; method && *method; method++) {
      GString *signature = g_string_new (NULL);

      for (GDBusArgInfo **arg = (*method)->in_args; arg && *arg; arg++)
        g_string_append (signature, (*arg)->signature);
      g_hash_table_add (signatures, g_string_free (signature, FALSE));
    }
  }
  return signatures;
}

static int
listen_at (const char *path, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  unlink (path);
  if (fd < 0 || bind (fd, (struct sockaddr *)&address, sizeof address) < 0 || listen (fd, 1) < 0) {
    bothy_error_set_errno (error, errno, path);
    return -1;
  }
  return g_steal_fd (&fd);
}

typedef struct {
  int listener, bus;
  char *address; /* of the bus, taken over */
} Sockets;

static gpointer
stand_between (gpointer user_data)
{
  g_autofree Sockets *sockets = user_data;
  int inside = accept4 (sockets->listener, NULL, NULL, SOCK_CLOEXEC);
  Front *front;

  if (inside < 0)
    return NULL;
  /* It lives as long as the process, which ends with its connection. */
  front = g_new0 (Front, 1);
  front->next_serial = FIRST_SERIAL;
  front->signatures = list_signatures ();
  front->address = sockets->address;
  front->down =
      (Stream){ .from = sockets->bus, .to = inside, .fds = g_array_new (FALSE, FALSE, sizeof (int)) };
  front->up = (Stream){
    .trusted = TRUE, .from = inside, .to = sockets->bus, .fds = g_array_new (FALSE, FALSE, sizeof (int))
  };
  g_mutex_init (&front->writing);
  if (!begin_thread ("bus-up", run_up, front))
    shut_down (front);
  return run_down (front);
}

GDBusConnection *
bothy_front_connect (GError **error)
{
  /* Root's directory, and nobody else may connect: whoever does speaks on the bus as root. */
  g_autofree char *path = g_strdup_printf (RUNTIME_DIR "/bus-%d", (int)getpid ());
  g_autofree char *address = g_strdup_printf ("unix:path=%s", path);
  g_autofree char *before = g_strdup (g_getenv (VARIABLE));
  autofd listener = -1;
  GDBusConnection *connection;
  Sockets *sockets;
  int bus = connect_to_bus (before ? before : STANDARD_BUS, 0, error);

  listener = bus < 0 ? -1 : listen_at (path, error);
  if (listener < 0) {
    bothy_clear_fd (&bus);
    return NULL;
  }
  sockets = g_new (Sockets, 1);
  *sockets = (Sockets){ listener, bus, g_strdup (before ? before : STANDARD_BUS) };
  if (!begin_thread ("bus-down", stand_between, sockets)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "No thread for the bus: %s", g_strerror (errno));
    unlink (path);
    return NULL;
  }
  g_setenv (VARIABLE, address, TRUE);
  connection = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, error);
  unlink (path);
  if (before)
    g_setenv (VARIABLE, before, TRUE);
  else
    g_unsetenv (VARIABLE);
  return connection;
}
