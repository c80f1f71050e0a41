/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/nm-activate.h"

#include "base/error.h"
#include "network/nm.h"

#include <net/if.h>

#define UP_SECONDS 20

typedef struct {
  NMClient *client;
  char *uuid; /* of the bridge's profile */
  char *name;
  char *port;
  NMActiveConnection *active;
  NMDevice *device; /* the bridge, once it is there */
  guint timer;
} Bringup;

static void
bringup_free (Bringup *self)
{
  if (self->timer)
    g_source_remove (self->timer);
  g_clear_object (&self->active);
  g_clear_object (&self->device);
  g_object_unref (self->client);
  g_free (self->uuid);
  g_free (self->name);
  g_free (self->port);
  g_free (self);
}

/* What NetworkManager says of a port is not enough. */
static gboolean
is_port_of (const char *port, const char *bridge)
{
  g_autofree char *path = g_strdup_printf ("/sys/class/net/%s/brif/%s", bridge, port);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

gboolean
bothy_nm_activate_is_up (NMClient *client, const char *uuid, const char *name, const char *port)
{
  NMDevice *device = nm_client_get_device_by_iface (client, name);
  NMActiveConnection *active = device ? nm_device_get_active_connection (device) : NULL;

  /* Once addresses are being set it is there; what comes after, such as finding that nobody else has the
     address, takes seconds and is not ours to wait for. A LAN without DHCP may keep it from more. */
  return active && nm_client_get_nm_running (client) && NM_IS_DEVICE_BRIDGE (device) &&
         g_strcmp0 (nm_active_connection_get_uuid (active), uuid) == 0 &&
         nm_device_get_state (device) >= NM_DEVICE_STATE_IP_CONFIG &&
         nm_device_get_state (device) <= NM_DEVICE_STATE_ACTIVATED && if_nametoindex (name) != 0 &&
         (!port || is_port_of (port, name));
}

/* Takes ERROR over; NULL: it is up. */
static void
end (GTask *task, GError *error)
{
  Bringup *self = g_task_get_task_data (task);

  g_signal_handlers_disconnect_by_data (self->client, task);
  if (self->active)
    g_signal_handlers_disconnect_by_data (self->active, task);
  if (self->device)
    g_signal_handlers_disconnect_by_data (self->device, task);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
fail (GTask *task, const char *text)
{
  Bringup *self = g_task_get_task_data (task);

  end (task, g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED,
                          "%s %s; \"journalctl -u NetworkManager\" may say why", text, self->name));
}

static void
check (GTask *task)
{
  Bringup *self = g_task_get_task_data (task);
  NMActiveConnectionState state = nm_active_connection_get_state (self->active);

  if (!nm_client_get_nm_running (self->client))
    fail (task, "NetworkManager went away as it brought up the bridge");
  else if (state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATED ||
           state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATING)
    fail (task, "NetworkManager could not bring up the bridge");
  else if (bothy_nm_activate_is_up (self->client, self->uuid, self->name, self->port))
    end (task, NULL);
}

static void
on_changed (GObject *object, GParamSpec *spec, gpointer user_data)
{
  check (user_data);
}

static void
follow_device (GTask *task, NMDevice *device)
{
  Bringup *self = g_task_get_task_data (task);

  if (!device || device == self->device || g_strcmp0 (nm_device_get_iface (device), self->name) != 0)
    return;
  /* NetworkManager may make it anew. */
  if (self->device)
    g_signal_handlers_disconnect_by_data (self->device, task);
  g_set_object (&self->device, device);
  g_signal_connect (device, "notify::state", G_CALLBACK (on_changed), task);
  g_signal_connect (device, "notify::active-connection", G_CALLBACK (on_changed), task);
}

static void
on_device_added (NMClient *client, NMDevice *device, gpointer user_data)
{
  follow_device (user_data, device);
  check (user_data);
}

static gboolean
on_timeout (gpointer user_data)
{
  Bringup *self = g_task_get_task_data (user_data);

  self->timer = 0;
  fail (user_data, "NetworkManager took too long to bring up the bridge");
  return G_SOURCE_REMOVE;
}

static void
on_activated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Bringup *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->active = nm_client_activate_connection_finish (NM_CLIENT (source), result, &error);
  if (!self->active) {
    end (task, error);
    return;
  }
  g_signal_connect (self->active, "notify::state", G_CALLBACK (on_changed), task);
  g_signal_connect (self->active, "notify::devices", G_CALLBACK (on_changed), task);
  g_signal_connect (self->client, NM_CLIENT_DEVICE_ADDED, G_CALLBACK (on_device_added), task);
  g_signal_connect (self->client, "notify::" NM_CLIENT_NM_RUNNING, G_CALLBACK (on_changed), task);
  self->timer = g_timeout_add_seconds (UP_SECONDS, on_timeout, task);
  follow_device (task, nm_client_get_device_by_iface (self->client, self->name));
  check (task);
}

void
bothy_nm_activate (NMClient *client,
                   NMConnection *profile,
                   const char *uuid,
                   const char *name,
                   const char *port,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Bringup *self = g_new0 (Bringup, 1);

  self->client = g_object_ref (client);
  self->uuid = g_strdup (uuid);
  self->name = g_strdup (name);
  self->port = g_strdup (port);
  g_task_set_task_data (task, self, (GDestroyNotify)bringup_free);
  nm_client_activate_connection_async (client, profile, NULL, NULL, NULL, on_activated, task);
}

gboolean
bothy_nm_activate_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
