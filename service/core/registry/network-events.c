/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/network-events.h"

#define RELEASE_SECONDS 3
#define GONE_MS         200

struct _BothyNetworkEvents {
  GObject parent;
  BothyNetwork *network;
  BothyNetworkRepair *repair;
  BothyContainers *containers;
  BothyByhandNics *nics;
  guint release_timer; /* until the network goes that nobody needs */
  guint gone_timer;    /* until it is looked which nics have gone */
};

G_DEFINE_FINAL_TYPE (BothyNetworkEvents, bothy_network_events, G_TYPE_OBJECT)

/* Whether anybody has, or may soon have, a nic. */
static gboolean
is_needed (BothyNetworkEvents *self)
{
  return bothy_containers_count (self->containers) > 0 || bothy_byhand_nics_count (self->nics) > 0;
}

/* Not at once: who runs one container after the other would have the bridge made each time. */
static gboolean
on_release_timer (gpointer user_data)
{
  BothyNetworkEvents *self = user_data;

  self->release_timer = 0;
  if (!is_needed (self))
    bothy_network_release (self->network);
  return G_SOURCE_REMOVE;
}

/* A container or a nic by hand has gone. */
static void
on_removed (BothyNetworkEvents *self)
{
  if (!is_needed (self) && self->release_timer == 0)
    self->release_timer = g_timeout_add_seconds (RELEASE_SECONDS, on_release_timer, self);
}

/* The first survey: what an earlier bothyd left that was killed is not known before. */
static void
on_surveyed (BothyNetworkEvents *self)
{
  if (is_needed (self))
    bothy_network_tidy (self->network);
  else
    bothy_network_release (self->network);
}

/* NetworkManager was away; the default bridge has lost its ports. BRIDGE: one of the LAN came up; NULL: all did. */
static void
repair_nics (BothyNetworkEvents *self, const char *bridge)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);

  for (GList *l = containers; l; l = l->next) {
    const BothyContainerNetwork *wanted = ((BothyContainer *)l->data)->spec->network;

    if (!bridge || g_strcmp0 (wanted->bridge, bridge) == 0)
      bothy_network_repair_begin (self->repair, l->data);
  }
}

static void
on_network_lost (BothyNetworkEvents *self)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);
  const char *problem = bothy_default_bridge_get_problem (bothy_network_get_bridge (self->network));

  for (GList *l = containers; l; l = l->next) {
    if (!((BothyContainer *)l->data)->spec->network->bridge)
      bothy_network_repair_tell (self->repair, l->data, problem);
  }
}

static void
on_network_back (BothyNetworkEvents *self)
{
  repair_nics (self, NULL);
}

/* bothy-net was away: all nics, on whatever bridge. */
static void
on_nics_lost (BothyNetworkEvents *self)
{
  repair_nics (self, NULL);
  bothy_byhand_nics_survey (self->nics, BOTHY_BYHAND_LOST, NULL);
}

static void
on_bridge_up (BothyNetworkEvents *self, const char *name)
{
  repair_nics (self, name);
  bothy_byhand_nics_survey (self->nics, BOTHY_BYHAND_BRIDGE_UP, name);
}

static gboolean
on_gone_timer (gpointer user_data)
{
  BothyNetworkEvents *self = user_data;

  self->gone_timer = 0;
  bothy_byhand_nics_survey (self->nics, BOTHY_BYHAND_GONE, NULL);
  return G_SOURCE_REMOVE;
}

/* Namespaces often go together. */
static void
on_nic_gone (BothyNetworkEvents *self)
{
  if (self->gone_timer == 0 && bothy_byhand_nics_count (self->nics) > 0)
    self->gone_timer = g_timeout_add (GONE_MS, on_gone_timer, self);
}

static void
bothy_network_events_finalize (GObject *object)
{
  BothyNetworkEvents *self = BOTHY_NETWORK_EVENTS (object);

  if (self->release_timer)
    g_source_remove (self->release_timer);
  if (self->gone_timer)
    g_source_remove (self->gone_timer);
  g_object_unref (self->network);
  g_object_unref (self->repair);
  g_object_unref (self->containers);
  g_object_unref (self->nics);
  G_OBJECT_CLASS (bothy_network_events_parent_class)->finalize (object);
}

static void
bothy_network_events_class_init (BothyNetworkEventsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_network_events_finalize;
}

static void
bothy_network_events_init (BothyNetworkEvents *self)
{
}

static void
follow (BothyNetworkEvents *self, gpointer object, const char *signal, GCallback callback)
{
  g_signal_connect_object (object, signal, callback, self, G_CONNECT_SWAPPED);
}

BothyNetworkEvents *
bothy_network_events_new (BothyNetwork *network,
                          BothyBridges *bridges,
                          BothyNetworkRepair *repair,
                          BothyContainers *containers,
                          BothyByhandNics *nics)
{
  BothyNetworkEvents *self = g_object_new (BOTHY_TYPE_NETWORK_EVENTS, NULL);
  BothyBridgeMonitor *monitor = bothy_bridges_get_watch (bridges);

  self->network = g_object_ref (network);
  self->repair = g_object_ref (repair);
  self->containers = g_object_ref (containers);
  self->nics = g_object_ref (nics);
  follow (self, monitor, "up", G_CALLBACK (on_bridge_up));
  follow (self, monitor, "nic-gone", G_CALLBACK (on_nic_gone));
  follow (self, bothy_network_get_nics (network), "lost", G_CALLBACK (on_nics_lost));
  follow (self, network, "lost", G_CALLBACK (on_network_lost));
  follow (self, network, "back", G_CALLBACK (on_network_back));
  follow (self, containers, "removed", G_CALLBACK (on_removed));
  follow (self, nics, "settled", G_CALLBACK (on_removed));
  follow (self, nics, "surveyed", G_CALLBACK (on_surveyed));
  return self;
}
