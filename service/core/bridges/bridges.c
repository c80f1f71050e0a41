/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/bridges/bridges.h"

#include "core/accounts/nss.h"
#include "base/error.h"
#include "network/default-bridge.h"

#include <string.h>

#define READY_SECONDS 3

struct _BothyBridges {
  GObject parent;
  BothyBridgeMonitor *watch;
  BothyDelegations *delegations;
  GHashTable *known; /* name → BothyKnownBridge */
  char *subnet;
  GQueue *waiting; /* GTask */
  guint timer;
  gboolean ready;
};

G_DEFINE_FINAL_TYPE (BothyBridges, bothy_bridges, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE (BothyKnownBridge, bothy_known_bridge, G_TYPE_OBJECT)

enum { ADDED, REMOVED, GONE, N_SIGNALS };
static guint signals[N_SIGNALS];
static guint changed_signal; /* of a known bridge */

/* ---- one bridge ---- */

gboolean
bothy_known_bridge_is_visible (BothyKnownBridge *self, guint32 user)
{
  if (!self->facts->users || user == 0)
    return TRUE;
  for (guint i = 0; self->uids && i < self->uids->len; i++) {
    if (g_array_index (self->uids, guint32, i) == user)
      return TRUE;
  }
  return FALSE;
}

GPtrArray *
bothy_known_bridge_list_delegations (BothyKnownBridge *self)
{
  return bothy_delegations_list (self->bridges->delegations, self->facts->name);
}

static void
bothy_known_bridge_finalize (GObject *object)
{
  BothyKnownBridge *self = BOTHY_KNOWN_BRIDGE (object);

  g_clear_pointer (&self->facts, bothy_bridge_facts_free);
  g_clear_pointer (&self->uids, g_array_unref);
  G_OBJECT_CLASS (bothy_known_bridge_parent_class)->finalize (object);
}

static void
bothy_known_bridge_class_init (BothyKnownBridgeClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_known_bridge_finalize;
  changed_signal = g_signal_new ("changed", BOTHY_TYPE_KNOWN_BRIDGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
bothy_known_bridge_init (BothyKnownBridge *self)
{
}

/* ---- who may know of it ---- */

typedef struct {
  BothyBridges *bridges;
  BothyKnownBridge *bridge;
  char **users;
} Resolution;

static gboolean
same_users (char **a, char **b)
{
  if (!a || !b)
    return a == b;
  return g_strv_equal ((const char *const *)a, (const char *const *)b);
}

static void
show_bridge (BothyBridges *self, BothyKnownBridge *bridge)
{
  g_hash_table_insert (self->known, bridge->facts->name, g_object_ref (bridge));
  g_signal_emit (self, signals[ADDED], 0, bridge);
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Resolution *resolution = user_data;
  g_autoptr (BothyBridges) self = resolution->bridges;
  g_autoptr (BothyKnownBridge) bridge = resolution->bridge;
  g_auto (GStrv) users = resolution->users;
  g_autoptr (GArray) uids = bothy_account_resolve_all_finish (result);

  /* The profile may say something else by now, or be gone. */
  if (g_hash_table_lookup (self->known, bridge->facts->name) != bridge ||
      !same_users (bridge->facts->users, users))
    return;
  /* Those who see it hear that it is there: as a new one. */
  g_hash_table_steal (self->known, bridge->facts->name);
  g_signal_emit (self, signals[REMOVED], 0, bridge);
  g_object_unref (bridge);
  g_clear_pointer (&bridge->uids, g_array_unref);
  bridge->uids = g_steal_pointer (&uids);
  show_bridge (self, bridge);
}

static void
resolve_users (BothyBridges *self, BothyKnownBridge *bridge)
{
  Resolution *resolution;

  if (!bridge->facts->users)
    return;
  resolution = g_new0 (Resolution, 1);
  resolution->bridges = g_object_ref (self);
  resolution->bridge = g_object_ref (bridge);
  resolution->users = g_strdupv (bridge->facts->users);
  bothy_account_resolve_all (bridge->facts->users, on_resolved, resolution);
}

/* ---- all ---- */

static void
add_bridge (BothyBridges *self, BothyBridgeFacts *facts)
{
  g_autoptr (BothyKnownBridge) bridge = g_object_new (BOTHY_TYPE_KNOWN_BRIDGE, NULL);

  bridge->facts = facts;
  bridge->bridges = self;
  bridge->is_default = g_str_equal (facts->name, BOTHY_BRIDGE_NAME);
  show_bridge (self, bridge);
  resolve_users (self, bridge);
}

static void
drop_bridge (BothyBridges *self, BothyKnownBridge *bridge)
{
  g_autoptr (BothyKnownBridge) kept = g_object_ref (bridge);

  g_hash_table_remove (self->known, bridge->facts->name);
  g_signal_emit (self, signals[REMOVED], 0, bridge);
}

static void
update_bridge (BothyBridges *self, BothyBridgeFacts *facts)
{
  BothyKnownBridge *bridge = g_hash_table_lookup (self->known, facts->name);

  /* Another circle of users: for some it goes, for others it comes. */
  if (bridge && !same_users (bridge->facts->users, facts->users)) {
    drop_bridge (self, bridge);
    bridge = NULL;
  }
  if (!bridge) {
    add_bridge (self, facts);
    return;
  }
  g_hash_table_steal (self->known, bridge->facts->name);
  bothy_bridge_facts_free (bridge->facts);
  bridge->facts = facts;
  g_hash_table_insert (self->known, facts->name, bridge);
  g_signal_emit (bridge, changed_signal, 0);
}

/* Bothy's own is made when it is needed, so it is always shown, and for everybody. */
static void
make_default (BothyBridges *self, BothyBridgeFacts *facts)
{
  facts->nat = TRUE;
  facts->ours = FALSE;
  g_clear_pointer (&facts->users, g_strfreev);
  if (!facts->subnet || !*facts->subnet)
    facts->subnet = (g_free (facts->subnet), g_strdup (self->subnet));
  if (!facts->connection || !*facts->connection)
    facts->connection = (g_free (facts->connection), g_strdup (BOTHY_BRIDGE_UUID));
}

static BothyBridgeFacts *
default_facts (BothyBridges *self)
{
  BothyBridgeFacts *facts = g_new0 (BothyBridgeFacts, 1);

  facts->name = g_strdup (BOTHY_BRIDGE_NAME);
  make_default (self, facts);
  return facts;
}

static void
drop_missing (BothyBridges *self, GHashTable *present)
{
  g_autoptr (GList) known = g_hash_table_get_values (self->known);

  for (GList *l = known; l; l = l->next) {
    g_autoptr (BothyKnownBridge) bridge = g_object_ref (l->data);

    if (bridge->is_default || g_hash_table_contains (present, bridge->facts->name))
      continue;
    drop_bridge (self, bridge);
    g_signal_emit (self, signals[GONE], 0, bridge);
  }
}

static void
set_ready (BothyBridges *self)
{
  GTask *task;

  self->ready = TRUE;
  if (self->timer)
    g_source_remove (self->timer);
  self->timer = 0;
  while ((task = g_queue_pop_head (self->waiting))) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

static void
on_watch_changed (BothyBridges *self)
{
  g_autoptr (GPtrArray) list = bothy_bridge_monitor_list (self->watch);
  g_autoptr (GHashTable) present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  while (list->len > 0) {
    BothyBridgeFacts *facts = g_ptr_array_steal_index (list, 0);

    g_hash_table_add (present, g_strdup (facts->name));
    if (g_str_equal (facts->name, BOTHY_BRIDGE_NAME))
      make_default (self, facts);
    update_bridge (self, facts);
  }
  if (!g_hash_table_contains (present, BOTHY_BRIDGE_NAME))
    update_bridge (self, default_facts (self));
  drop_missing (self, present);
  set_ready (self);
}

static gboolean
on_ready_timeout (gpointer user_data)
{
  BothyBridges *self = user_data;

  self->timer = 0;
  set_ready (self);
  return G_SOURCE_REMOVE;
}

void
bothy_bridges_wait (BothyBridges *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  if (self->ready) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  } else
    g_queue_push_tail (self->waiting, task);
}

void
bothy_bridges_wait_finish (BothyBridges *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (((const BothyKnownBridge *)a)->facts->name, ((const BothyKnownBridge *)b)->facts->name);
}

GList *
bothy_bridges_list (BothyBridges *self)
{
  return g_list_sort (g_hash_table_get_values (self->known), compare_names);
}

BothyKnownBridge *
bothy_bridges_find (BothyBridges *self, const char *name)
{
  return g_hash_table_lookup (self->known, name);
}

BothyKnownBridge *
bothy_bridges_find_for (BothyBridges *self, const char *name, guint32 user, GError **error)
{
  BothyKnownBridge *bridge = bothy_bridges_find (self, name);

  if (bridge && bothy_known_bridge_is_visible (bridge, user))
    return bridge;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_BRIDGE,
               "There is no bridge %s that you may see; \"bothy bridge list\" shows them", name);
  return NULL;
}

BothyBridgeMonitor *
bothy_bridges_get_watch (BothyBridges *self)
{
  return self->watch;
}

/* ---- giving away nics on a bridge, and taking that back ---- */

typedef struct {
  BothyKnownBridge *bridge;
  char *principal;
  guint quota;
} Delegate;

static void
delegate_free (Delegate *delegate)
{
  g_object_unref (delegate->bridge);
  g_free (delegate->principal);
  g_free (delegate);
}

static void
on_principal_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyBridges *self = g_task_get_source_object (task);
  Delegate *delegate = g_task_get_task_data (task);
  GError *error = NULL;
  guint32 id;

  if (!bothy_account_resolve_finish (result, &id, &error) ||
      !bothy_delegations_set (self->delegations, delegate->bridge->facts->name, delegate->principal, id,
                              delegate->quota, &error)) {
    g_task_return_error (task, error);
    return;
  }
  g_signal_emit (delegate->bridge, changed_signal, 0);
  g_task_return_boolean (task, TRUE);
}

void
bothy_bridges_delegate (BothyBridges *self,
                        BothyKnownBridge *bridge,
                        const char *principal,
                        guint quota,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Delegate *delegate = g_new0 (Delegate, 1);

  delegate->bridge = g_object_ref (bridge);
  delegate->principal = g_strdup (principal);
  delegate->quota = quota;
  g_task_set_task_data (task, delegate, (GDestroyNotify)delegate_free);
  if (bridge->is_default)
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
        "The bridge %s is for everybody; [Quota] Nics in bothyd.conf bounds what a user has on it",
        bridge->facts->name);
  else
    bothy_account_resolve (principal, on_principal_resolved, g_object_ref (task));
}

gboolean
bothy_bridges_delegate_finish (BothyBridges *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
bothy_bridges_revoke (BothyBridges *self, BothyKnownBridge *bridge, const char *principal, GError **error)
{
  if (!bothy_delegations_remove (self->delegations, bridge->facts->name, principal, error))
    return FALSE;
  g_signal_emit (bridge, changed_signal, 0);
  return TRUE;
}

/* ---- */

static void
bothy_bridges_finalize (GObject *object)
{
  BothyBridges *self = BOTHY_BRIDGES (object);

  if (self->timer)
    g_source_remove (self->timer);
  g_hash_table_unref (self->known);
  g_object_unref (self->watch);
  g_queue_free_full (self->waiting, g_object_unref);
  bothy_delegations_free (self->delegations);
  g_free (self->subnet);
  G_OBJECT_CLASS (bothy_bridges_parent_class)->finalize (object);
}

static void
bothy_bridges_class_init (BothyBridgesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_bridges_finalize;
  signals[ADDED] = g_signal_new ("added", BOTHY_TYPE_BRIDGES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, BOTHY_TYPE_KNOWN_BRIDGE);
  signals[REMOVED] = g_signal_new ("removed", BOTHY_TYPE_BRIDGES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, BOTHY_TYPE_KNOWN_BRIDGE);
  signals[GONE] = g_signal_new ("gone", BOTHY_TYPE_BRIDGES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, BOTHY_TYPE_KNOWN_BRIDGE);
}

static void
bothy_bridges_init (BothyBridges *self)
{
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->waiting = g_queue_new ();
}

BothyBridges *
bothy_bridges_new (BothyNm *nm, BothyDelegations *delegations, const char *subnet)
{
  BothyBridges *self = g_object_new (BOTHY_TYPE_BRIDGES, NULL);

  self->delegations = delegations;
  self->subnet = g_strdup (subnet);
  self->watch = bothy_bridge_monitor_new (nm);
  self->timer = g_timeout_add_seconds (READY_SECONDS, on_ready_timeout, self);
  g_signal_connect_object (self->watch, "changed", G_CALLBACK (on_watch_changed), self, G_CONNECT_SWAPPED);
  add_bridge (self, default_facts (self));
  bothy_bridge_monitor_start (self->watch);
  return self;
}
