/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handnic.h"

#include "core/admission.h"
#include "core/error.h"
#include "core/fault.h"
#include "core/intent.h"
#include "core/netns.h"
#include "core/registry-private.h"
#include "network/dhcp.h"
#include "platform/fd.h"
#include "platform/foreign.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

void
bothy_hand_nic_free (BothyHandNic *self)
{
  g_free (self->mac);
  g_strfreev (self->addresses);
  g_free (self);
}

gboolean
bothy_hand_check_interface (const char *name, GError **error)
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

static void
forget (BothyRegistry *self, const BothyPlace *place)
{
  g_autofree char *id = bothy_place_id (place);

  g_hash_table_remove (self->hand_nics, id);
  bothy_intent_end (id);
  bothy_registry_check_network (self);
}

/* ---- attach ---- */

typedef struct {
  guint32 user;
  char *bridge;
  char *inside;
  int netns_fd;
  gboolean allowed, configure;
  BothyTicket *ticket;
  BothyNetworkConfig *config;
  GError *error;
} Attach;

static void
attach_free (Attach *attach)
{
  bothy_foreign_clear (&attach->netns_fd);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_clear_pointer (&attach->config, bothy_network_config_free);
  g_clear_error (&attach->error);
  g_free (attach->bridge);
  g_free (attach->inside);
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
  Attach *attach = g_task_get_task_data (task);
  BothyHandNic *nic = g_new0 (BothyHandNic, 1);
  g_autoptr (GStrvBuilder) addresses = g_strv_builder_new ();
  g_autofree char *id = bothy_place_id (attach->ticket->place);
  guint8 mac[6];

  BOTHY_FAULT_POINT ("nic.configured");
  bothy_intent_end (id);
  bothy_place_mac (attach->ticket->place, mac);
  nic->mac =
      g_strdup_printf ("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  add_address (addresses, attach->config->address4);
  add_address (addresses, attach->config->address6);
  nic->addresses = g_strv_builder_end (addresses);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_task_return_pointer (task, nic, (GDestroyNotify)bothy_hand_nic_free);
}

static void
on_undone (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!bothy_place_detach_finish (BOTHY_NETWORK (source), result, &error))
    g_warning ("Nics: %s", error->message);
  forget (self, attach->ticket->place);
  g_clear_pointer (&attach->ticket, bothy_ticket_free);
  g_task_return_error (task, g_steal_pointer (&attach->error));
}

static void
undo (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);

  bothy_place_detach (self->network, attach->ticket->place, on_undone, g_object_ref (task));
}

static void
on_configured (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds =
      bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &attach->error);

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
                                    .owner = attach->user,
                                    .owner_gid = attach->ticket->gid };
  g_autoptr (GUnixFDList) fds = NULL;

  g_strlcpy (request.nic.interface, attach->inside, sizeof request.nic.interface);
  g_strlcpy (request.nic.address4, attach->config->address4, sizeof request.nic.address4);
  g_strlcpy (request.nic.gateway4, attach->config->gateway4, sizeof request.nic.gateway4);
  g_strlcpy (request.nic.address6, attach->config->address6, sizeof request.nic.address6);
  g_strlcpy (request.nic.gateway6, attach->config->gateway6, sizeof request.nic.gateway6);
  fds = bothy_fd_list (&attach->netns_fd, 1, &attach->error);
  if (fds)
    bothy_helper_call (self->helper, &request, fds, on_configured, g_object_ref (task));
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

  attach->config = bothy_place_attach_finish (BOTHY_NETWORK (source), result, &error);
  BOTHY_FAULT_POINT ("nic.attached");
  if (!attach->config) {
    forget (self, attach->ticket->place);
    g_clear_pointer (&attach->ticket, bothy_ticket_free);
    g_task_return_error (task, error);
    return;
  }
  g_hash_table_insert (self->hand_nics, bothy_place_id (attach->ticket->place),
                       GUINT_TO_POINTER (attach->user));
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
  id = attach->ticket ? bothy_place_id (attach->ticket->place) : NULL;
  if (id && bothy_intent_begin (id, &error))
    bothy_place_attach (self->network, attach->ticket->place, attach->inside, attach->netns_fd, NULL, NULL,
                        on_attached, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
on_proved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Attach *attach = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_netns_check_finish (result, &error))
    bothy_admission_enter (self->admission, attach->user, attach->bridge, NULL, attach->allowed, on_entered,
                           g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_hand_attach_nic (BothyRegistry *registry,
                       guint32 user,
                       const char *bridge,
                       int netns_fd,
                       const char *inside,
                       gboolean allowed,
                       gboolean configured,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (registry, NULL, callback, user_data);
  Attach *attach = g_new0 (Attach, 1);

  attach->user = user;
  attach->bridge = g_strdup (bridge);
  attach->inside = g_strdup (inside);
  attach->netns_fd = fcntl (netns_fd, F_DUPFD_CLOEXEC, 3);
  attach->allowed = allowed;
  attach->configure = configured;
  g_task_set_task_data (task, attach, (GDestroyNotify)attach_free);
  bothy_netns_check (attach->netns_fd, user, on_proved, task);
}

BothyHandNic *
bothy_hand_attach_nic_finish (BothyRegistry *registry, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- detach ---- */

typedef struct {
  guint32 user;
  char *bridge;
  char *inside;
  int netns_fd;
  BothyPlace *place; /* NULL until it is found */
} Detach;

static void
detach_free (Detach *detach)
{
  bothy_foreign_clear (&detach->netns_fd);
  g_clear_pointer (&detach->place, bothy_place_free);
  g_free (detach->bridge);
  g_free (detach->inside);
  g_free (detach);
}

static void
on_detached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  GError *error = NULL;

  forget (self, ((Detach *)g_task_get_task_data (task))->place);
  if (bothy_place_detach_finish (BOTHY_NETWORK (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* What is in the namespace is the caller's or not; whose the nic is, its alias says. */
static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Detach *detach = g_task_get_task_data (task);
  GError *error = NULL;
  g_auto (GStrv) aliases = bothy_nics_list_finish (BOTHY_NICS (source), result, &error);
  BothyPlace *place = aliases && aliases[0] ? bothy_place_parse (aliases[0]) : NULL;

  detach->place = place;
  if (place && place->owner == detach->user && bothy_place_number (place) > 0 &&
      g_str_equal (place->bridge, detach->bridge)) {
    bothy_place_detach (self->network, place, on_detached, g_object_ref (task));
    return;
  }
  if (!error)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                         "There is no nic %s that you attached to the bridge %s in this network namespace",
                         detach->inside, detach->bridge);
  g_task_return_error (task, error);
}

static void
on_proved_to_detach (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Detach *detach = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_netns_check_finish (result, &error))
    bothy_nics_find (bothy_network_get_nics (self->network), detach->netns_fd, detach->inside, on_found,
                     g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_hand_detach_nic (BothyRegistry *registry,
                       guint32 user,
                       const char *bridge,
                       int netns_fd,
                       const char *inside,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (registry, NULL, callback, user_data);
  Detach *detach = g_new0 (Detach, 1);

  detach->user = user;
  detach->bridge = g_strdup (bridge);
  detach->inside = g_strdup (inside);
  detach->netns_fd = fcntl (netns_fd, F_DUPFD_CLOEXEC, 3);
  g_task_set_task_data (task, detach, (GDestroyNotify)detach_free);
  bothy_netns_check (detach->netns_fd, user, on_proved_to_detach, task);
}

gboolean
bothy_hand_detach_nic_finish (BothyRegistry *registry, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- looking after them ---- */

static void
on_resumed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyNetworkConfig) config = bothy_place_attach_finish (BOTHY_NETWORK (source), result, &error);

  if (!config)
    g_message ("Nics: %s", error->message);
}

typedef struct {
  BothyRegistry *registry;
  BothyHandSurvey kind;
  char *bridge;
  char **unfinished; /* as an earlier broker left them */
} Survey;

static void
survey_free (Survey *survey)
{
  g_object_unref (survey->registry);
  g_free (survey->bridge);
  g_strfreev (survey->unfinished);
  g_free (survey);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Survey, survey_free)

/* What was there and is no more went with its namespace; the filter has to forget it. */
static void
let_go (BothyRegistry *self, GHashTable *present)
{
  GHashTableIter iter;
  gpointer id, owner;

  g_hash_table_iter_init (&iter, self->hand_nics);
  while (g_hash_table_iter_next (&iter, &id, &owner)) {
    if (!g_hash_table_contains (present, id))
      bothy_network_detach (self->network, id, GPOINTER_TO_UINT (owner));
  }
}

static void
look_at (const Survey *survey, const char *alias, GHashTable *present)
{
  g_autoptr (BothyPlace) place = bothy_place_parse (alias);
  g_autofree char *place_id = place ? bothy_place_id (place) : NULL;

  if (!place || bothy_place_number (place) == 0)
    return;
  if (survey->kind == BOTHY_HAND_STARTED &&
      g_strv_contains ((const char *const *)survey->unfinished, place_id)) {
    bothy_network_detach (survey->registry->network, place_id, place->owner);
    return;
  }
  g_hash_table_insert (present, bothy_place_id (place), GUINT_TO_POINTER (place->owner));
  if (survey->kind == BOTHY_HAND_STARTED || survey->kind == BOTHY_HAND_LOST ||
      (survey->kind == BOTHY_HAND_BRIDGE_UP && g_str_equal (survey->bridge, place->bridge)))
    bothy_place_resume (survey->registry->network, place, NULL, NULL, on_resumed, NULL);
}

static void
tidy (BothyRegistry *self)
{
  g_autofree const char **ids = (const char **)g_hash_table_get_keys_as_array (self->hand_nics, NULL);

  bothy_dhcp_tidy (BOTHY_PLACE_BY_HAND, ids);
  if (bothy_registry_needs_network (self))
    bothy_network_tidy (self->network);
  else
    bothy_network_release (self->network);
}

static void
on_surveyed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Survey) survey = user_data;
  BothyRegistry *self = survey->registry;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) aliases = bothy_nics_list_finish (BOTHY_NICS (source), result, &error);
  g_autoptr (GHashTable) present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (char **alias = aliases; alias && *alias; alias++)
    look_at (survey, *alias, present);
  if (!aliases)
    g_message ("Nics: %s", error->message);
  else {
    let_go (self, present);
    g_hash_table_unref (self->hand_nics);
    self->hand_nics = g_steal_pointer (&present);
  }
  for (char **id = survey->unfinished; aliases && survey->kind == BOTHY_HAND_STARTED && *id; id++)
    bothy_intent_end (*id);
  if (survey->kind == BOTHY_HAND_STARTED)
    tidy (self);
  bothy_registry_check_network (self);
}

void
bothy_hand_survey_nics (BothyRegistry *registry, BothyHandSurvey kind, const char *bridge)
{
  Survey *survey;

  if (kind != BOTHY_HAND_STARTED && g_hash_table_size (registry->hand_nics) == 0)
    return;
  survey = g_new0 (Survey, 1);
  survey->registry = g_object_ref (registry);
  survey->kind = kind;
  survey->bridge = g_strdup (bridge);
  survey->unfinished = kind == BOTHY_HAND_STARTED ? bothy_intent_list () : g_new0 (char *, 1);
  bothy_nics_list (bothy_network_get_nics (registry->network), on_surveyed, survey);
}
