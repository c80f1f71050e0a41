/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/router.h"

#include "bus/names.h"
#include "base/error.h"
#include "base/per-user.h"
#include "platform/untrusted-fd.h"

#include <string.h>

/* Calls that wait for their reply. Each may wait for polkit, and the bus allows a connection,
   which ours is too, 128 calls without a reply: one user must not take them all. */
#define MAX_CALLS_PER_USER 64
#define MAX_WAITING_SIZE   4096 /* bytes of each of these but the first */
#define MAX_WAITING        32   /* calls of a connection while it is not known whose it is */
#define MAX_WAITING_FDS    32   /* that came with these: somebody has hundreds of connections */

struct _BothyRouter {
  GObject parent;
  GDBusConnection *connection;
  BothyCallers *callers; /* who may be one of them */
  BothyDispatch dispatch;
  gpointer dispatch_data;
  BothyObjects *objects;
  guint filter;
  guint names;         /* the subscription to names that are lost */
  GHashTable *clients; /* unique name → BothyClient */
  BothyPerUser *in_flight;
};

G_DEFINE_FINAL_TYPE (BothyRouter, bothy_router, G_TYPE_OBJECT)

static guint settled_signal;

BothyObjects *
bothy_router_get_objects (BothyRouter *self)
{
  return self->objects;
}

/* ---- who calls ---- */

void
bothy_router_call_ended (BothyRouter *self, guint32 user)
{
  bothy_per_user_release (self->in_flight, user);
  if (bothy_router_is_idle (self))
    g_signal_emit (self, settled_signal, 0);
}

gboolean
bothy_router_is_idle (BothyRouter *self)
{
  return bothy_per_user_count_all (self->in_flight) == 0;
}

static void
refuse_message (BothyRouter *self, GDBusMessage *message, BothyErrorCode code, const char *text)
{
  g_autoptr (GDBusMessage) reply =
      g_dbus_message_new_method_error_literal (message, bothy_error_name (code), text);

  g_dbus_connection_send_message (self->connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static void
dispatch_message (BothyRouter *self, BothyClient *client, GDBusMessage *message)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);
  g_autoptr (GError) error = NULL;

  bothy_untrusted_fds_set_user (fds, client->user);
  if (fds && !bothy_untrusted_fds_check (client->user, &error)) {
    refuse_message (self, message, bothy_error_get_code (error), error->message);
    return;
  }
  if (!bothy_per_user_take (self->in_flight, client->user)) {
    refuse_message (self, message, BOTHY_ERROR_LIMITS_EXCEEDED,
                    "You have too many calls under way; wait for replies");
    return;
  }
  self->dispatch (self, client, message, self->dispatch_data);
}

static void
forget_client (BothyRouter *self, BothyClient *client)
{
  g_autoptr (BothyClient) kept = bothy_client_ref (client);

  bothy_untrusted_fds_forget (client->name);
  g_cancellable_cancel (client->gone);
  g_hash_table_remove (self->clients, client->name);
}

/* Of all names on the bus: it allows a connection a few hundred match rules, not one for each of its clients. */
static void
on_name_lost (GDBusConnection *bus,
              const char *sender,
              const char *path,
              const char *interface,
              const char *member,
              GVariant *args,
              gpointer user_data)
{
  BothyRouter *self = user_data;
  const char *name, *new_owner;
  BothyClient *client;

  if (!g_variant_is_of_type (args, G_VARIANT_TYPE ("(sss)")))
    return;
  g_variant_get (args, "(&s&s&s)", &name, NULL, &new_owner);
  client = g_hash_table_lookup (self->clients, name);
  if (client && !*new_owner)
    forget_client (self, client);
}

typedef struct {
  BothyRouter *router;
  BothyClient *client;
  guint32 user;
} Identify;

/* Takes IDENTIFY over. ERROR, which is freed: why the client is no user; NULL: he is. */
static void
end_identification (Identify *identify, GError *error)
{
  g_autoptr (BothyRouter) self = identify->router;
  g_autoptr (BothyClient) client = identify->client;
  g_autoptr (GError) why = error;
  GDBusMessage *message;

  /* He may have left while he was looked up, and nobody would tell of that again. */
  if (!why && !g_cancellable_is_cancelled (client->gone)) {
    client->user = identify->user;
    bothy_untrusted_fds_introduce (client->name, client->user);
  }
  while ((message = g_queue_pop_head (&client->waiting))) {
    if (!why)
      dispatch_message (self, client, message);
    else
      refuse_message (self, message,
                      why->domain == BOTHY_ERROR ? (BothyErrorCode)why->code : BOTHY_ERROR_NOT_AUTHORIZED,
                      why->message);
    g_object_unref (message);
  }
  if (why && g_hash_table_lookup (self->clients, client->name) == client)
    forget_client (self, client);
  g_free (identify);
}

static void
on_caller_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Identify *identify = user_data;
  GError *error = NULL;

  bothy_callers_check_finish (identify->router->callers, result, &error);
  end_identification (identify, error);
}

static void
on_identified (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Identify *identify = user_data;

  if (bothy_client_identify_finish (G_DBUS_CONNECTION (source), result, &identify->user))
    bothy_callers_check (identify->router->callers, identify->user, on_caller_checked, identify);
  else
    end_identification (identify, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                                               "The bus does not say which user you are"));
}

static BothyClient *
add_client (BothyRouter *self, const char *name)
{
  BothyClient *client = bothy_client_new (self->connection, name);
  Identify *identify = g_new0 (Identify, 1);

  g_hash_table_insert (self->clients, client->name, client);
  identify->router = g_object_ref (self);
  identify->client = bothy_client_ref (client);
  identify->user = BOTHY_NO_USER;
  bothy_client_identify (client, on_identified, identify);
  return client;
}

/* How much memory the values of MESSAGE take, roughly. */
static gsize
size_of (GDBusMessage *message)
{
  GVariant *body = g_dbus_message_get_body (message);

  return body ? g_variant_get_size (body) : 0;
}

static guint
count_fds (GDBusMessage *message)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);

  return fds ? (guint)g_unix_fd_list_get_length (fds) : 0;
}

/* Whether MESSAGE may wait until it is known whose CLIENT is: that takes as long as name services take. */
static gboolean
may_wait (BothyClient *client, GDBusMessage *message)
{
  guint fds = count_fds (message);

  for (GList *l = client->waiting.head; l; l = l->next)
    fds += count_fds (l->data);
  return fds <= MAX_WAITING_FDS && g_queue_get_length (&client->waiting) < MAX_WAITING &&
         (size_of (message) <= MAX_WAITING_SIZE || g_queue_is_empty (&client->waiting));
}

static void
receive (BothyRouter *self, GDBusMessage *message)
{
  const char *sender = g_dbus_message_get_sender (message);
  BothyClient *client;

  if (!self->filter || !sender)
    return;
  client = g_hash_table_lookup (self->clients, sender);
  if (!client)
    client = add_client (self, sender);
  if (client->user != BOTHY_NO_USER)
    dispatch_message (self, client, message);
  else if (may_wait (client, message))
    g_queue_push_tail (&client->waiting, g_object_ref (message));
  else
    refuse_message (self, message, BOTHY_ERROR_LIMITS_EXCEEDED,
                    "You have too many calls under way; wait for replies");
}

typedef struct {
  BothyRouter *router;
  GDBusMessage *message;
} Arrival;

static void
arrival_free (Arrival *arrival)
{
  g_object_unref (arrival->message);
  g_object_unref (arrival->router);
  g_free (arrival);
}

static gboolean
on_arrival (gpointer user_data)
{
  Arrival *arrival = user_data;

  receive (arrival->router, arrival->message);
  return G_SOURCE_REMOVE;
}

/* Whoever lets go of the message closes them otherwise, GDBus's thread or ours, and may have to wait for that. */
static void
keep_fds (GDBusMessage *message)
{
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);

  bothy_untrusted_fds_set_sender (fds, g_dbus_message_get_sender (message));
  if (fds)
    g_object_set_data_full (G_OBJECT (message), "bothy-fds", g_object_ref (fds),
                            (GDestroyNotify)bothy_untrusted_fds_free);
}

/* Runs in GDBus's thread: only hands over. */
static GDBusMessage *
filter (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  Arrival *arrival;

  if (!incoming || g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return message;
  keep_fds (message);
  if (g_strcmp0 (g_dbus_message_get_interface (message), DBUS_PEER_INTERFACE) == 0)
    return message;
  arrival = g_new0 (Arrival, 1);
  arrival->router = g_object_ref (user_data);
  arrival->message = message;
  g_main_context_invoke_full (NULL, G_PRIORITY_DEFAULT, on_arrival, arrival, (GDestroyNotify)arrival_free);
  return NULL;
}

/* ---- */

void
bothy_router_close (BothyRouter *self)
{
  if (self->filter)
    g_dbus_connection_remove_filter (self->connection, self->filter);
  self->filter = 0;
  if (self->names)
    g_dbus_connection_signal_unsubscribe (self->connection, self->names);
  self->names = 0;
}

static void
bothy_router_finalize (GObject *object)
{
  BothyRouter *self = BOTHY_ROUTER (object);

  g_object_unref (self->objects);
  g_hash_table_unref (self->clients);
  bothy_per_user_free (self->in_flight);
  g_clear_pointer (&self->callers, bothy_callers_free);
  g_object_unref (self->connection);
  G_OBJECT_CLASS (bothy_router_parent_class)->finalize (object);
}

static void
bothy_router_class_init (BothyRouterClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_router_finalize;
  settled_signal =
      g_signal_new ("settled", BOTHY_TYPE_ROUTER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_router_init (BothyRouter *self)
{
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)bothy_client_unref);
  self->in_flight = bothy_per_user_new (MAX_CALLS_PER_USER, 0);
}

BothyRouter *
bothy_router_new (GDBusConnection *connection,
                  BothyRanges *ranges,
                  BothyDispatch dispatch,
                  gpointer user_data)
{
  BothyRouter *self = g_object_new (BOTHY_TYPE_ROUTER, NULL);

  self->connection = g_object_ref (connection);
  self->callers = bothy_callers_new (ranges);
  self->dispatch = dispatch;
  self->dispatch_data = user_data;
  self->objects = bothy_objects_new (connection, self->clients);
  self->names = g_dbus_connection_signal_subscribe (
      connection, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", "/org/freedesktop/DBus",
      NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_name_lost, self, NULL);
  self->filter = g_dbus_connection_add_filter (connection, filter, g_object_ref (self), g_object_unref);
  return self;
}
