/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the registry does about networks that come and go. */
#include "core/registry/registry-private.h"

#include "core/byhand/nics.h"

#define RELEASE_SECONDS 3
#define GONE_MS         200

/* Not at once: who runs one container after the other would have the bridge made each time. */
static gboolean
on_release_timer (gpointer user_data)
{
  BothyRegistry *self = user_data;

  self->release_timer = 0;
  if (!bothy_registry_needs_network (self))
    bothy_network_release (self->network);
  return G_SOURCE_REMOVE;
}

gboolean
bothy_registry_needs_network (BothyRegistry *self)
{
  return g_hash_table_size (self->containers) > 0 || g_hash_table_size (self->hand_nics) > 0;
}

void
bothy_registry_check_network (BothyRegistry *self)
{
  if (!bothy_registry_needs_network (self) && self->release_timer == 0)
    self->release_timer = g_timeout_add_seconds (RELEASE_SECONDS, on_release_timer, self);
  bothy_registry_settle (self);
}

/* NetworkManager was away; the bridge has lost its ports. */
static void
on_network_back (BothyRegistry *self)
{
  GHashTableIter iter;
  gpointer container;

  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &container)) {
    bothy_network_repair_begin (bothy_runner_get_repair (self->runner), container);
  }
}

/* All nics, on whatever bridge. */
static void
on_nics_lost (BothyRegistry *self)
{
  on_network_back (self);
  bothy_byhand_survey_nics (self, BOTHY_BYHAND_LOST, NULL);
}

/* The same for a bridge of the LAN, and for nics by hand. */
static void
on_bridge_up (BothyRegistry *self, const char *name)
{
  GHashTableIter iter;
  gpointer container;

  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &container)) {
    if (g_strcmp0 (bothy_container_lan (container), name) == 0)
      bothy_network_repair_begin (bothy_runner_get_repair (self->runner), container);
  }
  bothy_byhand_survey_nics (self, BOTHY_BYHAND_BRIDGE_UP, name);
}

static gboolean
on_gone_timer (gpointer user_data)
{
  BothyRegistry *self = user_data;

  self->gone_timer = 0;
  bothy_byhand_survey_nics (self, BOTHY_BYHAND_GONE, NULL);
  return G_SOURCE_REMOVE;
}

/* Namespaces often go together. */
static void
on_nic_gone (BothyRegistry *self)
{
  if (self->gone_timer == 0 && g_hash_table_size (self->hand_nics) > 0)
    self->gone_timer = g_timeout_add (GONE_MS, on_gone_timer, self);
}

void
bothy_registry_watch_network (BothyRegistry *self)
{
  BothyBridgeMonitor *watch = bothy_bridges_get_watch (self->bridges);

  g_signal_connect_object (watch, "up", G_CALLBACK (on_bridge_up), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (watch, "nic-gone", G_CALLBACK (on_nic_gone), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (bothy_network_get_nics (self->network), "lost", G_CALLBACK (on_nics_lost), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->network, "back", G_CALLBACK (on_network_back), self, G_CONNECT_SWAPPED);
}
