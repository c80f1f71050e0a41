/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/machined.h"

#include "base/fd.h"
#include "platform/cgroup-manager.h"
#include "platform/pidfd.h"

#include <string.h>

#define MACHINED         "org.freedesktop.machine1"
#define MACHINED_PATH    "/org/freedesktop/machine1"
#define MACHINED_MANAGER MACHINED ".Manager"
#define MACHINED_MACHINE MACHINED ".Machine"
#define SERVICE          "bothy"
#define TIMEOUT_MS       25000
#define ID_SIZE          16

struct _BothyMachined {
  GDBusConnection *bus;
  gboolean is_there;
  BothyMachinedEvents events;
  gpointer data;
};

/* A machine that machined is told of. */
typedef struct {
  BothyMachined *machined;
  char *name;
  guint8 id[ID_SIZE];
  guint32 leader;
  int pidfd; /* the leader's */
} Telling;

static void
telling_free (gpointer data)
{
  Telling *telling = data;

  bothy_clear_fd (&telling->pidfd);
  g_free (telling->name);
  g_free (telling);
}

static void
on_appeared (GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
  BothyMachined *self = user_data;

  self->is_there = TRUE;
  self->events.appeared (self->data);
}

static void
on_vanished (GDBusConnection *bus, const char *name, gpointer user_data)
{
  ((BothyMachined *)user_data)->is_there = FALSE;
}

static void
on_removed (GDBusConnection *bus,
            const char *sender,
            const char *path,
            const char *interface,
            const char *signal,
            GVariant *parameters,
            gpointer user_data)
{
  const BothyMachined *self = user_data;
  const char *name;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(so)")))
    return;
  g_variant_get (parameters, "(&s&o)", &name, NULL);
  self->events.removed (name, self->data);
}

BothyMachined *
bothy_machined_new (GDBusConnection *system_bus, const BothyMachinedEvents *events, gpointer data)
{
  BothyMachined *self = g_new0 (BothyMachined, 1);

  self->bus = g_object_ref (system_bus);
  self->events = *events;
  self->data = data;
  g_bus_watch_name_on_connection (system_bus, MACHINED, G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared,
                                  on_vanished, self, NULL);
  g_dbus_connection_signal_subscribe (system_bus, MACHINED, MACHINED_MANAGER, "MachineRemoved", MACHINED_PATH,
                                      NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_removed, self, NULL);
  return self;
}

gboolean
bothy_machined_is_there (BothyMachined *self)
{
  return self->is_there;
}

static void
call (const BothyMachined *self,
      const char *path,
      const char *interface,
      const char *method,
      GVariant *parameters,
      GAsyncReadyCallback callback,
      gpointer user_data)
{
  g_dbus_connection_call (self->bus, MACHINED, path, interface, method, parameters, NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS, NULL, callback, user_data);
}

/* The bytes of the uuid ID. */
static void
read_id (const char *id, guint8 *bytes)
{
  gsize n = 0;

  for (const char *p = id; *p && n < 2 * ID_SIZE; p++) {
    if (g_ascii_isxdigit (*p)) {
      bytes[n / 2] = (guint8)(bytes[n / 2] << 4 | g_ascii_xdigit_value (*p));
      n++;
    }
  }
}

/* machined has a machine of our name. If the leader is there still, its number was nobody else's meanwhile; if not, the machine
   may be that of whoever has got the number since. */
static void
conclude (GTask *task)
{
  const Telling *telling = g_task_get_task_data (task);

  if (!bothy_pidfd_has_ended (telling->pidfd)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  bothy_machined_unregister (telling->machined, telling->name);
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Its first process has ended");
}

/* Whether PROPERTIES, of a machine of machined's, is what we would tell of. */
static gboolean
is_ours (const Telling *telling, GVariant *properties)
{
  g_autoptr (GVariant) id = g_variant_lookup_value (properties, "Id", G_VARIANT_TYPE_BYTESTRING);
  const char *service = "";
  guint32 leader = 0;
  gsize n = 0;
  const void *bytes = id ? g_variant_get_fixed_array (id, &n, 1) : NULL;

  g_variant_lookup (properties, "Service", "&s", &service);
  g_variant_lookup (properties, "Leader", "u", &leader);
  return n == ID_SIZE && memcmp (bytes, telling->id, ID_SIZE) == 0 && leader == telling->leader &&
         g_str_equal (service, SERVICE);
}

static void
on_seen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) properties = NULL;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply && g_variant_is_of_type (reply, G_VARIANT_TYPE ("(a{sv})")))
    g_variant_get (reply, "(@a{sv})", &properties);
  if (properties && is_ours (g_task_get_task_data (task), properties))
    conclude (task);
  else if (error)
    g_task_return_error (task, error);
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_EXISTS, "Somebody else has a machine of that name");
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Telling *telling = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  const char *path;

  if (!reply || !g_variant_is_of_type (reply, G_VARIANT_TYPE ("(o)"))) {
    g_clear_error (&error);
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "The machine of that name went");
    return;
  }
  g_variant_get (reply, "(&o)", &path);
  call (telling->machined, path, "org.freedesktop.DBus.Properties", "GetAll",
        g_variant_new ("(s)", MACHINED_MACHINE), on_seen, g_steal_pointer (&task));
}

static void
on_registered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Telling *telling = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autofree char *name = error ? g_dbus_error_get_remote_error (error) : NULL;

  if (reply)
    conclude (task);
  else if (g_strcmp0 (name, MACHINED ".MachineExists") != 0)
    g_task_return_error (task, error);
  else {
    g_error_free (error);
    call (telling->machined, MACHINED_PATH, MACHINED_MANAGER, "GetMachine",
          g_variant_new ("(s)", telling->name), on_found, g_steal_pointer (&task));
  }
}

/* A pidfd of LEADER, if that is in GROUP; -1: it has ended. */
static int
open_leader (guint32 leader, const char *group)
{
  autofd pidfd = bothy_pidfd_open (leader);
  g_autofree char *found = pidfd >= 0 ? bothy_cgroup_manager_of_process (leader) : NULL;

  return found && bothy_cgroup_manager_is_within (found, group) && !bothy_pidfd_has_ended (pidfd)
             ? g_steal_fd (&pidfd)
             : -1;
}

void
bothy_machined_register (BothyMachined *self,
                         const char *name,
                         const char *id,
                         guint32 leader,
                         const char *group,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Telling *telling = g_new0 (Telling, 1);

  telling->machined = self;
  telling->name = g_strdup (name);
  read_id (id, telling->id);
  telling->leader = leader;
  telling->pidfd = open_leader (leader, group);
  g_task_set_task_data (task, telling, telling_free);
  if (telling->pidfd < 0) {
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Its first process has ended");
    return;
  }
  call (self, MACHINED_PATH, MACHINED_MANAGER, "RegisterMachine",
        g_variant_new ("(s@ayssus)", name,
                       g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, telling->id, ID_SIZE, 1), SERVICE,
                       "container", leader, ""),
        on_registered, g_steal_pointer (&task));
}

gboolean
bothy_machined_register_finish (BothyMachined *self, GAsyncResult *result)
{
  g_autoptr (GError) error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    return TRUE;
  g_debug ("systemd-machined: %s", error->message);
  return FALSE;
}

/* It may have seen by itself that it ended. */
static void
on_unregistered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (!reply)
    g_debug ("systemd-machined: %s", error->message);
}

void
bothy_machined_unregister (BothyMachined *self, const char *name)
{
  call (self, MACHINED_PATH, MACHINED_MANAGER, "UnregisterMachine", g_variant_new ("(s)", name),
        on_unregistered, NULL);
}
