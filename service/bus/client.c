/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/client.h"

#define IDENTIFY_TIMEOUT 10000 /* ms */

BothyClient *
bothy_client_new (GDBusConnection *bus, const char *name)
{
  BothyClient *self = g_new0 (BothyClient, 1);

  g_atomic_ref_count_init (&self->references);
  self->bus = g_object_ref (bus);
  self->name = g_strdup (name);
  self->user = BOTHY_NO_USER;
  g_queue_init (&self->waiting);
  self->gone = g_cancellable_new ();
  return self;
}

BothyClient *
bothy_client_ref (BothyClient *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_client_unref (BothyClient *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_queue_clear_full (&self->waiting, g_object_unref);
  g_object_unref (self->gone);
  g_object_unref (self->bus);
  g_free (self->name);
  g_free (self);
}

void
bothy_client_identify (BothyClient *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_dbus_connection_call (self->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                          "GetConnectionCredentials", g_variant_new ("(s)", self->name),
                          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, IDENTIFY_TIMEOUT, NULL,
                          callback, user_data);
}

gboolean
bothy_client_identify_finish (GDBusConnection *bus, GAsyncResult *result, guint32 *ret_user)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (bus, result, NULL);
  g_autoptr (GVariant) credentials = NULL;
  guint32 user = BOTHY_NO_USER;

  if (!reply)
    return FALSE;
  credentials = g_variant_get_child_value (reply, 0);
  if (!g_variant_lookup (credentials, "UnixUserID", "u", &user) || user > G_MAXINT32)
    return FALSE;
  *ret_user = user;
  return TRUE;
}
