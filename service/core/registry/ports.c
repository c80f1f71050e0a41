/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/ports.h"

#include "base/error.h"
#include "network/host-address.h"

#include <string.h>

#define FIRST_FREE 49152 /* "dynamic", as RFC 6335 has it: no service is known by one of these */

typedef struct {
  BothyContainer *container;
  BothyPort port;
} Publishing;

static void
publishing_free (Publishing *publishing)
{
  g_object_unref (publishing->container);
  g_free (publishing);
}

static GTask *
task_new (BothyRegistry *self,
          BothyContainer *container,
          const BothyPort *port,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Publishing *publishing = g_new0 (Publishing, 1);

  publishing->container = g_object_ref (container);
  publishing->port = *port;
  g_task_set_task_data (task, publishing, (GDestroyNotify)publishing_free);
  return task;
}

/* Who has the port, as OWNER may know it. */
static gboolean
check_free (BothyRegistry *self, guint32 owner, const BothyPort *port, GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));

  for (GList *l = containers; l; l = l->next) {
    BothyContainer *other = l->data;
    const BothyPort *taken = bothy_port_find_conflict (other->spec->ports, port);
    g_autofree char *shown = taken ? bothy_port_describe (other->owner == owner ? taken : port) : NULL;

    if (!taken)
      continue;
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_PORT_IN_USE,
                 "Port %s leads to %s%s already; take another one", shown,
                 other->owner == owner ? "container " : "another user's container",
                 other->owner == owner ? other->spec->name : "");
    return FALSE;
  }
  return TRUE;
}

/* ---- which one is free, for who does not mind ---- */

/* Which ports of a protocol somebody has: a byte for each. */
typedef guint8 Taken[G_MAXUINT16 + 1];

/* From a table of the kernel's, see /proc/net/tcp in proc(5): "  0: 0100007F:0277 …". Without it bothy-net finds out. */
static void
note_bound (const char *table, Taken taken)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (table, &text, NULL, NULL))
    return;
  for (const char *line = strchr (text, '\n'); line; line = strchr (line, '\n')) {
    const char *local = strchr (++line, ':');
    const char *port = local ? strchr (local + 1, ':') : NULL;

    if (port)
      taken[g_ascii_strtoull (port + 1, NULL, 16) & G_MAXUINT16] = TRUE;
  }
}

/* Fills in the host's port of PORT. */
static gboolean
choose_free (BothyRegistry *self, BothyPort *port, GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  g_autofree guint8 *taken = g_malloc0 (sizeof (Taken));
  guint n = G_MAXUINT16 + 1 - FIRST_FREE, from = (guint)g_random_int_range (0, (gint32)n);

  note_bound (port->udp ? "/proc/self/net/udp" : "/proc/self/net/tcp", taken);
  note_bound (port->udp ? "/proc/self/net/udp6" : "/proc/self/net/tcp6", taken);
  for (GList *l = containers; l; l = l->next) {
    const GArray *ports = BOTHY_CONTAINER (l->data)->spec->ports;

    for (guint i = 0; i < ports->len; i++) {
      if (g_array_index (ports, BothyPort, i).udp == port->udp)
        taken[g_array_index (ports, BothyPort, i).host] = TRUE;
    }
  }
  for (guint i = 0; i < n; i++) {
    guint candidate = FIRST_FREE + (from + i) % n;

    if (!taken[candidate]) {
      port->host = (guint16)candidate;
      return TRUE;
    }
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_PORT_IN_USE,
               "Each port from %d on leads somewhere already; say which one it is to be", FIRST_FREE);
  return FALSE;
}

/* ---- */

/* Each takes a socket of bothy-net's, and the port from everybody else. */
static gboolean
check_quota (BothyRegistry *self, guint32 owner, GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  guint max = bothy_registry_get_configuration (self)->max_ports, n = 0;

  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *container = l->data;

    if (container->owner == owner)
      n += container->spec->ports->len;
  }
  if (n < max)
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
      "%u ports lead into your containers, as many as a user may have; take one away first (\"bothy port "
      "remove\")",
      n);
  return FALSE;
}

static void
change_ports (BothyContainer *container, const BothyPort *port, gboolean add)
{
  if (add)
    bothy_container_add_port (container, port);
  else
    bothy_container_remove_port (container, port);
}

/* Puts the port into the container's record, or takes it out, before bothy-net is told. A forwarding that no
   record names would stay for ever if bothyd were killed in between. */
static gboolean
write_down (BothyRegistry *self, const Publishing *publishing, gboolean add, GError **error)
{
  BothyContainer *container = publishing->container;
  const BothyPort *found = bothy_port_find (container->spec->ports, &publishing->port);
  BothyPort port = found ? *found : publishing->port;

  change_ports (container, &port, add);
  if (!bothy_containers_save (bothy_registry_get_containers (self), container, error)) {
    change_ports (container, &port, !add);
    return FALSE;
  }
  return TRUE;
}

static void
on_published (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_network_publish_finish (BOTHY_NETWORK (source), result, &error)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  write_down (g_task_get_source_object (task), g_task_get_task_data (task), FALSE, NULL);
  g_task_return_error (task, error);
}

void
bothy_registry_add_port (BothyRegistry *self,
                         BothyContainer *container,
                         const BothyPort *port,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = task_new (self, container, port, callback, user_data);
  Publishing *publishing = g_task_get_task_data (task);
  GError *error = NULL;

  if (container->spec->network->kind != BOTHY_CONTAINER_NETWORK_NAT)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s has no network",
                         container->spec->name);
  if (error || (port->address[0] && !bothy_host_address_check (port->address, &error)) ||
      !check_quota (self, container->owner, &error) ||
      (port->host == 0 && !choose_free (self, &publishing->port, &error)) ||
      !check_free (self, container->owner, &publishing->port, &error) ||
      !write_down (self, publishing, TRUE, &error))
    g_task_return_error (task, error);
  else if (container->addresses[0])
    bothy_network_publish (bothy_registry_get_network (self), container->owner, container->range_base,
                           &publishing->port, TRUE, on_published, g_object_ref (task));
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_unpublished (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_network_publish_finish (BOTHY_NETWORK (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static GError *
make_absent_error (BothyContainer *container, const BothyPort *port)
{
  const BothyPort *other = bothy_port_find_conflict (container->spec->ports, port);
  g_autofree char *shown = bothy_port_describe (port);
  g_autofree char *instead = other ? bothy_port_describe (other) : NULL;

  if (instead)
    return g_error_new (BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                        "Port %s does not lead to container %s, but %s does", shown, container->spec->name,
                        instead);
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Port %s does not lead to container %s", shown,
                      container->spec->name);
}

void
bothy_registry_remove_port (BothyRegistry *self,
                            BothyContainer *container,
                            const BothyPort *port,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = task_new (self, container, port, callback, user_data);
  GError *error = NULL;

  if (!bothy_port_find (container->spec->ports, port))
    error = make_absent_error (container, port);
  if (error || !write_down (self, g_task_get_task_data (task), FALSE, &error))
    g_task_return_error (task, error);
  else if (container->addresses[0])
    bothy_network_publish (bothy_registry_get_network (self), container->owner, container->range_base, port,
                           FALSE, on_unpublished, g_object_ref (task));
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
bothy_registry_port_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_published_again (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyContainer) container = user_data;
  g_autoptr (GError) error = NULL;

  if (!bothy_network_publish_finish (BOTHY_NETWORK (source), result, &error))
    g_message ("Container %s: a port does not lead to it: %s", container->id, error->message);
}

static void
on_readdressed (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  BothyNetwork *network = bothy_registry_get_network (user_data);
  GArray *ports = container->spec->ports;

  for (guint i = 0; container->addresses[0] && i < ports->len; i++)
    bothy_network_publish (network, container->owner, container->range_base,
                           &g_array_index (ports, BothyPort, i), TRUE, on_published_again,
                           g_object_ref (container));
}

void
bothy_registry_watch_addresses (BothyRegistry *self)
{
  g_signal_connect_object (bothy_registry_get_containers (self), "readdressed", G_CALLBACK (on_readdressed),
                           self, 0);
}
