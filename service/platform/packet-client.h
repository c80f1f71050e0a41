/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/packet.h"

G_BEGIN_DECLS

/*
 * Another program of ours behind a SOCK_SEQPACKET socket, that is asked things: each
 * request has a serial, the reply to it repeats that, and replies come in any order.
 */
typedef struct _BothyPacketClient BothyPacketClient;

/* A packet came. It stays the peer's unless it is given to bothy_packet_client_resolve(). */
typedef void (*BothyPacketClientPacketFunc) (BothyPacketClient *self,
                                             BothyPacket *packet,
                                             gpointer user_data);

/* The other end is gone, and every open request has failed. */
typedef void (*BothyPacketClientClosedFunc) (BothyPacketClient *self, gpointer user_data);

/* Talk over SOCKET; packets have at most MAX_PACKET bytes. NAME is for errors. */
BothyPacketClient *bothy_packet_client_new (GSocket *socket,
                                            const char *name,
                                            gsize max_packet,
                                            BothyPacketClientPacketFunc on_packet,
                                            BothyPacketClientClosedFunc on_closed,
                                            gpointer user_data);

/* Who is at the other end, which runs for OWNER (a uid), may send any file: such are closed in the way of untrusted-fd.h, as
   OWNER's; when too many of his wait, or when nothing is asked, the connection ends. */
void bothy_packet_client_distrust (BothyPacketClient *self, guint32 owner);

/* Returns SELF, with a reference more. */
BothyPacketClient *bothy_packet_client_ref (BothyPacketClient *self);

/* Gives a reference back; the last one closes the connection. */
void bothy_packet_client_unref (BothyPacketClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyPacketClient, bothy_packet_client_unref)

/* The next serial to use. */
guint32 bothy_packet_client_next_serial (BothyPacketClient *self);

/* Send a request; TASK (taken over) returns the reply's packet or fails with BOTHY_ERROR. FALSE, with
   TASK untouched, when nothing could be sent. */
gboolean bothy_packet_client_send (BothyPacketClient *self,
                                   guint32 serial,
                                   gconstpointer head,
                                   gsize head_size,
                                   gconstpointer text,
                                   gsize text_size,
                                   GUnixFDList *fds,
                                   GTask *task,
                                   GError **error);

/* Whether the other end has closed the connection, as far as is known: nothing that is sent arrives. */
gboolean bothy_packet_client_is_gone (BothyPacketClient *self);

/* PACKET answers SERIAL: its task returns a copy of it. FALSE: nothing like that was asked. */
gboolean bothy_packet_client_resolve (BothyPacketClient *self, guint32 serial, BothyPacket *packet);

/* The other end has done what it must not: the connection ends as if that one had gone; on_closed is called. */
void bothy_packet_client_hang_up (BothyPacketClient *self);

/* Talk no more; open requests fail. on_closed is not called. */
void bothy_packet_client_close (BothyPacketClient *self);

G_END_DECLS
