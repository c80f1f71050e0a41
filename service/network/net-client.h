/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "network/protocol.h"

G_BEGIN_DECLS

/*
 * The broker's end of bothy-net, which makes nics, their filters and port forwardings.
 *
 * Signals: "lost" (): bothy-net died, or gave up on us because somebody took the filter away and nics are down.
 * "knock" (guint ticket): somebody came to a port that NET_LISTEN was asked for with this ticket.
 */
#define BOTHY_TYPE_NET_CLIENT (bothy_net_client_get_type ())
G_DECLARE_FINAL_TYPE (BothyNetClient, bothy_net_client, BOTHY, NET_CLIENT, GObject)

/* The one of the socket unit, connected to when it is first needed. */
BothyNetClient *bothy_net_client_new (void);

/* Ask for REQUEST (op and what it needs). NETNS_FD: the namespace that a nic is for, or -1; it stays the caller's.
   DESTINATIONS: NULL, or what the nic may reach, and nothing else. (element-type struct net_destination) */
void bothy_net_client_call (BothyNetClient *self,
                            const struct net_request *request,
                            int netns_fd,
                            GArray *destinations,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The text that came with the reply; NULL with BOTHY_ERROR. */
char *bothy_net_client_call_finish_text (BothyNetClient *self, GAsyncResult *result, GError **error);

/* FALSE with BOTHY_ERROR, which says what the kernel did not do. RET_REPLY may be NULL. */
gboolean bothy_net_client_call_finish (BothyNetClient *self,
                                       GAsyncResult *result,
                                       struct net_reply *ret_reply,
                                       GError **error);

/* A callback for bothy_net_client_call() whose data is a GTask: that returns TRUE, or the error. */
void bothy_net_client_on_done (GObject *source, GAsyncResult *result, gpointer user_data);

/* What all nics that the kernel has are known by ("bothy:UID:ID"; their links show something else, network/alias.h). */
void bothy_net_client_list (BothyNetClient *self, GAsyncReadyCallback callback, gpointer user_data);

/* The same of the nic that is called INSIDE in NETNS_FD: one, or none. */
void bothy_net_client_find (
    BothyNetClient *self, int netns_fd, const char *inside, GAsyncReadyCallback callback, gpointer user_data);

/* NULL-terminated; NULL with BOTHY_ERROR. */
char **bothy_net_client_list_finish (BothyNetClient *self, GAsyncResult *result, GError **error);

G_END_DECLS
