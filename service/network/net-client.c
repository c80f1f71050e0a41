/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/net-client.h"

#include "config.h"
#include "base/error.h"
#include "network/alias.h"
#include "platform/helper-client.h"
#include "platform/packet-client.h"

#include <errno.h>
#include <string.h>

#define SOCKET_PATH RUNTIME_DIR "/net.sock"
#define MAX_PACKET  (sizeof (struct net_reply) + NET_MAX_NICS * NET_ALIAS_SIZE)

struct _BothyNetClient {
  GObject parent;
  BothyPacketClient *peer;
};

G_DEFINE_FINAL_TYPE (BothyNetClient, bothy_net_client, G_TYPE_OBJECT)

static guint lost_signal, knock_signal;

static const char *
step_text (guint32 step)
{
  switch ((enum net_step)step) {
  case NET_STEP_REQUEST:
    return "the request was refused";
  case NET_STEP_NAMESPACE:
    return "this is no network namespace that a nic can be made in";
  case NET_STEP_BRIDGE:
    return "the bridge is gone";
  case NET_STEP_LINK:
    return "the link could not be made";
  case NET_STEP_FILTER:
    return "the filter could not be set up, so the link stays down (nftables is needed)";
  case NET_STEP_PORT:
    return "the link could not be made a port of the bridge";
  case NET_STEP_VERIFY:
    return "the kernel does not have it as it was asked for";
  case NET_STEP_NONE:
  default:
    return "it failed";
  }
}

static void
on_packet (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  const struct net_reply *reply = (const struct net_reply *)packet->data;

  if (packet->size >= sizeof *reply && reply->version == NET_PROTOCOL_VERSION &&
      packet->size == sizeof *reply + reply->text_size) {
    if (reply->serial == 0)
      g_signal_emit (user_data, knock_signal, 0, reply->index);
    else
      bothy_packet_client_resolve (peer, reply->serial, packet);
  }
}

static void
on_closed (BothyPacketClient *peer, gpointer user_data)
{
  BothyNetClient *self = user_data;

  /* Who heard first that it is gone may have connected anew already. */
  if (self->peer == peer)
    g_clear_pointer (&self->peer, bothy_packet_client_unref);
  g_signal_emit (self, lost_signal, 0);
}

static gboolean
ensure_connected (BothyNetClient *self, GError **error)
{
  g_autoptr (GSocket) socket = NULL;

  if (self->peer)
    return TRUE;
  socket = bothy_packet_connect (SOCKET_PATH, error);
  if (socket)
    self->peer = bothy_packet_client_new (socket, "bothy-net", MAX_PACKET, on_packet, on_closed, self);
  else
    bothy_error_adopt (error, "bothy-net can not be reached at " SOCKET_PATH);
  return socket != NULL;
}

static gboolean
send (BothyNetClient *self,
      struct net_request *request,
      GArray *destinations,
      GUnixFDList *fds,
      GTask *task,
      GError **error)
{
  if (!ensure_connected (self, error))
    return FALSE;
  request->version = NET_PROTOCOL_VERSION;
  request->serial = bothy_packet_client_next_serial (self->peer);
  if (destinations) {
    request->flags |= NET_FLAG_LIMITED;
    request->n_destinations = destinations->len;
  }
  return bothy_packet_client_send (
      self->peer, request->serial, request, sizeof *request, destinations ? destinations->data : NULL,
      destinations ? destinations->len * sizeof (struct net_destination) : 0, fds, task, error);
}

void
bothy_net_client_call (BothyNetClient *self,
                       const struct net_request *request,
                       int netns_fd,
                       GArray *destinations,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  struct net_request stamped = *request;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) first = NULL;
  GError *error = NULL;

  if (stamped.alias[0])
    bothy_alias_hide (stamped.alias, &error);
  if (!error && netns_fd >= 0)
    fds = bothy_fd_list (&netns_fd, 1, &error);
  if (!error && send (self, &stamped, destinations, fds, task, &first))
    return;
  /* It is there, and does not keep up with what it is asked already. */
  if (g_error_matches (first, BOTHY_ERROR, BOTHY_ERROR_BUSY)) {
    g_task_return_error (task, g_steal_pointer (&first));
    g_object_unref (task);
    return;
  }
  /* It may have left because it was idle, just now: asked for anew, once. */
  g_clear_pointer (&self->peer, bothy_packet_client_unref);
  if (!error && send (self, &stamped, destinations, fds, task, &error))
    return;
  g_task_return_error (task, error);
  g_object_unref (task);
}

/* Whether REPLY says that it worked. */
static gboolean
check_reply (const struct net_reply *reply, GError **error)
{
  if (reply->error == EEXIST && reply->step == NET_STEP_LINK)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "There is an interface of this name in the network namespace already; take another name");
  else if (reply->error == EADDRNOTAVAIL)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Another nic on this machine has this address already; take another address");
  else if (reply->error == EEXIST || reply->error == EADDRINUSE)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_PORT_IN_USE,
                 reply->error == EEXIST ? "This port leads elsewhere already"
                                        : "A process of the host has this port");
  else if (reply->error)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-net: %s: %s", step_text (reply->step),
                 g_strerror (reply->error));
  return reply->error == 0;
}

/* NULL with ERROR. */
static BothyPacket *
finish (GAsyncResult *result, GError **error)
{
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), error);
  const struct net_reply *reply;

  if (!packet)
    return NULL;
  reply = (const struct net_reply *)packet->data;
  if (!check_reply (reply, error))
    return NULL;
  return g_steal_pointer (&packet);
}

gboolean
bothy_net_client_call_finish (BothyNetClient *self,
                              GAsyncResult *result,
                              struct net_reply *ret_reply,
                              GError **error)
{
  g_autoptr (BothyPacket) packet = finish (result, error);

  if (packet && ret_reply)
    *ret_reply = *(const struct net_reply *)packet->data;
  return packet != NULL;
}

void
bothy_net_client_on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_net_client_call_finish (BOTHY_NET_CLIENT (source), result, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

char *
bothy_net_client_call_finish_text (BothyNetClient *self, GAsyncResult *result, GError **error)
{
  g_autoptr (BothyPacket) packet = finish (result, error);

  return packet ? g_strndup ((const char *)packet->data + sizeof (struct net_reply),
                             packet->size - sizeof (struct net_reply))
                : NULL;
}

void
bothy_net_client_list (BothyNetClient *self, GAsyncReadyCallback callback, gpointer user_data)
{
  const struct net_request request = { .op = NET_LIST };

  bothy_net_client_call (self, &request, -1, NULL, callback, user_data);
}

void
bothy_net_client_find (
    BothyNetClient *self, int netns_fd, const char *inside, GAsyncReadyCallback callback, gpointer user_data)
{
  struct net_request request = { .op = NET_FIND };

  g_strlcpy (request.inside, inside, sizeof request.inside);
  bothy_net_client_call (self, &request, netns_fd, NULL, callback, user_data);
}

char **
bothy_net_client_list_finish (BothyNetClient *self, GAsyncResult *result, GError **error)
{
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const struct net_reply *reply;
  const char *text, *end;

  if (!packet)
    return NULL;
  reply = (const struct net_reply *)packet->data;
  if (reply->error == ENODEV)
    return g_strv_builder_end (builder);
  if (!check_reply (reply, error))
    return NULL;
  text = (const char *)(reply + 1);
  for (end = text + reply->text_size; text < end && memchr (text, 0, (gsize)(end - text));
       text += strlen (text) + 1) {
    g_autofree char *alias = bothy_alias_reveal (text);

    if (alias)
      g_strv_builder_add (builder, alias);
  }
  return g_strv_builder_end (builder);
}

static void
bothy_net_client_finalize (GObject *object)
{
  g_clear_pointer (&BOTHY_NET_CLIENT (object)->peer, bothy_packet_client_unref);
  G_OBJECT_CLASS (bothy_net_client_parent_class)->finalize (object);
}

static void
bothy_net_client_class_init (BothyNetClientClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_net_client_finalize;
  lost_signal =
      g_signal_new ("lost", BOTHY_TYPE_NET_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  knock_signal = g_signal_new ("knock", BOTHY_TYPE_NET_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                               G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
bothy_net_client_init (BothyNetClient *self)
{
}

BothyNetClient *
bothy_net_client_new (void)
{
  return g_object_new (BOTHY_TYPE_NET_CLIENT, NULL);
}
