/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/network.h"

#include "base/error.h"
#include "base/fd.h"

typedef struct {
  BothyNetwork *network;
  BothyAdmission *admission;
  BothyContainer *container;
  BothySupervisor *supervisor;
  BothyNetworkConfig *config;
  BothyTicket *ticket; /* for a bridge of the LAN */
  int netns_fd;
  char *nic; /* what it has now, "": nothing */
  gboolean resume;
  gboolean held; /* not to be configured yet */
  gboolean anew; /* it has been made once more */
} Join;

static void
join_free (Join *join)
{
  g_clear_pointer (&join->config, bothy_network_config_free);
  g_clear_pointer (&join->ticket, bothy_ticket_free);
  g_free (join->nic);
  bothy_clear_fd (&join->netns_fd);
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

static void attach (GTask *task, int netns_fd);

/* What the LAN gives is not known here. */
static void
show (GTask *task)
{
  Join *join = g_task_get_task_data (task);
  const char *addresses[] = { NULL, NULL, NULL };
  gsize n = 0;

  if (*join->config->address4)
    addresses[n++] = join->config->address4;
  if (*join->config->address6)
    addresses[n++] = join->config->address6;
  if (!is_over (join)) {
    bothy_container_set_nic (join->container, join->nic);
    bothy_container_set_network (join->container, addresses, "");
  }
  g_task_return_boolean (task, TRUE);
}

/* Somebody took the nic away just now: one more, once. */
static gboolean
make_anew (GTask *task, const GError *error)
{
  Join *join = g_task_get_task_data (task);

  if (join->anew || is_over (join) || !g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED))
    return FALSE;
  join->anew = TRUE;
  attach (task, join->netns_fd);
  return TRUE;
}

static void
on_configured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error)) {
    show (task);
    return;
  }
  if (make_anew (task, error)) {
    g_error_free (error);
    return;
  }
  /* The nic of the next run has the same name. */
  if (!is_over (join) || !bothy_container_is_active (join->container))
    bothy_network_detach (join->network, join->nic, join->container->owner);
  go_without (task, error);
}

static void
configure (GTask *task)
{
  struct supervisor_message message = { .type = SUPERVISOR_NETWORK };
  Join *join = g_task_get_task_data (task);
  g_autoptr (GByteArray) text = g_byte_array_new ();
  const BothyContainerNetwork *wanted = join->container->spec->network;
  g_autofree char *resolvers = g_strjoinv (" ", wanted->resolvers);

  bothy_supervisor_add_text (text, BOTHY_NETWORK_INTERFACE);
  bothy_supervisor_add_text (text, join->config->address4);
  bothy_supervisor_add_text (text, join->config->gateway4);
  bothy_supervisor_add_text (text, join->config->address6);
  bothy_supervisor_add_text (text, join->config->gateway6);
  /* NetworkManager's dnsmasq answers on the bridge's address; who resolves on a LAN its owner says, or DHCP. */
  bothy_supervisor_add_text (text, wanted->bridge ? resolvers : join->config->gateway4);
  bothy_supervisor_call (join->supervisor, message, text, NULL, on_configured, g_object_ref (task));
}

/* The nic is there, on the default bridge or, with a ticket, on one of the LAN. */
static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  GError *error = NULL;

  g_clear_pointer (&join->config, bothy_network_config_free);
  join->config = bothy_network_attach_finish (BOTHY_NETWORK (source), result, &error);
  g_free (join->nic);
  join->nic = join->ticket ? bothy_nic_id (join->ticket->place) : g_strdup (join->container->id);
  g_clear_pointer (&join->ticket, bothy_ticket_free);
  if (!join->config)
    go_without (task, error);
  else if (!join->held)
    configure (task);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  GError *error = NULL;

  join->ticket = bothy_admission_enter_finish (join->admission, result, &error);
  if (join->ticket)
    bothy_nic_attach (join->network, join->ticket->place, BOTHY_NETWORK_INTERFACE, join->netns_fd,
                      join->container->spec->egress, join->container->spec->network->address, on_attached,
                      g_object_ref (task));
  else
    go_without (task, error);
}

/* Takes NETNS_FD over. */
static void
attach (GTask *task, int netns_fd)
{
  Join *join = g_task_get_task_data (task);
  BothyContainer *container = join->container;
  const BothyContainerNetwork *wanted = container->spec->network;
  g_autofree char *name = bothy_container_nic_name (container);

  join->netns_fd = netns_fd;
  if (wanted->bridge)
    bothy_admission_enter (join->admission, container->owner, wanted->bridge, name, wanted->allowed,
                           on_entered, g_object_ref (task));
  else
    bothy_network_attach (join->network, container->id, container->owner, container->range_base,
                          container->spec->egress, netns_fd, on_attached, g_object_ref (task));
}

static void
on_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  autofd fd = bothy_supervisor_call_finish_fd (BOTHY_SUPERVISOR (source), result, BOTHY_SUPERVISOR_NAMESPACE,
                                               NULL, &error);

  if (fd >= 0)
    attach (task, g_steal_fd (&fd));
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

static BothyNic *
find_place (const BothyContainer *container, char **aliases)
{
  g_autofree char *name = bothy_container_nic_name (container);

  for (char **alias = aliases; alias && *alias; alias++) {
    g_autoptr (BothyNic) place = bothy_nic_parse (*alias);

    if (place && place->owner == container->owner && g_str_equal (place->name, name))
      return g_steal_pointer (&place);
  }
  return NULL;
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Join *join = g_task_get_task_data (task);
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, NULL);
  g_autoptr (BothyNic) place = find_place (join->container, aliases);

  if (!place) {
    make_nic (task);
    return;
  }
  g_free (join->nic);
  join->nic = bothy_nic_id (place);
  bothy_nic_resume (join->network, place, join->container->spec->egress,
                    join->container->spec->network->address, on_resumed, g_object_ref (task));
}

static void
resume_nic (GTask *task)
{
  Join *join = g_task_get_task_data (task);
  BothyContainer *container = join->container;

  if (container->spec->network->bridge) {
    bothy_net_client_list (bothy_network_get_nics (join->network), on_listed, g_object_ref (task));
    return;
  }
  g_free (join->nic);
  join->nic = g_strdup (container->id);
  bothy_network_resume (join->network, container->id, container->owner, container->range_base,
                        container->spec->egress, on_resumed, g_object_ref (task));
}

static GTask *
join_new (BothyNetwork *network,
          BothyAdmission *admission,
          BothyContainer *container,
          BothySupervisor *supervisor,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Join *join = g_new0 (Join, 1);

  join->network = g_object_ref (network);
  join->admission = admission;
  join->netns_fd = -1;
  join->nic = g_strdup ("");
  join->container = g_object_ref (container);
  join->supervisor = g_object_ref (supervisor);
  g_task_set_task_data (task, join, (GDestroyNotify)join_free);
  return task;
}

GTask *
bothy_container_network_ahead (BothyNetwork *network,
                               BothyAdmission *admission,
                               BothyContainer *container,
                               BothySupervisor *supervisor,
                               int netns_fd,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  GTask *task = join_new (network, admission, container, supervisor, callback, user_data);

  ((Join *)g_task_get_task_data (task))->held = TRUE;
  attach (task, netns_fd);
  return task;
}

void
bothy_container_network_proceed (GTask *task)
{
  Join *join = g_task_get_task_data (task);

  if (!join->held)
    return;
  join->held = FALSE;
  if (join->config)
    configure (task);
}

void
bothy_container_network_again (BothyNetwork *network,
                               BothyAdmission *admission,
                               BothyContainer *container,
                               BothySupervisor *supervisor,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = join_new (network, admission, container, supervisor, callback, user_data);

  ((Join *)g_task_get_task_data (task))->resume = TRUE;
  resume_nic (task);
}

void
bothy_container_network_finish (GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}
