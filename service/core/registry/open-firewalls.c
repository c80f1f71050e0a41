/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/open-firewalls.h"

#include "core/registry/diagnose-network.h"
#include "network/network.h"

#include <string.h>

#define FIREWALLD      "org.fedoraproject.FirewallD1"
#define FIREWALLD_PATH "/org/fedoraproject/FirewallD1"
#define BRIDGE         "bothy0"
#define ZONE           "nm-shared" /* NetworkManager's, for bridges like ours */
#define ANSWER_MS      10000

/* What the firewalls were before anything was done. A string is the data of the task. */

static void
on_examined_again (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autofree char *after = NULL;
  GVariantBuilder report;
  GError *error = NULL;

  after = bothy_network_examine_finish (BOTHY_NETWORK (source), result, &error);
  if (!after) {
    g_task_return_error (task, error);
    return;
  }
  g_variant_builder_init (&report, G_VARIANT_TYPE ("a(ssss)"));
  bothy_report_firewalls (g_task_get_task_data (task), after, &report);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&report)),
                         (GDestroyNotify)g_variant_unref);
}

static void
examine_again (GTask *task)
{
  bothy_network_examine (bothy_registry_get_network (g_task_get_source_object (task)), on_examined_again,
                         g_object_ref (task));
}

/* If it went wrong, the report says that it is left. */
static void
on_zone_changed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (!answer)
    g_message ("firewalld did not put " BRIDGE " into its zone " ZONE ": %s", error->message);
  examine_again (task);
}

/* A zone that is written down for the bridge is what an administrator wants; that is left to him. */
static void
on_zone_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  const char *zone = "";

  if (answer && g_variant_is_of_type (answer, G_VARIANT_TYPE ("(s)")))
    g_variant_get (answer, "(&s)", &zone);
  if (!answer || (*zone && !g_str_equal (zone, ZONE))) {
    g_message ("firewalld keeps " BRIDGE " in the zone \"%s\" (%s)", zone,
               error ? error->message : "written down");
    examine_again (task);
    return;
  }
  g_dbus_connection_call (G_DBUS_CONNECTION (source), FIREWALLD, FIREWALLD_PATH, FIREWALLD ".zone",
                          "changeZoneOfInterface", g_variant_new ("(ss)", ZONE, BRIDGE), NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, ANSWER_MS, NULL, on_zone_changed,
                          g_object_ref (task));
}

static void
on_bus (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GDBusConnection) bus = g_bus_get_finish (result, NULL);

  if (bus)
    g_dbus_connection_call (bus, FIREWALLD, FIREWALLD_PATH "/config", FIREWALLD ".config",
                            "getZoneOfInterface", g_variant_new ("(s)", BRIDGE), NULL,
                            G_DBUS_CALL_FLAGS_NO_AUTO_START, ANSWER_MS, NULL, on_zone_known,
                            g_object_ref (task));
  else
    examine_again (task);
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autofree char *after = NULL;
  GError *error = NULL;

  after = bothy_network_examine_finish (BOTHY_NETWORK (source), result, &error);
  if (!after)
    g_task_return_error (task, error);
  else if (strstr (after, "firewalld "))
    g_bus_get (G_BUS_TYPE_SYSTEM, NULL, on_bus, g_object_ref (task));
  else
    examine_again (task);
}

static void
on_examined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char *before = bothy_network_examine_finish (BOTHY_NETWORK (source), result, &error);

  if (!before) {
    g_task_return_error (task, error);
    return;
  }
  g_task_set_task_data (task, before, g_free);
  bothy_network_open_firewalls (BOTHY_NETWORK (source), on_opened, g_object_ref (task));
}

void
bothy_open_firewalls (BothyRegistry *registry, GAsyncReadyCallback callback, gpointer user_data)
{
  bothy_network_examine (bothy_registry_get_network (registry), on_examined,
                         g_task_new (registry, NULL, callback, user_data));
}

GVariant *
bothy_open_firewalls_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
