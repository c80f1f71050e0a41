/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/machined.h"

#define MACHINED         "org.freedesktop.machine1"
#define MACHINED_PATH    "/org/freedesktop/machine1"
#define MACHINED_MANAGER MACHINED ".Manager"
#define TIMEOUT_MS       25000
#define ID_SIZE          16

struct _BothyMachined {
  GDBusConnection *bus;
  gboolean is_there;
  void (*appeared) (gpointer data);
  gpointer data;
};

static void
on_appeared (GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
  BothyMachined *self = user_data;

  self->is_there = TRUE;
  self->appeared (self->data);
}

static void
on_vanished (GDBusConnection *bus, const char *name, gpointer user_data)
{
  ((BothyMachined *)user_data)->is_there = FALSE;
}

BothyMachined *
bothy_machined_new (GDBusConnection *system_bus, void (*appeared) (gpointer data), gpointer data)
{
  BothyMachined *self = g_new0 (BothyMachined, 1);

  self->bus = g_object_ref (system_bus);
  self->appeared = appeared;
  self->data = data;
  g_bus_watch_name_on_connection (system_bus, MACHINED, G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared,
                                  on_vanished, self, NULL);
  return self;
}

gboolean
bothy_machined_is_there (BothyMachined *self)
{
  return self->is_there;
}

/* It may know of one by an earlier bothyd, or have seen by itself that it ended. */
static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (!reply)
    g_debug ("systemd-machined: %s", error->message);
}

static void
tell (BothyMachined *self, const char *method, GVariant *parameters)
{
  g_dbus_connection_call (self->bus, MACHINED, MACHINED_PATH, MACHINED_MANAGER, method, parameters, NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS, NULL, on_told, NULL);
}

/* The bytes of the uuid ID, (floating) ay. */
static GVariant *
id_to_variant (const char *id)
{
  guint8 bytes[ID_SIZE] = { 0 };
  gsize n = 0;

  for (const char *p = id; *p && n < 2 * ID_SIZE; p++) {
    if (g_ascii_isxdigit (*p)) {
      bytes[n / 2] = (guint8)(bytes[n / 2] << 4 | g_ascii_xdigit_value (*p));
      n++;
    }
  }
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, ID_SIZE, 1);
}

void
bothy_machined_register (BothyMachined *self, const char *name, const char *id, guint32 leader)
{
  tell (self, "RegisterMachine",
        g_variant_new ("(s@ayssus)", name, id_to_variant (id), "bothy", "container", leader, ""));
}

void
bothy_machined_unregister (BothyMachined *self, const char *name)
{
  tell (self, "UnregisterMachine", g_variant_new ("(s)", name));
}
