/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/byhand/attach.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "core/byhand/netns.h"
#include "core/byhand/nics.h"
#include "platform/untrusted-fd.h"

#include <net/if.h>
#include <string.h>
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

void
bothy_byhand_nic_free (BothyByhandNic *self)
{
  g_free (self->mac);
  g_strfreev (self->addresses);
  g_free (self);
}

gboolean
bothy_byhand_check_interface (const char *name, GError **error)
{
  static const char *const taken[] = { "lo", "all", "default", NULL };
  gsize length = strlen (name);

  if (length > 0 && length < IFNAMSIZ && g_ascii_isalpha (name[0]) &&
      strspn (name, LETTERS "._-") == length && !g_strv_contains (taken, name))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
      "ifname: use 1 to 15 of A-Z, a-z, 0-9 and ._-, a letter first; not \"lo\", \"all\" or \"default\"");
  return FALSE;
}

/* Which nic somebody means: the one called INSIDE, in the namespace NETNS_FD, on BRIDGE. */
typedef struct {
  guint32 user;
  char *bridge;
  char *inside;
  int netns_fd;
} Place;

/* FALSE: no more files can be open; the place is to be cleared all the same. */
static gboolean
place_init (Place *self, guint32 user, const char *bridge, int netns_fd, const char *inside, GError **error)
{
  self->user = user;
  self->bridge = g_strdup (bridge);
  self->inside = g_strdup (inside);
  self->netns_fd = bothy_untrusted_fd_dup (netns_fd, error);
  return self->netns_fd >= 0;
}

static void
place_clear (Place *self)
{
  bothy_untrusted_fd_clear (&self->netns_fd);
  g_free (self->bridge);
  g_free (self->inside);
}

/* ---- attach ---- */

typedef struct {
  Place where;
  gboolean allowed, configure;
  BothyTicket *ticket;
  BothyNetworkConfig *config;
  GError *error;
} Attach;

static void
attach_free (Attach *attach)
{
  place_clear (&attach->where);
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
complete_attach (GTask *task)
{
  BothyByhandNics *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  BothyByhandNic *nic = g_new0 (BothyByhandNic, 1);
  g_autoptr (GStrvBuilder) addresses = g_strv_builder_new ();
  guint8 mac[6];

  BOTHY_FAULT_POINT ("nic.configured");
  bothy_byhand_nics_complete (self, attach->ticket->place);
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
  BothyByhandNics *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!bothy_nic_detach_finish (BOTHY_NETWORK (source), result, &error))
    g_warning ("Nics: %s", error->message);
  bothy_byhand_nics_forget (self, attach->ticket->place);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_task_return_error (task, g_steal_pointer (&attach->error));
}

static void
undo_attach (GTask *task)
{
  BothyByhandNics *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);

  bothy_nic_detach (bothy_byhand_nics_get_network (self), attach->ticket->place, on_undone,
                    g_object_ref (task));
}

static void
on_configured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &attach->error);

  if (fds)
    complete_attach (task);
  else
    undo_attach (task);
}

static void
configure_inside (GTask *task)
{
  BothyByhandNics *self = g_task_get_source_object (task);
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
    bothy_helper_client_call (bothy_byhand_nics_get_helper (self), &request, fds, on_configured,
                              g_object_ref (task));
  else
    undo_attach (task);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyByhandNics *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  GError *error = NULL;

  attach->config = bothy_nic_attach_finish (BOTHY_NETWORK (source), result, &error);
  BOTHY_FAULT_POINT ("nic.attached");
  if (!attach->config) {
    bothy_byhand_nics_forget (self, attach->ticket->place);
    g_clear_pointer (&attach->ticket, bothy_ticket_free);
    g_task_return_error (task, error);
    return;
  }
  bothy_byhand_nics_add (self, attach->ticket->place);
  if (attach->configure)
    configure_inside (task);
  else
    complete_attach (task);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyByhandNics *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  GError *error = NULL;

  attach->ticket = bothy_admission_enter_finish (bothy_byhand_nics_get_admission (self), result, &error);
  if (attach->ticket && bothy_byhand_nics_begin (self, attach->ticket->place, &error))
    bothy_nic_attach (bothy_byhand_nics_get_network (self), attach->ticket->place, attach->where.inside,
                      attach->where.netns_fd, NULL, NULL, on_attached, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
enter_bridge (GTask *task)
{
  BothyByhandNics *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);

  bothy_admission_enter (bothy_byhand_nics_get_admission (self), attach->where.user, attach->where.bridge,
                         NULL, attach->allowed, on_entered, g_object_ref (task));
}

void
bothy_byhand_attach_nic (BothyByhandNics *nics,
                         guint32 user,
                         const char *bridge,
                         int netns_fd,
                         const char *inside,
                         gboolean allowed,
                         gboolean configure,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (nics, NULL, callback, user_data);
  Attach *attach = g_new0 (Attach, 1);
  GError *error = NULL;
  gboolean ready = place_init (&attach->where, user, bridge, netns_fd, inside, &error);

  attach->allowed = allowed;
  attach->configure = configure;
  g_task_set_task_data (task, attach, (GDestroyNotify)attach_free);
  if (ready)
    bothy_netns_prove (attach->where.netns_fd, user, enter_bridge, task);
  else
    g_task_return_error (task, error);
}

BothyByhandNic *
bothy_byhand_attach_nic_finish (BothyByhandNics *nics, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- detach ---- */

typedef struct {
  Place where;
  BothyNic *place; /* NULL until it is found */
} Detach;

static void
detach_free (Detach *detach)
{
  place_clear (&detach->where);
  g_clear_pointer (&detach->place, bothy_nic_free);
  g_free (detach);
}

static void
on_detached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyByhandNics *self = g_task_get_source_object (task);
  GError *error = NULL;

  bothy_byhand_nics_forget (self, ((Detach *)g_task_get_task_data (task))->place);
  if (bothy_nic_detach_finish (BOTHY_NETWORK (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* That the namespace is the caller's does not make every nic in it his: the nic's alias says whose it is, and
   on which bridge. */
static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyByhandNics *self = g_task_get_source_object (task);
  Detach *detach = g_task_get_task_data (task);
  GError *error = NULL;
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, &error);
  BothyNic *place = aliases && aliases[0] ? bothy_nic_parse (aliases[0]) : NULL;

  detach->place = place;
  if (place && place->owner == detach->where.user && bothy_nic_number (place) > 0 &&
      g_str_equal (place->bridge, detach->where.bridge)) {
    bothy_nic_detach (bothy_byhand_nics_get_network (self), place, on_detached, g_object_ref (task));
    return;
  }
  if (!error)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                         "There is no nic %s that you attached to the bridge %s in this network namespace",
                         detach->where.inside, detach->where.bridge);
  g_task_return_error (task, error);
}

static void
find_nic (GTask *task)
{
  BothyByhandNics *self = g_task_get_source_object (task);
  Detach *detach = g_task_get_task_data (task);

  bothy_net_client_find (bothy_network_get_nics (bothy_byhand_nics_get_network (self)),
                         detach->where.netns_fd, detach->where.inside, on_found, g_object_ref (task));
}

void
bothy_byhand_detach_nic (BothyByhandNics *nics,
                         guint32 user,
                         const char *bridge,
                         int netns_fd,
                         const char *inside,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (nics, NULL, callback, user_data);
  Detach *detach = g_new0 (Detach, 1);
  GError *error = NULL;
  gboolean ready = place_init (&detach->where, user, bridge, netns_fd, inside, &error);

  g_task_set_task_data (task, detach, (GDestroyNotify)detach_free);
  if (ready)
    bothy_netns_prove (detach->where.netns_fd, user, find_nic, task);
  else
    g_task_return_error (task, error);
}

gboolean
bothy_byhand_detach_nic_finish (BothyByhandNics *nics, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
