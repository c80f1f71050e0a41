/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/demands.h"

#define MAX_UNDER_WAY 64 /* requests to listen, or others of bothy-net's would have no room */
#define AGAIN_SECONDS 10 /* after one has failed: what has the port may go */

typedef struct {
  BothyRegistry *registry;
  BothyContainers *containers;
  BothyNetwork *network;
  BothyDemandFunc demanded;
  gpointer user_data;
  GHashTable *all; /* BothyContainer → Demand, of those that are, or were, started on demand */
  guint32 last_ticket;
  guint under_way; /* requests to listen */
  gboolean tidy;   /* what is listened at for nobody goes, once all is asked for */
  guint again;     /* until what has failed is tried again */
} Demands;

/* A port that bothy-net was asked to listen at. */
typedef struct {
  BothyPort port;
  guint32 ticket;
  gboolean paused;
  gboolean spent;  /* it has told of somebody, or is gone: it has to be asked again */
  gboolean failed; /* the last time, as was told */
} Asked;

typedef struct {
  Demands *demands;
  BothyContainer *container;
  GArray *asked;    /* Asked */
  gboolean started; /* somebody connected, and nothing came of that yet */
  gboolean ran;     /* it ran, or was about to, and that was not looked at yet */
  guint failures;   /* in a row */
  guint timer;      /* until nobody is refused any more */
} Demand;

/* ---- what bothy-net is asked for ---- */

static void look_at_all (Demands *self);

typedef struct {
  Demands *demands;
  BothyContainer *container;
  guint32 ticket;
} Listening;

static Asked *
find_ticket (const Demand *demand, guint32 ticket)
{
  for (guint i = 0; demand && i < demand->asked->len; i++) {
    Asked *asked = &g_array_index (demand->asked, Asked, i);

    if (asked->ticket == ticket)
      return asked;
  }
  return NULL;
}

static gboolean
on_again (gpointer user_data)
{
  Demands *self = user_data;

  self->again = 0;
  look_at_all (self);
  return G_SOURCE_REMOVE;
}

static void
note_failure (Demands *self, BothyContainer *container, Asked *asked, const GError *error)
{
  g_autofree char *port = bothy_port_describe (&asked->port);

  if (!asked->failed)
    g_message ("Container %s is not started by who connects to port %s: %s", container->id, port,
               error->message);
  asked->failed = asked->spent = TRUE;
  if (!self->again)
    self->again = g_timeout_add_seconds (AGAIN_SECONDS, on_again, self);
}

static void
on_listening (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Listening *listening = user_data;
  g_autoptr (BothyContainer) container = listening->container;
  Demands *self = listening->demands;
  /* NULL: it was taken back, or asked for anew, meanwhile. */
  Asked *asked = find_ticket (g_hash_table_lookup (self->all, container), listening->ticket);
  g_autoptr (GError) error = NULL;
  gboolean listens = bothy_network_listen_finish (BOTHY_NETWORK (source), result, &error);

  if (asked && listens)
    asked->failed = FALSE;
  else if (asked)
    note_failure (self, container, asked, error);
  if (--self->under_way == 0)
    look_at_all (self);
}

static void
listen_at (Demand *demand, Asked *asked, gboolean paused)
{
  Demands *self = demand->demands;
  Listening *listening;

  /* It has its turn when these are answered. */
  if (self->under_way == MAX_UNDER_WAY) {
    asked->spent = TRUE;
    return;
  }
  self->under_way++;
  listening = g_new0 (Listening, 1);
  listening->demands = self;
  listening->container = g_object_ref (demand->container);
  /* A ticket of its own each time: what was told before this was asked is old. */
  listening->ticket = asked->ticket = ++self->last_ticket;
  asked->paused = paused;
  asked->spent = FALSE;
  bothy_network_listen (self->network, &asked->port, asked->ticket, paused, on_listening, listening);
}

static const BothyPort *
find_port (const Demand *demand, const BothyPort *port)
{
  const BothyPort *found = bothy_port_find (demand->container->spec->ports, port);

  return found && !found->udp ? found : NULL;
}

static Asked *
find_asked (const Demand *demand, const BothyPort *port)
{
  for (guint i = 0; i < demand->asked->len; i++) {
    Asked *asked = &g_array_index (demand->asked, Asked, i);

    if (asked->port.host == port->host && g_str_equal (asked->port.address, port->address))
      return asked;
  }
  return NULL;
}

/* Ports that lead to it no more are free at once, whatever it does: another container may get them, and be asked for. */
static void
forget_removed (Demand *demand)
{
  for (guint i = demand->asked->len; i > 0; i--) {
    const Asked *asked = &g_array_index (demand->asked, Asked, i - 1);

    if (find_port (demand, &asked->port))
      continue;
    bothy_network_unlisten (demand->demands->network, &asked->port, asked->ticket);
    g_array_remove_index_fast (demand->asked, i - 1);
  }
}

/* Listen, or refuse, at each port of TCP that leads to it. */
static void
ask (Demand *demand, gboolean paused)
{
  const GArray *ports = demand->container->spec->ports;

  for (guint i = 0; i < ports->len; i++) {
    const BothyPort *port = &g_array_index (ports, BothyPort, i);
    Asked *asked = port->udp ? NULL : find_asked (demand, port);
    Asked new = { .port = *port, .spent = TRUE };

    if (port->udp)
      continue;
    if (!asked) {
      g_array_append_val (demand->asked, new);
      asked = &g_array_index (demand->asked, Asked, demand->asked->len - 1);
    }
    if (asked->failed && demand->demands->again)
      continue;
    if (asked->spent || asked->paused != paused)
      listen_at (demand, asked, paused);
  }
}

/* Ports that lead to it by now stay. */
static void
withdraw (Demand *demand)
{
  for (guint i = 0; i < demand->asked->len; i++) {
    const Asked *asked = &g_array_index (demand->asked, Asked, i);

    bothy_network_unlisten (demand->demands->network, &asked->port, asked->ticket);
  }
  g_array_set_size (demand->asked, 0);
}

/* ---- how it is with a container ---- */

static void look_at (Demand *demand);

static void
end_pause (Demand *demand)
{
  if (demand->timer)
    g_source_remove (demand->timer);
  demand->timer = 0;
}

static gboolean
on_timer (gpointer user_data)
{
  Demand *demand = user_data;

  demand->timer = 0;
  look_at (demand);
  return G_SOURCE_REMOVE;
}

/* Who stops it has his reasons; and a run that was long enough counts as a good one. */
static gboolean
went_well (const Demand *demand)
{
  BothyStateReason reason = demand->container->reason;

  return demand->ran && (bothy_container_ran_steadily (demand->container) || reason == BOTHY_REASON_ASKED ||
                         reason == BOTHY_REASON_ADMINISTRATOR);
}

static void
judge (Demand *demand)
{
  end_pause (demand);
  demand->failures = went_well (demand) ? 0 : demand->failures + 1;
  demand->started = demand->ran = FALSE;
  if (demand->failures > 0 && demand->failures < BOTHY_RESTART_MAX_IN_A_ROW)
    demand->timer = g_timeout_add (bothy_restart_get_delay (demand->failures), on_timer, demand);
}

static gboolean
is_on_demand (const Demand *demand)
{
  const BothyContainer *container = demand->container;

  return container->spec->autostart.mode == BOTHY_AUTOSTART_ON_DEMAND &&
         container->spec->network->kind == BOTHY_CONTAINER_NETWORK_NAT &&
         bothy_registry_get_configuration (demand->demands->registry)->max_autostarts > 0;
}

static void
look_at (Demand *demand)
{
  BothyContainer *container = demand->container;

  forget_removed (demand);
  if (!is_on_demand (demand)) {
    end_pause (demand);
    withdraw (demand);
    demand->failures = 0;
    demand->started = demand->ran = FALSE;
  } else if (bothy_container_is_active (container)) {
    end_pause (demand);
    demand->ran = TRUE;
    if (container->state == BOTHY_CONTAINER_RUNNING && !container->busy)
      withdraw (demand);
  } else if (!container->busy && !container->due) {
    if (demand->started || demand->ran)
      judge (demand);
    ask (demand, demand->failures > 0 && (demand->timer || demand->failures >= BOTHY_RESTART_MAX_IN_A_ROW));
  }
}

static gboolean
is_all_asked_for (Demands *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->all);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Demand *demand = value;

    for (guint i = 0; i < demand->asked->len; i++)
      if (g_array_index (demand->asked, Asked, i).spent && !g_array_index (demand->asked, Asked, i).failed)
        return FALSE;
  }
  return self->under_way == 0;
}

/* What waits for its turn to be asked for is asked for, and what nobody asks for any more goes then. */
static void
look_at_all (Demands *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->all);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    look_at (value);
  if (self->tidy && is_all_asked_for (self)) {
    self->tidy = FALSE;
    bothy_network_unlisten (self->network, NULL, 0);
  }
}

/* ---- what happens ---- */

static void
on_changed (BothyContainer *container, gpointer user_data)
{
  look_at (user_data);
}

static void
demand_free (gpointer data)
{
  Demand *demand = data;

  g_signal_handlers_disconnect_by_data (demand->container, demand);
  end_pause (demand);
  withdraw (demand);
  g_array_unref (demand->asked);
  g_object_unref (demand->container);
  g_free (demand);
}

static void
on_added (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  Demands *self = user_data;
  Demand *demand = g_new0 (Demand, 1);

  demand->demands = self;
  demand->container = g_object_ref (container);
  demand->asked = g_array_new (FALSE, FALSE, sizeof (Asked));
  g_hash_table_insert (self->all, container, demand);
  g_signal_connect (container, "changed", G_CALLBACK (on_changed), demand);
  look_at (demand);
}

static void
on_removed (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  g_hash_table_remove (((Demands *)user_data)->all, container);
}

static void
on_settled (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  Demand *demand = g_hash_table_lookup (((Demands *)user_data)->all, container);

  if (demand)
    look_at (demand);
}

/* Whoever comes while something else is done to it waits until that is over: then it is asked again, and told again. */
static void
on_knock (BothyNetClient *nics, guint ticket, gpointer user_data)
{
  Demands *self = user_data;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->all);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Demand *demand = value;
    const BothyContainer *container = demand->container;

    for (guint i = 0; i < demand->asked->len; i++) {
      if (g_array_index (demand->asked, Asked, i).ticket != ticket)
        continue;
      /* Before anything is done that changes which ports there are. */
      g_array_index (demand->asked, Asked, i).spent = TRUE;
      if (!bothy_container_is_active (demand->container) && !container->busy && !container->due) {
        demand->started = TRUE;
        self->demanded (demand->container, self->user_data);
      }
      return;
    }
  }
}

/* bothy-net listens at what systemd kept for it, and knows nobody to tell. */
static void
on_lost (BothyNetClient *nics, gpointer user_data)
{
  Demands *self = user_data;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->all);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Demand *demand = value;

    for (guint i = 0; i < demand->asked->len; i++)
      g_array_index (demand->asked, Asked, i).spent = TRUE;
  }
  self->tidy = TRUE;
  look_at_all (self);
}

void
bothy_registry_begin_demands (BothyRegistry *registry, BothyDemandFunc demanded, gpointer user_data)
{
  Demands *self = g_new0 (Demands, 1);
  g_autoptr (GList) list = NULL;
  BothyNetClient *nics;

  self->registry = g_object_ref (registry);
  self->containers = g_object_ref (bothy_registry_get_containers (registry));
  self->network = g_object_ref (bothy_registry_get_network (registry));
  self->demanded = demanded;
  self->user_data = user_data;
  self->all = g_hash_table_new_full (NULL, NULL, NULL, demand_free);
  list = bothy_containers_list (self->containers);
  for (GList *l = list; l; l = l->next)
    on_added (self->containers, l->data, self);
  /* What an earlier bothyd asked for, and did not come to take back. */
  self->tidy = TRUE;
  look_at_all (self);
  nics = bothy_network_get_nics (self->network);
  g_signal_connect (self->containers, "added", G_CALLBACK (on_added), self);
  g_signal_connect (self->containers, "removed", G_CALLBACK (on_removed), self);
  g_signal_connect (self->containers, "settled", G_CALLBACK (on_settled), self);
  g_signal_connect (nics, "knock", G_CALLBACK (on_knock), self);
  g_signal_connect (nics, "lost", G_CALLBACK (on_lost), self);
}
