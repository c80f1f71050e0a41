/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One bridge that nics can be put on. */
#include "core/bridges/bridges-private.h"

G_DEFINE_FINAL_TYPE (BothyKnownBridge, bothy_known_bridge, G_TYPE_OBJECT)

static guint changed_signal;

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

void
bothy_known_bridge_changed (BothyKnownBridge *self)
{
  g_signal_emit (self, changed_signal, 0);
}
