/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/call.h"

#include "bus/names.h"
#include "bus/router.h"
#include "base/error.h"
#include "platform/untrusted-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

BothyCall *
bothy_call_new (BothyRouter *router, BothyRegistry *registry, BothyClient *client, GDBusMessage *message)
{
  BothyCall *self = g_new0 (BothyCall, 1);
  GVariant *body = g_dbus_message_get_body (message);
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);

  g_atomic_ref_count_init (&self->references);
  self->router = g_object_ref (router);
  self->registry = g_object_ref (registry);
  self->client = bothy_client_ref (client);
  self->user = client->user;
  self->message = g_object_ref (message);
  self->path = g_dbus_message_get_path (message);
  self->interface = g_dbus_message_get_interface (message);
  self->member = g_dbus_message_get_member (message);
  self->args = body ? g_variant_ref (body) : g_variant_ref_sink (g_variant_new ("()"));
  self->fds = fds ? g_object_ref (fds) : g_unix_fd_list_new ();
  self->details = polkit_details_new ();
  return self;
}

BothyCall *
bothy_call_ref (BothyCall *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_call_unref (BothyCall *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  bothy_router_call_ended (self->router, self->user);
  g_clear_object (&self->asked_about);
  g_clear_error (&self->exceeds);
  g_variant_unref (self->args);
  g_object_unref (self->fds);
  g_object_unref (self->details);
  g_object_unref (self->message);
  bothy_client_unref (self->client);
  g_object_unref (self->registry);
  g_object_unref (self->router);
  g_free (self);
}

gboolean
bothy_call_is_interactive (BothyCall *self)
{
  return (g_dbus_message_get_flags (self->message) & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) !=
         0;
}

static void
reply (BothyCall *self, GDBusMessage *message)
{
  if (self->replied)
    return;
  self->replied = TRUE;
  if (!(g_dbus_message_get_flags (self->message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED))
    g_dbus_connection_send_message (bothy_router_get_connection (self->router), message,
                                    G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

void
bothy_call_return_with_fds (BothyCall *self, GVariant *value, GUnixFDList *fds)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_reply (self->message);

  if (value)
    g_dbus_message_set_body (message, value);
  if (fds)
    g_dbus_message_set_unix_fd_list (message, fds);
  reply (self, message);
}

void
bothy_call_return (BothyCall *self, GVariant *value)
{
  bothy_call_return_with_fds (self, value, NULL);
}

void
bothy_call_return_fd (BothyCall *self, GVariant *value, int fd)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

  bothy_call_return_with_fds (self, value, fds);
}

void
bothy_call_return_error (BothyCall *self, GError *error)
{
  g_autoptr (GError) owned = error;
  g_autofree char *name = NULL;
  g_autoptr (GDBusMessage) message = NULL;

  bothy_error_adopt (&owned, self->member);
  name = g_strconcat (BOTHY_ERROR_PREFIX, bothy_error_name ((BothyErrorCode)owned->code), NULL);
  message = g_dbus_message_new_method_error_literal (self->message, name, owned->message);
  reply (self, message);
}

void
bothy_call_return_unknown_object (BothyCall *self)
{
  bothy_call_return_error (self, g_error_new (BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_OBJECT,
                                              "There is nothing that you may see at %s", self->path));
}

int
bothy_call_get_fd (BothyCall *self, gint32 index, GError **error)
{
  int n;
  const int *fds = g_unix_fd_list_peek_fds (self->fds, &n);

  if (index >= 0 && index < n)
    return fds[index];
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "There is no file descriptor %d in this message",
               index);
  return -1;
}

/* A program can do nothing with an fd that only names a file. */
static gboolean
check_stdio_fd (int fd, GError **error)
{
  int flags = fcntl (fd, F_GETFL);

  if (flags >= 0 && !(flags & O_PATH))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "An fd opened with O_PATH can not be standard input, output or error");
  return FALSE;
}

GUnixFDList *
bothy_call_get_stdio (BothyCall *self, GVariant *handles, GError **error)
{
  gsize n = g_variant_n_children (handles);
  g_autoptr (GUnixFDList) stdio = bothy_untrusted_fds_new ();

  if (n == 0)
    return NULL;
  if (n != 3) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "stdio: three file descriptors, or none");
    return NULL;
  }
  for (gsize i = 0; i < n; i++) {
    gint32 index;
    int fd;

    g_variant_get_child (handles, i, "h", &index);
    fd = bothy_call_get_fd (self, index, error);
    if (fd < 0 || !check_stdio_fd (fd, error) || g_unix_fd_list_append (stdio, fd, error) < 0)
      return NULL;
  }
  return g_steal_pointer (&stdio);
}
