/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A nic for a network namespace that a user made. */
#include "core/byhand/nics-private.h"

#include "base/fault.h"
#include "core/byhand/intent.h"
#include "core/byhand/netns.h"
#include "core/registry/registry-private.h"
#include "base/fd.h"

typedef struct {
  BothyByhandPlace where;
  gboolean allowed, configure;
  BothyTicket *ticket;
  BothyNetworkConfig *config;
  GError *error;
} Attach;

static void
attach_free (Attach *attach)
{
  bothy_byhand_place_clear (&attach->where);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_clear_pointer (&attach->config, bothy_network_config_free);
  g_clear_error (&attach->error);
  g_free (attach);
}

static void
add_address (GStrvBuilder *builder, const char *address)
{
  if (*address)
    g_strv_builder_add (builder, address);
}

static void
succeed (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  BothyByhandNic *nic = g_new0 (BothyByhandNic, 1);
  g_autoptr (GStrvBuilder) addresses = g_strv_builder_new ();
  g_autofree char *id = bothy_nic_id (attach->ticket->place);
  guint8 mac[6];

  BOTHY_FAULT_POINT ("nic.configured");
  bothy_intent_end (self->attaching_fd, id);
  bothy_nic_mac (attach->ticket->place, mac);
  nic->mac =
      g_strdup_printf ("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  add_address (addresses, attach->config->address4);
  add_address (addresses, attach->config->address6);
  nic->addresses = g_strv_builder_end (addresses);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_task_return_pointer (task, nic, (GDestroyNotify)bothy_byhand_nic_free);
}

static void
on_undone (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!bothy_nic_detach_finish (BOTHY_NETWORK (source), result, &error))
    g_warning ("Nics: %s", error->message);
  bothy_byhand_forget_nic (self, attach->ticket->place);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_task_return_error (task, g_steal_pointer (&attach->error));
}

static void
undo (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);

  bothy_nic_detach (self->network, attach->ticket->place, on_undone, g_object_ref (task));
}

static void
on_configured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &attach->error);

  if (fds)
    succeed (task);
  else
    undo (task);
}

static void
configure (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  struct helper_request request = { .op = HELPER_NIC,
                                    .owner = attach->where.user,
                                    .owner_gid = attach->ticket->gid };
  g_autoptr (GUnixFDList) fds = NULL;

  g_strlcpy (request.nic.interface, attach->where.inside, sizeof request.nic.interface);
  g_strlcpy (request.nic.address4, attach->config->address4, sizeof request.nic.address4);
  g_strlcpy (request.nic.gateway4, attach->config->gateway4, sizeof request.nic.gateway4);
  g_strlcpy (request.nic.address6, attach->config->address6, sizeof request.nic.address6);
  g_strlcpy (request.nic.gateway6, attach->config->gateway6, sizeof request.nic.gateway6);
  fds = bothy_fd_list (&attach->where.netns_fd, 1, &attach->error);
  if (fds)
    bothy_helper_client_call (self->helper, &request, fds, on_configured, g_object_ref (task));
  else
    undo (task);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  GError *error = NULL;

  attach->config = bothy_nic_attach_finish (BOTHY_NETWORK (source), result, &error);
  BOTHY_FAULT_POINT ("nic.attached");
  if (!attach->config) {
    bothy_byhand_forget_nic (self, attach->ticket->place);
    g_clear_pointer (&attach->ticket, bothy_ticket_free);
    g_task_return_error (task, error);
    return;
  }
  g_hash_table_insert (self->hand_nics, bothy_nic_id (attach->ticket->place),
                       GUINT_TO_POINTER (attach->where.user));
  if (attach->configure)
    configure (task);
  else
    succeed (task);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  g_autofree char *id = NULL;
  GError *error = NULL;

  attach->ticket = bothy_admission_enter_finish (self->admission, result, &error);
  id = attach->ticket ? bothy_nic_id (attach->ticket->place) : NULL;
  if (id && bothy_intent_begin (self->attaching_fd, id, &error))
    bothy_nic_attach (self->network, attach->ticket->place, attach->where.inside, attach->where.netns_fd,
                      NULL, NULL, on_attached, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
enter (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);

  bothy_admission_enter (self->admission, attach->where.user, attach->where.bridge, NULL, attach->allowed,
                         on_entered, g_object_ref (task));
}

void
bothy_byhand_attach_nic (BothyRegistry *registry,
                         guint32 user,
                         const char *bridge,
                         int netns_fd,
                         const char *inside,
                         gboolean allowed,
                         gboolean configured,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (registry, NULL, callback, user_data);
  Attach *attach = g_new0 (Attach, 1);

  bothy_byhand_place_init (&attach->where, user, bridge, netns_fd, inside);
  attach->allowed = allowed;
  attach->configure = configured;
  g_task_set_task_data (task, attach, (GDestroyNotify)attach_free);
  bothy_netns_prove (attach->where.netns_fd, user, enter, task);
}

BothyByhandNic *
bothy_byhand_attach_nic_finish (BothyRegistry *registry, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
