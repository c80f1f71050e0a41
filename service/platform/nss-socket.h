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

BothyNssSocket *bothy_nss_socket_new (BothyNssSocketLookup lookup, gpointer user_data, GError **error);
void bothy_nss_socket_free (BothyNssSocket *self);

G_END_DECLS
