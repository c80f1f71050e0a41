/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/packet.h"

#include "platform/untrusted-fd.h"

#include <errno.h>
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the longest argument list; a socket's default may be less than one message. */
#define SEND_BUFFER (512 * 1024)

void
bothy_packet_free (BothyPacket *self)
{
  g_free (self->data);
  g_clear_object (&self->fds);
  g_free (self);
}

BothyPacket *
bothy_packet_copy (BothyPacket *self)
{
  BothyPacket *copy = g_new0 (BothyPacket, 1);

  copy->data = g_memdup2 (self->data, self->size);
  copy->size = self->size;
  copy->fds = g_object_ref (self->fds);
  return copy;
}

static GSocket *
adopt_fd (int fd, GError **error)
{
  GSocket *socket = g_socket_new_from_fd (fd, error);

  if (!socket) {
    close (fd);
    return NULL;
  }
  g_socket_set_blocking (socket, FALSE);
  g_socket_set_option (socket, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER, NULL);
  return socket;
}

gboolean
bothy_packet_socketpair (GSocket **ret_ours, int *ret_theirs, GError **error)
{
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "socketpair: %s", g_strerror (errno));
    return FALSE;
  }
  *ret_ours = adopt_fd (pair[0], error);
  if (!*ret_ours) {
    close (pair[1]);
    return FALSE;
  }
  *ret_theirs = pair[1];
  return TRUE;
}

GSocket *
bothy_packet_connect (const char *path, GError **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) sock = NULL;
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  if (fd < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "socket: %s", g_strerror (errno));
    return NULL;
  }
  sock = adopt_fd (fd, error);
  if (!sock || !g_socket_connect (sock, address, NULL, error))
    return NULL;
  return g_steal_pointer (&sock);
}

gboolean
bothy_packet_send (GSocket *socket,
                   gconstpointer head,
                   gsize head_size,
                   gconstpointer text,
                   gsize text_size,
                   GUnixFDList *fds,
                   GError **error)
{
  GOutputVector vectors[] = { { head, head_size }, { text, text_size } };
  g_autoptr (GSocketControlMessage) control = NULL;

  if (fds && g_unix_fd_list_get_length (fds) > 0)
    control = g_unix_fd_message_new_with_fd_list (fds);
  return g_socket_send_message (socket, NULL, vectors, text_size > 0 ? 2 : 1, &control, control ? 1 : 0,
                                MSG_NOSIGNAL, NULL, error) >= 0;
}

static GUnixFDList *
collect_fds (GSocketControlMessage **messages, int n)
{
  GUnixFDList *list = NULL;

  for (int i = 0; i < n; i++) {
    if (G_IS_UNIX_FD_MESSAGE (messages[i]) && !list)
      list = g_object_ref (g_unix_fd_message_get_fd_list (G_UNIX_FD_MESSAGE (messages[i])));
    g_object_unref (messages[i]);
  }
  return list ? list : g_unix_fd_list_new ();
}

BothyPacket *
bothy_packet_receive (GSocket *socket, gsize max, gboolean untrusted, guint32 user, GError **error)
{
  g_autoptr (BothyPacket) self = g_new0 (BothyPacket, 1);
  g_autofree GSocketControlMessage **messages = NULL;
  int n_messages = 0, flags = 0;
  GInputVector vector;
  gssize n;

  self->data = g_malloc (max);
  vector = (GInputVector){ self->data, max };
  n = g_socket_receive_message (socket, NULL, &vector, 1, &messages, &n_messages, &flags, NULL, error);
  self->fds = collect_fds (messages, n >= 0 ? n_messages : 0);
  if (untrusted)
    self->fds = bothy_untrusted_fds_take (self->fds, user);
  if (n <= 0)
    return NULL;
  if (flags & (MSG_TRUNC | MSG_CTRUNC)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, "A message was cut");
    return NULL;
  }
  self->size = (gsize)n;
  return g_steal_pointer (&self);
}
