/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "join.h"

#include "core/error.h"
#include "platform/fd.h"

typedef struct {
  BothyNetwork *network;
  BothyContainer *container;
  BothySupervisor *supervisor;
  BothyNetworkConfig *config;
  gboolean resume;
} Join;

static void
join_free (Join *join)
{
  g_clear_pointer (&join->config, bothy_network_config_free);
  g_object_unref (join->network);
  g_object_unref (join->container);
  g_object_unref (join->supervisor);
  g_free (join);
}

/* The run that should have got it has ended meanwhile. One that is being started waits for us. */
static gboolean
is_over (const Join *join)
{
  return join->resume && join->container->supervisor != join->supervisor;
}

static void
go_without (GTask *task, GError *error)
{
  Join *join = g_task_get_task_data (task);
  const char *none[] = { NULL };

  g_message ("Container %s has no network: %s", join->container->id, error->message);
  if (!is_over (join))
    bothy_container_set_network (join->container, none, error->message);
  g_error_free (error);
  g_task_return_boolean (task, TRUE);
}

static void
show (GTask *task)
{
  Join *join = g_task_get_task_data (task);
  const char *addresses[] = { join->config->address4, join->config->address6, NULL };

  if (!is_over (join))
    bothy_container_set_network (join->container, addresses, "");
  g_task_return_boolean (task, TRUE);
}

static void
on_configured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error)) {
    show (task);
    return;
  }
  /* The nic of the next run has the same name. */
  if (!is_over (join) || !bothy_container_is_active (join->container))
    bothy_network_detach (join->network, join->container->id, join->container->owner);
  go_without (task, error);
}

static void
configure (GTask *task)
{
  struct supervisor_message message = { .type = SUPERVISOR_NETWORK };
  Join *join = g_task_get_task_data (task);
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, BOTHY_NETWORK_INTERFACE);
  bothy_supervisor_add_text (text, join->config->address4);
  bothy_supervisor_add_text (text, join->config->gateway4);
  bothy_supervisor_add_text (text, join->config->address6);
  bothy_supervisor_add_text (text, join->config->gateway6);
  /* NetworkManager's dnsmasq answers on the bridge's address. */
  bothy_supervisor_add_text (text, join->config->gateway4);
  bothy_supervisor_call (join->supervisor, message, text, NULL, on_configured, g_object_ref (task));
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  GError *error = NULL;

  join->config = bothy_network_attach_finish (BOTHY_NETWORK (source), result, &error);
  if (join->config)
    configure (task);
  else
    go_without (task, error);
}

static void
attach (GTask *task, int netns_fd)
{
  Join *join = g_task_get_task_data (task);
  BothyContainer *container = join->container;

  bothy_network_attach (join->network, container->id, container->owner, container->range_base,
                        container->spec->egress, netns_fd, on_attached, g_object_ref (task));
}

static void
on_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;
  autofd fd = -1;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &fds, &error))
    fd = g_unix_fd_list_get (fds, 0, &error);
  if (fd >= 0)
    attach (task, fd);
  else
    go_without (task, error);
}

static void
make_nic (GTask *task)
{
  struct supervisor_message message = { .type = SUPERVISOR_NET_NAMESPACE };
  Join *join = g_task_get_task_data (task);

  bothy_supervisor_call (join->supervisor, message, NULL, NULL, on_namespace, g_object_ref (task));
}

/* It may never have got one: NetworkManager was not there then. */
static void
on_resumed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);

  join->config = bothy_network_attach_finish (BOTHY_NETWORK (source), result, NULL);
  if (join->config)
    show (task);
  else
    make_nic (task);
}

void
bothy_join (BothyNetwork *network,
            BothyContainer *container,
            BothySupervisor *supervisor,
            gboolean resume,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Join *join = g_new0 (Join, 1);

  join->network = g_object_ref (network);
  join->container = g_object_ref (container);
  join->supervisor = g_object_ref (supervisor);
  join->resume = resume;
  g_task_set_task_data (task, join, (GDestroyNotify)join_free);
  if (resume)
    bothy_network_resume (network, container->id, container->owner, container->range_base,
                          container->spec->egress, on_resumed, g_object_ref (task));
  else
    make_nic (task);
}

void
bothy_join_finish (GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}
