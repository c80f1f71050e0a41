/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/packet.h"

G_BEGIN_DECLS

/*
 * Another program of ours behind a SOCK_SEQPACKET socket, that is asked things: each
 * request has a serial, the reply to it repeats that, and replies come in any order.
 */
typedef struct _BothyPeer BothyPeer;

/* A packet came. It stays the peer's unless it is given to bothy_peer_resolve(). */
typedef void (*BothyPeerPacketFunc) (BothyPeer *self, BothyPacket *packet, gpointer user_data);

/* The other end is gone, and every open request has failed. */
typedef void (*BothyPeerClosedFunc) (BothyPeer *self, gpointer user_data);

/* Talk over SOCKET; packets have at most MAX_PACKET bytes. NAME is for errors. */
BothyPeer *bothy_peer_new (GSocket *socket, const char *name, gsize max_packet, BothyPeerPacketFunc on_packet,
                           BothyPeerClosedFunc on_closed, gpointer user_data);
BothyPeer *bothy_peer_ref (BothyPeer *self);
void bothy_peer_unref (BothyPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyPeer, bothy_peer_unref)

/* The next serial to use. */
guint32 bothy_peer_next_serial (BothyPeer *self);

/* Send a request; TASK (taken over) returns the reply's packet or fails with BOTHY_ERROR. FALSE, with
   TASK untouched, when nothing could be sent. */
gboolean bothy_peer_send (BothyPeer *self, guint32 serial, gconstpointer head, gsize head_size, gconstpointer text,
                          gsize text_size, GUnixFDList *fds, GTask *task, GError **error);

/* PACKET answers SERIAL: its task returns a copy of it. */
void bothy_peer_resolve (BothyPeer *self, guint32 serial, BothyPacket *packet);

/* Talk no more; open requests fail. on_closed is not called. */
void bothy_peer_close (BothyPeer *self);

G_END_DECLS
