/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "nss/protocol.h"

G_BEGIN_DECLS

/* The socket that programs of the host ask for names of containers: nss/protocol.h. */
typedef struct _BothyNssSocket BothyNssSocket;

/* Fills in what USER may know of NAME. */
typedef void (*BothyNssSocketLookup) (guint32 user,
                                      const char *name,
                                      struct names_reply *ret,
                                      gpointer user_data);

/* Listens for programs that look names up, each of which LOOKUP answers. NULL with ERROR set if it can not. */
BothyNssSocket *bothy_nss_socket_new (BothyNssSocketLookup lookup, gpointer user_data, GError **error);

/* Ends that, with all connections, and removes the socket. */
void bothy_nss_socket_free (BothyNssSocket *self);

G_END_DECLS
