/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/etc-hosts.h"

#include <string.h>

struct _BothyEtcHosts {
  GObject parent;
  BothyContainers *containers;
  GHashTable *pauses; /* uid → Pause, of owners whose containers were told of each other just now */
};

G_DEFINE_FINAL_TYPE (BothyEtcHosts, bothy_etc_hosts, G_TYPE_OBJECT)

static void
add_lines (GString *lines, const BothyContainer *container)
{
  for (char **address = container->addresses; *address; address++) {
    g_autofree char *bare = g_strndup (*address, strcspn (*address, "/"));

    g_string_append_printf (lines, "%s\t%s.bothy %s\n", bare, container->spec->name, container->spec->name);
  }
}

static gboolean
is_neighbour (const BothyContainer *container, guint32 owner)
{
  return container->owner == owner && container->supervisor && container->addresses[0];
}

/* Found running by a new broker, and not yet looked after: nobody is to forget it meanwhile. */
static gboolean
is_expected (const BothyContainer *container, guint32 owner)
{
  return container->owner == owner && container->supervisor &&
         container->spec->network->kind == BOTHY_CONTAINER_NETWORK_NAT && !container->addresses[0] &&
         !*container->network_error;
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error))
    g_message ("Names in /etc/hosts: %s", error->message);
}

static void
send_lines (BothySupervisor *supervisor, const char *lines)
{
  struct supervisor_message message = { .type = SUPERVISOR_HOSTS };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, lines);
  bothy_supervisor_call (supervisor, message, text, NULL, on_told, NULL);
}

/* The names of OWNER's; NULL: not all are known yet. */
static GString *
list_names (GList *containers, guint32 owner)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  for (GList *l = containers; l; l = l->next) {
    if (is_expected (l->data, owner))
      return NULL;
    if (is_neighbour (l->data, owner))
      add_lines (lines, l->data);
  }
  return g_steal_pointer (&lines);
}

/* Tell ONE of OWNER's, or all if it is NULL. Returns how many were told. */
static guint
tell_containers (BothyEtcHosts *self, guint32 owner, const BothyContainer *one)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);
  g_autoptr (GString) lines = list_names (containers, owner);
  guint told = 0;

  for (GList *l = lines ? containers : NULL; l; l = l->next) {
    if (is_neighbour (l->data, owner) && (!one || l->data == one)) {
      send_lines (((BothyContainer *)l->data)->supervisor, lines->str);
      told++;
    }
  }
  return told;
}

/*
 * Who starts many containers would have all of them woken up for each. The pause grows with their
 * number, so that telling them stays a small and constant part of what starting one costs; of a few
 * it is shorter than a start takes, so they know the next one when its start is answered.
 */
#define PAUSE_ONE_MS 10

typedef struct {
  BothyEtcHosts *hosts;
  guint32 owner;
  guint timer;
  gboolean again; /* something changed meanwhile */
} Pause;

static void
pause_free (gpointer data)
{
  Pause *pause = data;

  if (pause->timer)
    g_source_remove (pause->timer);
  g_free (pause);
}

static gboolean on_pause_over (gpointer user_data);

static void
wait_after (Pause *pause, guint told)
{
  pause->timer = g_timeout_add (MAX (1, told) * PAUSE_ONE_MS, on_pause_over, pause);
}

static gboolean
on_pause_over (gpointer user_data)
{
  Pause *pause = user_data;

  pause->timer = 0;
  if (pause->again) {
    pause->again = FALSE;
    wait_after (pause, tell_containers (pause->hosts, pause->owner, NULL));
  } else
    g_hash_table_remove (pause->hosts->pauses, GUINT_TO_POINTER (pause->owner));
  return G_SOURCE_REMOVE;
}

void
bothy_etc_hosts_tell (BothyEtcHosts *self, BothyContainer *container)
{
  Pause *pause = g_hash_table_lookup (self->pauses, GUINT_TO_POINTER (container->owner));
  guint told = tell_containers (self, container->owner, pause ? container : NULL);

  if (pause) {
    pause->again = TRUE;
    return;
  }
  pause = g_new0 (Pause, 1);
  pause->hosts = self;
  pause->owner = container->owner;
  g_hash_table_insert (self->pauses, GUINT_TO_POINTER (container->owner), pause);
  wait_after (pause, told);
}

/* ---- what containers do ---- */

/* Its first process may look for the names at once. */
static void
on_beginning (BothyEtcHosts *self, BothyContainer *container, BothySupervisor *supervisor)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);
  GString *known = list_names (containers, container->owner);
  g_autoptr (GString) lines = known ? known : g_string_new (NULL);

  if (!container->addresses[0])
    return;
  add_lines (lines, container);
  send_lines (supervisor, lines->str);
}

static void
on_readdressed (BothyEtcHosts *self, BothyContainer *container)
{
  if (container->supervisor)
    bothy_etc_hosts_tell (self, container);
}

static void
on_ended (BothyEtcHosts *self, BothyContainer *container)
{
  bothy_etc_hosts_tell (self, container);
}

/* ---- */

static void
bothy_etc_hosts_finalize (GObject *object)
{
  BothyEtcHosts *self = BOTHY_ETC_HOSTS (object);

  g_hash_table_unref (self->pauses);
  g_object_unref (self->containers);
  G_OBJECT_CLASS (bothy_etc_hosts_parent_class)->finalize (object);
}

static void
bothy_etc_hosts_class_init (BothyEtcHostsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_etc_hosts_finalize;
}

static void
bothy_etc_hosts_init (BothyEtcHosts *self)
{
  self->pauses = g_hash_table_new_full (NULL, NULL, NULL, pause_free);
}

BothyEtcHosts *
bothy_etc_hosts_new (BothyContainers *containers)
{
  BothyEtcHosts *self = g_object_new (BOTHY_TYPE_ETC_HOSTS, NULL);

  self->containers = g_object_ref (containers);
  g_signal_connect_object (containers, "beginning", G_CALLBACK (on_beginning), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (containers, "readdressed", G_CALLBACK (on_readdressed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (containers, "ended", G_CALLBACK (on_ended), self, G_CONNECT_SWAPPED);
  return self;
}
