/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/* One message of a SOCK_SEQPACKET socket: bytes, and the file descriptors beside them. */
typedef struct {
  guint8 *data;
  gsize size;
  GUnixFDList *fds; /* never NULL */
} BothyPacket;

/* Frees the packet, and closes the file descriptors that nobody took. */
void bothy_packet_free (BothyPacket *self);

/* The same bytes and the same fds. */
BothyPacket *bothy_packet_copy (BothyPacket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyPacket, bothy_packet_free)

/* A non-blocking, close-on-exec pair. Index 1 is for the other program. */
gboolean bothy_packet_socketpair (GSocket **ret_ours, int *ret_theirs, GError **error);

/* Connect to the SOCK_SEQPACKET socket at PATH. */
GSocket *bothy_packet_connect (const char *path, GError **error);

/* Send HEAD and TEXT as one message with FDS (or NULL). Does not block: a peer that
   does not read gets G_IO_ERROR_WOULD_BLOCK. */
gboolean bothy_packet_send (GSocket *socket,
                            gconstpointer head,
                            gsize head_size,
                            gconstpointer text,
                            gsize text_size,
                            GUnixFDList *fds,
                            GError **error);

/* Take one waiting message of at most MAX bytes. UNTRUSTED: of somebody who may send any file, which is closed in the way of
   untrusted-fd.h, as USER's (a uid). NULL and no ERROR: the peer is gone.
   G_IO_ERROR_WOULD_BLOCK: none waits. A longer message is an error. */
BothyPacket *
bothy_packet_receive (GSocket *socket, gsize max, gboolean untrusted, guint32 user, GError **error);

G_END_DECLS
