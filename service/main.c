/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bothyd: options, the name on the bus, the main loop. Everything else is in the library. */
#include "bus/dispatch.h"
#include "bus/front.h"
#include "bus/names.h"
#include "bus/publisher.h"
#include "bus/router.h"
#include "config.h"
#include "core/images/builtin.h"
#include "core/registry/autostarts.h"
#include "core/registry/health.h"
#include "core/registry/host-lookup.h"
#include "core/registry/machines.h"
#include "core/registry/recovery.h"
#include "platform/capabilities.h"
#include "platform/cgroup-manager-cgroupfs.h"
#include "platform/cgroup-manager-systemd.h"
#include "platform/nss-socket.h"
#include "platform/untrusted-fd.h"

#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

/* How long calls that came in time may take when the service ends: half of the unit's TimeoutStopSec=, for the rest of it. */
#define LAST_CALLS_MS 500

typedef struct {
  GMainLoop *loop;
  GDBusConnection *bus;
  BothyConfiguration *configuration; /* the registry's */
  BothyRegistry *registry;
  BothyRouter *router;
  BothyNssSocket *names;
  guint name;
  guint idle_timer;
  gboolean failed;
} Service;

static void
quit (Service *service)
{
  sd_notify (0, "STOPPING=1");
  g_main_loop_quit (service->loop);
}

static gboolean
on_signal (gpointer user_data)
{
  quit (user_data);
  return G_SOURCE_CONTINUE;
}

/* What hangs in this process hangs in no other: containers go on, and the next one is there in a second. */
static void
on_overrun (gpointer user_data)
{
  Service *service = user_data;

  g_warning ("Too many files that callers sent can not be closed; starting anew");
  service->failed = TRUE;
  quit (service);
}

static gboolean
on_idle_timer (gpointer user_data)
{
  Service *service = user_data;

  service->idle_timer = 0;
  if (bothy_registry_is_idle (service->registry) && bothy_router_is_idle (service->router)) {
    g_message ("Nothing runs; leaving");
    quit (service);
  }
  return G_SOURCE_REMOVE;
}

/* The clock runs only while there is nothing to do, so a service that waits is not woken up. */
static void
rewind_idle_timer (Service *service)
{
  guint seconds = service->configuration->idle_seconds;

  if (service->idle_timer)
    g_source_remove (service->idle_timer);
  service->idle_timer = 0;
  if (seconds > 0 && bothy_registry_is_idle (service->registry))
    service->idle_timer = g_timeout_add_seconds (seconds, on_idle_timer, service);
}

static void
on_name_acquired (GDBusConnection *bus, const char *name, gpointer user_data)
{
  Service *service = user_data;

  g_signal_connect_swapped (service->registry, "settled", G_CALLBACK (rewind_idle_timer), service);
  g_signal_connect_swapped (service->router, "settled", G_CALLBACK (rewind_idle_timer), service);
  bothy_registry_begin_health (service->registry);
  bothy_registry_begin_machines (service->registry, bus);
  bothy_registry_begin_autostarts (service->registry, bus);
  rewind_idle_timer (service);
  sd_notify (0, "READY=1");
}

static void
on_name_lost (GDBusConnection *bus, const char *name, gpointer user_data)
{
  Service *service = user_data;

  g_warning ("The name %s is not ours", name);
  service->failed = TRUE;
  quit (service);
}

/* Callers come in when there is something to find, also the very first time. */
static void
on_bridges (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Service *service = user_data;

  bothy_bridges_wait_finish (BOTHY_BRIDGES (source), result);
  /* Who has the lock has the name: one that ended but for a thread that hangs keeps its connection for ever. */
  service->name = g_bus_own_name_on_connection (
      service->bus, BOTHY_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_ALLOW_REPLACEMENT | G_BUS_NAME_OWNER_FLAGS_REPLACE,
      on_name_acquired, on_name_lost, service, NULL);
}

static void
on_builtin (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Service *service = user_data;
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_message ("%s", error->message);
  bothy_bridges_wait (bothy_registry_get_bridges (service->registry), on_bridges, service);
}

static void
look_up (guint32 user, const char *name, struct names_reply *ret, gpointer user_data)
{
  bothy_host_lookup (((Service *)user_data)->registry, user, name, ret);
}

static void
on_recovered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Service *service = user_data;
  g_autoptr (GError) error = NULL;

  bothy_registry_recover_finish (service->registry, result);
  service->names = bothy_nss_socket_new (look_up, service, &error);
  if (!service->names)
    g_message ("Names of containers can not be looked up: %s", error->message);
  service->router = bothy_router_new (service->bus, bothy_registry_get_ranges (service->registry),
                                      bothy_dispatch, service->registry);
  bothy_untrusted_fds_set_overrun (on_overrun, service);
  bothy_publisher_start (bothy_router_get_objects (service->router), service->registry);
  bothy_builtin_ensure (bothy_registry_get_builtin (service->registry), on_builtin, service);
}

/* Whatever needs a capability is the helper's; nothing here keeps one. */
static BothyHelperClient *
make_helper (GError **error)
{
  g_autoptr (BothyHelperClient) helper =
      bothy_cgroup_manager_is_systemd () ? bothy_helper_client_new () : bothy_helper_client_new_child (error);

  if (!helper || !bothy_capabilities_drop_all (error))
    return NULL;
  return g_steal_pointer (&helper);
}

static gboolean
set_up (Service *service, GError **error)
{
  g_autoptr (BothyHelperClient) helper = NULL;
  g_autoptr (BothyCgroupManager) cgroups = NULL;

  service->configuration = bothy_configuration_load (VENDOR_CONFIG_FILE, CONFIG_FILE, error);
  if (!service->configuration)
    return FALSE;
  service->bus = bothy_front_connect (error);
  if (!service->bus)
    return FALSE;
  helper = make_helper (error);
  if (!helper)
    return FALSE;
  cgroups = bothy_cgroup_manager_is_systemd () ? bothy_cgroup_manager_systemd_new (service->bus, helper)
                                               : bothy_cgroup_manager_cgroupfs_new (helper);
  service->registry = bothy_registry_new (service->configuration, helper, cgroups, error);
  if (!service->registry)
    return FALSE;
  bothy_registry_recover (service->registry, on_recovered, service);
  return TRUE;
}

static gboolean
parse_options (int *argc, char ***argv, GError **error)
{
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and exit", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- the Bothy service");

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (version) {
    g_print ("bothyd %s\n", PACKAGE_VERSION);
    exit (EXIT_SUCCESS);
  }
  return TRUE;
}

static gboolean
on_expired (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* The name goes back first: who calls from now on starts a new service. Who called before gets his reply. */
static void
tear_down (Service *service)
{
  gboolean expired = FALSE;

  g_clear_pointer (&service->names, bothy_nss_socket_free);
  if (service->name)
    g_bus_unown_name (service->name);
  g_timeout_add (LAST_CALLS_MS, on_expired, &expired);
  while (g_main_context_iteration (NULL, service->router && !bothy_router_is_idle (service->router)) &&
         !expired)
    continue;
  if (service->router)
    bothy_router_close (service->router);
  /* From here on the process may hang: a thread that closes a user's file can not be ended. */
  if (service->bus) {
    g_dbus_connection_flush_sync (service->bus, NULL, NULL);
    g_dbus_connection_close_sync (service->bus, NULL, NULL);
  }
  if (service->registry)
    bothy_registry_release_lock (service->registry);
}

int
main (int argc, char *argv[])
{
  Service service = { 0 };
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "C.UTF-8");
  umask (0077);
  signal (SIGPIPE, SIG_IGN);
  service.loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGTERM, on_signal, &service);
  g_unix_signal_add (SIGINT, on_signal, &service);
  if (!parse_options (&argc, &argv, &error) || !set_up (&service, &error)) {
    g_printerr ("bothyd: %s\n", error->message);
    return EXIT_FAILURE;
  }
  g_main_loop_run (service.loop);
  tear_down (&service);
  return service.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
