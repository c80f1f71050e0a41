/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/bridges/admission.h"

#include "core/accounts/nss.h"
#include "base/error.h"

#include <string.h>

struct _BothyAdmission {
  BothyBridges *bridges;
  BothyNetwork *network;
  const BothyConfiguration *configuration;
  GQueue *waiting;    /* GTask: those who want in */
  GQueue *closing;    /* GTask: those who wait until nobody is in */
  GHashTable *closed; /* bridge → UUID of the profile that it has, or had */
  gboolean busy;      /* somebody is in */
};

/* ---- bridges that are about to go: nobody gets in on them ---- */

/* Also while it is there still, though its profile is not. */
static gboolean
is_closed (BothyAdmission *self, const BothyKnownBridge *bridge)
{
  const char *closed = g_hash_table_lookup (self->closed, bridge->facts->name);
  const char *connection = bridge->facts->connection;

  return closed && (!connection || !*connection || g_str_equal (connection, closed));
}

/* As bothy_bridges_find_for(), and BUSY for one that is being deleted. */
static BothyKnownBridge *
find_open (BothyAdmission *self, const char *name, guint32 user, GError **error)
{
  BothyKnownBridge *bridge = bothy_bridges_find_for (self->bridges, name, user, error);

  if (!bridge || !is_closed (self, bridge))
    return bridge;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY, "The bridge %s is being deleted", name);
  return NULL;
}

/* Tell those who wait for that when nobody is in. */
static void
tell_closing (BothyAdmission *self)
{
  GTask *task;

  while (!self->busy && (task = g_queue_pop_head (self->closing))) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

void
bothy_admission_close (BothyAdmission *self,
                       const char *bridge,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  BothyKnownBridge *known = bothy_bridges_find (self->bridges, bridge);
  const char *connection = known && known->facts->connection ? known->facts->connection : "";

  if (known && is_closed (self, known)) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_BUSY, "The bridge %s is being deleted already",
                             bridge);
    g_object_unref (task);
    return;
  }
  g_hash_table_insert (self->closed, g_strdup (bridge), g_strdup (connection));
  g_queue_push_tail (self->closing, task);
  tell_closing (self);
}

gboolean
bothy_admission_close_finish (BothyAdmission *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
bothy_admission_open (BothyAdmission *self, const char *bridge)
{
  g_hash_table_remove (self->closed, bridge);
}

static void
on_bridge_gone (BothyBridges *bridges, BothyKnownBridge *bridge, gpointer user_data)
{
  bothy_admission_open (user_data, bridge->facts->name);
}

/* ---- what a user may draw on ---- */

static char **
group_names (GPtrArray *delegations)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < delegations->len; i++) {
    const BothyDelegation *delegation = delegations->pdata[i];

    if (delegation->principal[0] == '@')
      g_strv_builder_add (builder, delegation->principal + 1);
  }
  return g_strv_builder_end (builder);
}

static void
look_up_account (BothyKnownBridge *bridge, guint32 user, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GPtrArray) delegations = bothy_known_bridge_list_delegations (bridge);
  g_auto (GStrv) groups = group_names (delegations);

  bothy_account_look_up (user, (const char *const *)groups, callback, user_data);
}

/* Name and number have to be those of then: neither alone is an account's for ever. */
static gboolean
is_for (const BothyDelegation *delegation, const BothyAccount *account)
{
  gpointer gid;

  if (delegation->principal[0] != '@')
    return delegation->id == account->uid && g_str_equal (delegation->principal, account->name);
  return g_hash_table_lookup_extended (account->groups, delegation->principal + 1, NULL, &gid) &&
         GPOINTER_TO_UINT (gid) == delegation->id;
}

typedef struct {
  char *payer;
  guint quota;
  gboolean shared; /* by all who draw on it, not by the user alone */
} Purse;

static void
purse_clear (Purse *purse)
{
  g_free (purse->payer);
}

static void
add_purse (GArray *purses, char *payer, guint quota, gboolean shared)
{
  Purse purse = { payer, quota, shared };

  g_array_append_val (purses, purse);
}

/* In the order in which they are used up. */
static GArray *
list_purses (BothyAdmission *self, BothyKnownBridge *bridge, const BothyAccount *account, gboolean allowed)
{
  GArray *purses = g_array_new (FALSE, FALSE, sizeof (Purse));
  g_autoptr (GPtrArray) delegations = bothy_known_bridge_list_delegations (bridge);

  g_array_set_clear_func (purses, (GDestroyNotify)purse_clear);
  for (guint i = 0; i < delegations->len && !bridge->is_default; i++) {
    const BothyDelegation *delegation = delegations->pdata[i];
    gboolean group = delegation->principal[0] == '@';

    if (is_for (delegation, account))
      add_purse (purses, group ? g_strdup_printf ("g%u", delegation->id) : g_strdup (BOTHY_PAYER_USER),
                 delegation->quota, group);
  }
  if (bridge->is_default || allowed)
    add_purse (purses, g_strdup (BOTHY_PAYER_ALLOWED), self->configuration->max_nics, FALSE);
  return purses;
}

/* ---- weigh ---- */

typedef struct {
  BothyAdmission *admission;
  BothyKnownBridge *bridge;
} Weigh;

static void
weigh_free (Weigh *weigh)
{
  g_object_unref (weigh->bridge);
  g_free (weigh);
}

static void
on_account_to_weigh (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Weigh *weigh = g_task_get_task_data (task);
  g_autoptr (BothyAccount) account = bothy_account_look_up_finish (result);
  g_autoptr (GArray) purses = list_purses (weigh->admission, weigh->bridge, account, FALSE);

  g_task_return_boolean (task, purses->len > 0);
}

void
bothy_admission_weigh (BothyAdmission *self,
                       guint32 user,
                       BothyKnownBridge *bridge,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Weigh *weigh = g_new0 (Weigh, 1);

  weigh->admission = self;
  weigh->bridge = g_object_ref (bridge);
  g_task_set_task_data (task, weigh, (GDestroyNotify)weigh_free);
  look_up_account (bridge, user, on_account_to_weigh, g_object_ref (task));
}

gboolean
bothy_admission_weigh_finish (BothyAdmission *self, GAsyncResult *result)
{
  return g_task_propagate_boolean (G_TASK (result), NULL);
}

/* ---- enter ---- */

typedef struct {
  BothyAdmission *admission;
  guint32 user;
  char *bridge;
  char *name;
  gboolean allowed;
  BothyAccount *account;
} Enter;

static void serve_next (BothyAdmission *self);

static void
leave_bridge (BothyAdmission *self)
{
  self->busy = FALSE;
  tell_closing (self);
  serve_next (self);
}

static void
enter_free (Enter *enter)
{
  g_clear_pointer (&enter->account, bothy_account_free);
  g_free (enter->bridge);
  g_free (enter->name);
  g_free (enter);
}

void
bothy_ticket_free (BothyTicket *self)
{
  leave_bridge (self->admission);
  bothy_nic_free (self->place);
  g_free (self);
}

static void
turn_away (GTask *task, GError *error)
{
  Enter *enter = g_task_get_task_data (task);
  BothyAdmission *self = enter->admission;

  g_task_return_error (task, error);
  g_object_unref (task);
  leave_bridge (self);
}

/* (element-type BothyNic) */
static GPtrArray *
parse_places (char **aliases)
{
  GPtrArray *places = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_nic_free);

  for (char **alias = aliases; *alias; alias++) {
    BothyNic *place = bothy_nic_parse (*alias);

    if (place)
      g_ptr_array_add (places, place);
  }
  return places;
}

static guint
count_nics (GPtrArray *places, const Enter *enter, const Purse *purse)
{
  guint n = 0;

  for (guint i = 0; i < places->len; i++) {
    const BothyNic *place = places->pdata[i];

    /* One of the same name is taken away when the new one comes. */
    n += g_str_equal (place->bridge, enter->bridge) && g_str_equal (place->payer, purse->payer) &&
         (purse->shared || place->owner == enter->user) && g_strcmp0 (place->name, enter->name) != 0;
  }
  return n;
}

/* The smallest that no nic has. */
static char *
choose_name (GPtrArray *places)
{
  g_autoptr (GHashTable) taken = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < places->len; i++)
    g_hash_table_add (taken, GUINT_TO_POINTER (bothy_nic_number (places->pdata[i])));
  for (guint number = 1; number <= BOTHY_NIC_MAX_NUMBER; number++) {
    if (!g_hash_table_contains (taken, GUINT_TO_POINTER (number)))
      return g_strdup_printf (BOTHY_NIC_BY_HAND "%u", number);
  }
  return NULL;
}

static const Purse *
choose_purse (GArray *purses, GPtrArray *places, const Enter *enter, GError **error)
{
  guint most = 0;

  for (guint i = 0; i < purses->len; i++) {
    const Purse *purse = &g_array_index (purses, Purse, i);

    most += purse->quota;
    if (count_nics (places, enter, purse) < purse->quota)
      return purse;
  }
  if (purses->len == 0)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
        "No nics on the bridge %s are delegated to you; an administrator can (bothy bridge delegate)",
        enter->bridge);
  else
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
        "All nics that you may have on the bridge %s are in use: %u; \"bothy nic detach\" gives one back",
        enter->bridge, most);
  return NULL;
}

static BothyTicket *
make_ticket (const Enter *enter, GPtrArray *places, const char *payer, GError **error)
{
  g_autofree char *name = enter->name ? g_strdup (enter->name) : choose_name (places);
  BothyTicket *ticket;

  if (!name) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                 "This machine has as many nics as it may: %u", BOTHY_NIC_MAX_NUMBER);
    return NULL;
  }
  ticket = g_new0 (BothyTicket, 1);
  ticket->admission = enter->admission;
  ticket->place = bothy_nic_new (enter->user, name, enter->bridge, payer);
  ticket->gid = enter->account->gid;
  return ticket;
}

static void
on_nics_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Enter *enter = g_task_get_task_data (task);
  BothyAdmission *self = enter->admission;
  GError *error = NULL;
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, &error);
  BothyKnownBridge *bridge = aliases ? find_open (self, enter->bridge, enter->user, &error) : NULL;
  g_autoptr (GArray) purses = bridge ? list_purses (self, bridge, enter->account, enter->allowed) : NULL;
  g_autoptr (GPtrArray) places = bridge ? parse_places (aliases) : NULL;
  const Purse *purse = bridge ? choose_purse (purses, places, enter, &error) : NULL;
  BothyTicket *ticket = purse ? make_ticket (enter, places, purse->payer, &error) : NULL;

  if (!ticket) {
    turn_away (task, error);
    return;
  }
  g_task_return_pointer (task, ticket, (GDestroyNotify)bothy_ticket_free);
  g_object_unref (task);
}

static void
on_account_to_enter (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Enter *enter = g_task_get_task_data (task);

  enter->account = bothy_account_look_up_finish (result);
  g_queue_push_tail (enter->admission->waiting, task);
  serve_next (enter->admission);
}

static void
serve_next (BothyAdmission *self)
{
  GTask *task = self->busy ? NULL : g_queue_pop_head (self->waiting);

  if (!task)
    return;
  self->busy = TRUE;
  bothy_net_client_list (bothy_network_get_nics (self->network), on_nics_listed, task);
}

void
bothy_admission_enter (BothyAdmission *self,
                       guint32 user,
                       const char *bridge,
                       const char *name,
                       gboolean allowed,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Enter *enter = g_new0 (Enter, 1);
  GError *error = NULL;
  BothyKnownBridge *known = find_open (self, bridge, user, &error);

  enter->admission = self;
  enter->user = user;
  enter->bridge = g_strdup (bridge);
  enter->name = g_strdup (name);
  enter->allowed = allowed;
  g_task_set_task_data (task, enter, (GDestroyNotify)enter_free);
  if (known)
    look_up_account (known, user, on_account_to_enter, task);
  else {
    g_task_return_error (task, error);
    g_object_unref (task);
  }
}

BothyTicket *
bothy_admission_enter_finish (BothyAdmission *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- */

BothyAdmission *
bothy_admission_new (BothyBridges *bridges, BothyNetwork *network, const BothyConfiguration *configuration)
{
  BothyAdmission *self = g_new0 (BothyAdmission, 1);

  self->bridges = bridges;
  self->network = network;
  self->configuration = configuration;
  self->waiting = g_queue_new ();
  self->closing = g_queue_new ();
  self->closed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_signal_connect (bridges, "gone", G_CALLBACK (on_bridge_gone), self);
  return self;
}

void
bothy_admission_free (BothyAdmission *self)
{
  g_signal_handlers_disconnect_by_data (self->bridges, self);
  g_queue_free_full (self->waiting, g_object_unref);
  g_queue_free_full (self->closing, g_object_unref);
  g_hash_table_unref (self->closed);
  g_free (self);
}
