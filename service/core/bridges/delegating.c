/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving away nics on a bridge, and taking that back. */
#include "core/bridges/bridges-private.h"

#include "core/accounts/nss.h"
#include "base/error.h"

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
on_principal (GObject *source, GAsyncResult *result, gpointer user_data)
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
  bothy_known_bridge_changed (delegate->bridge);
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
    bothy_account_resolve (principal, on_principal, g_object_ref (task));
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
  bothy_known_bridge_changed (bridge);
  return TRUE;
}
