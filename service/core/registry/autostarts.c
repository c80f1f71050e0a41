/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starting unasked. What is about to be started is a Pending:
 *
 *   boot, login ─→ waits for the container that comes first ─→ delay ──┐
 *   it ended ────→ the pause before it is started again ───────────────┤
 *   somebody connected ────────────────────────────────────────────────┴─→ its turn ─→ its owner's account ─→ start
 *
 * The container's "due" says so to everybody else; whoever sets that to something else takes it back, and a Pending that
 * finds it so goes. A bothyd that is killed leaves what is due in the records, and the next one goes on.
 */
#include "core/registry/autostarts.h"

#include "base/error.h"
#include "base/per-user.h"
#include "core/container/history.h"
#include "core/ids/callers.h"
#include "core/registry/demands.h"
#include "core/registry/lifecycle.h"
#include "platform/cgroup-manager.h"
#include "platform/machine.h"

#define MAX_EACH 2    /* starts of one user's at a time, and */
#define MAX_ALL  4    /* of all users together */
#define AGAIN_MS 1000 /* when something else is being done to it */

typedef struct {
  BothyRegistry *registry;
  BothyContainers *containers;
  BothyMarks *marks;
  BothyMachine *machine;
  BothyCallers *callers;
  BothyPerUser *turns;
  GPtrArray *waiting; /* Pending that wait for another container */
  GHashTable *timed;  /* BothyContainer → Pending, whose timer runs */
} BothyAutostarts;

typedef struct {
  BothyAutostarts *autostarts;
  BothyContainer *container;
  guint due;
  BothyStateReason cause;
  guint timer;
} Pending;

static void take_turn (Pending *pending);

/* ---- what is about to be started ---- */

static void
pending_free (Pending *pending)
{
  if (pending->timer)
    g_source_remove (pending->timer);
  g_object_unref (pending->container);
  g_free (pending);
}

/* Whoever waits for a time, and was taken back, does so no longer than until there is another one: a container has one timer,
   however often its owner logs in and stops it. */
static void
drop_timed (BothyAutostarts *self, BothyContainer *container)
{
  Pending *earlier = g_hash_table_lookup (self->timed, container);

  g_hash_table_remove (self->timed, container);
  g_clear_pointer (&earlier, pending_free);
}

static Pending *
pending_new (BothyAutostarts *self, BothyContainer *container, BothyStateReason cause)
{
  Pending *pending = g_new0 (Pending, 1);

  drop_timed (self, container);
  /* Restarts of earlier runs have no part in it. */
  if (cause != BOTHY_REASON_RESTART)
    bothy_container_set_restarts (container, 0);
  pending->autostarts = self;
  pending->container = g_object_ref (container);
  pending->due = bothy_container_set_due (container);
  pending->cause = cause;
  return pending;
}

/* Whether it is still to be started, as far as everybody else is concerned. */
static gboolean
is_due (const Pending *pending)
{
  return pending->container->due == pending->due &&
         bothy_containers_find_by_id (pending->autostarts->containers, pending->container->id) != NULL;
}

/* It is to be started no more: the service may be idle now. */
static void
drop_pending (Pending *pending)
{
  if (is_due (pending))
    bothy_container_clear_due (pending->container);
  pending_free (pending);
}

static void
save (BothyAutostarts *self, BothyContainer *container)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_containers_save (self->containers, container, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

static void
note (BothyAutostarts *self, BothyContainer *container, const char *deed)
{
  bothy_history_note (bothy_containers_get_directory (self->containers), container, BOTHY_NO_USER, deed, "");
}

static gboolean
on_timer (gpointer user_data)
{
  Pending *pending = user_data;

  pending->timer = 0;
  g_hash_table_remove (pending->autostarts->timed, pending->container);
  take_turn (pending);
  return G_SOURCE_REMOVE;
}

static void
wait_ms (Pending *pending, guint ms)
{
  drop_timed (pending->autostarts, pending->container);
  g_hash_table_insert (pending->autostarts->timed, pending->container, pending);
  pending->timer = g_timeout_add (ms, on_timer, pending);
}

/* ---- its turn ---- */

static void
return_turn (Pending *pending)
{
  bothy_per_user_release (pending->autostarts->turns, pending->container->owner);
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Pending *pending = user_data;
  g_autoptr (GError) error = NULL;
  gboolean started = bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error);

  if (!started && g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_BUSY) && is_due (pending)) {
    return_turn (pending);
    wait_ms (pending, AGAIN_MS);
    return;
  }
  /* What failed again and again is told once, at the end of that. */
  if (!started && pending->cause != BOTHY_REASON_RESTART)
    g_message ("Autostart of %s of user %u: %s", pending->container->spec->name, pending->container->owner,
               error->message);
  return_turn (pending);
  drop_pending (pending);
}

static void
on_asked_whether_stopping (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Pending *pending = user_data;
  BothyAutostarts *self = pending->autostarts;
  gboolean stopping = bothy_machine_is_stopping_finish (self->machine, result);

  if (!is_due (pending) || stopping || bothy_container_is_active (pending->container)) {
    return_turn (pending);
    drop_pending (pending);
    return;
  }
  if (pending->cause == BOTHY_REASON_AUTOSTART)
    note (self, pending->container,
          pending->container->spec->autostart.mode == BOTHY_AUTOSTART_LOGIN ? "started at a login"
                                                                            : "started at boot");
  else if (pending->cause == BOTHY_REASON_ON_DEMAND)
    note (self, pending->container, "started by a connection");
  bothy_registry_start (self->registry, pending->container, NULL, pending->cause, on_started, pending);
}

/* Whose account is gone, or is somebody else's now, could not start it himself. */
static void
on_account_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Pending *pending = user_data;
  BothyAutostarts *self = pending->autostarts;
  const BothyContainer *container = pending->container;
  g_autoptr (GError) error = NULL;

  if (!bothy_callers_check_finish (self->callers, result, &error) ||
      !bothy_owners_check (bothy_registry_get_owners (self->registry), container->owner, &error)) {
    g_message ("Container %s of user %u is not started: %s", container->spec->name, container->owner,
               error->message);
    return_turn (pending);
    drop_pending (pending);
    return;
  }
  bothy_machine_ask_is_stopping (self->machine, on_asked_whether_stopping, pending);
}

static void
on_turn (gpointer user_data)
{
  Pending *pending = user_data;

  if (is_due (pending)) {
    bothy_callers_check (pending->autostarts->callers, pending->container->owner, on_account_checked,
                         pending);
    return;
  }
  return_turn (pending);
  drop_pending (pending);
}

static void
take_turn (Pending *pending)
{
  if (is_due (pending))
    bothy_per_user_wait (pending->autostarts->turns, pending->container->owner, on_turn, pending);
  else
    drop_pending (pending);
}

/* ---- one after the other ---- */

static const char *
look_up_after (const char *id, gpointer containers)
{
  const BothyContainer *container = bothy_containers_find_by_id (containers, id);

  return container ? container->spec->autostart.after : NULL;
}

/* The container that has to come first, if it has not come yet and will. */
static BothyContainer *
find_first (const Pending *pending)
{
  BothyContainers *containers = pending->autostarts->containers;
  const char *after = pending->container->spec->autostart.after;
  BothyContainer *first = *after ? bothy_containers_find_by_id (containers, after) : NULL;
  g_auto (GStrv) circle = NULL;

  if (!first || !(first->due || first->state == BOTHY_CONTAINER_STARTING))
    return NULL;
  /* It had its chance, and is tried again. */
  if (first->due && first->n_restarts > 0)
    return NULL;
  /* SetAutostart makes none; a record that was edited may. */
  circle = bothy_autostart_find_circle (pending->container->id, after, look_up_after, containers);
  return circle ? NULL : first;
}

static void
go_on (Pending *pending)
{
  const BothyContainer *container = pending->container;
  const BothyAutostart *autostart = &container->spec->autostart;
  BothyContainer *first = bothy_containers_find_by_id (pending->autostarts->containers, autostart->after);

  if (first && !bothy_container_is_active (first))
    g_message ("Container %s of user %u is started without %s, which does not run", container->spec->name,
               container->owner, first->spec->name);
  wait_ms (pending, autostart->delay * 1000);
}

/* CONTAINER runs, or failed, or is gone: those that waited for it wait no more. */
static void
on_settled (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  BothyAutostarts *self = user_data;
  g_autoptr (GPtrArray) ready = g_ptr_array_new ();

  for (guint i = self->waiting->len; i > 0; i--) {
    Pending *pending = self->waiting->pdata[i - 1];

    /* What it waits for may be another one by now. */
    if (!is_due (pending) || !find_first (pending))
      g_ptr_array_add (ready, g_ptr_array_steal_index_fast (self->waiting, i - 1));
  }
  for (guint i = 0; i < ready->len; i++) {
    if (is_due (ready->pdata[i]))
      go_on (ready->pdata[i]);
    else
      drop_pending (ready->pdata[i]);
  }
}

/* Start all of LIST (taken over), which are due. */
static void
begin_all (BothyAutostarts *self, GPtrArray *list)
{
  for (guint i = 0; i < list->len; i++) {
    Pending *pending = list->pdata[i];

    if (find_first (pending))
      g_ptr_array_add (self->waiting, pending);
    else
      go_on (pending);
  }
  g_ptr_array_unref (list);
}

/* ---- boot and login ---- */

/* "Autostarts=0" is the administrator's switch: nothing is started unasked, whatever was asked for before. */
static gboolean
is_switched_off (BothyAutostarts *self)
{
  return bothy_registry_get_configuration (self->registry)->max_autostarts == 0;
}

static void
begin_boot (BothyAutostarts *self)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);
  const char *boot = bothy_marks_get_boot (self->marks);
  GPtrArray *list = g_ptr_array_new ();

  for (GList *l = is_switched_off (self) ? NULL : containers; l; l = l->next) {
    BothyContainer *container = l->data;

    if (container->spec->autostart.mode != BOTHY_AUTOSTART_BOOT || g_str_equal (container->boot, boot))
      continue;
    if (bothy_container_is_active (container))
      bothy_container_set_boot (container, boot);
    else
      g_ptr_array_add (list, pending_new (self, container, BOTHY_REASON_AUTOSTART));
  }
  begin_all (self, list);
}

static void
begin_login (BothyAutostarts *self, guint32 uid)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);
  GPtrArray *list = g_ptr_array_new ();

  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;

    if (container->owner != uid || container->spec->autostart.mode != BOTHY_AUTOSTART_LOGIN ||
        container->due || bothy_container_is_active (container))
      continue;
    g_ptr_array_add (list, pending_new (self, container, BOTHY_REASON_AUTOSTART));
    bothy_container_set_boot (container, bothy_marks_get_boot (self->marks));
    save (self, container);
  }
  begin_all (self, list);
}

static void
on_logged_in (guint32 uid, gpointer data)
{
  BothyAutostarts *self = data;

  /* An earlier bothyd may have seen it. */
  if (bothy_marks_has_login (self->marks, uid) || is_switched_off (self))
    return;
  begin_login (self, uid);
  bothy_marks_set_login (self->marks, uid, TRUE);
}

static void
on_logged_out (guint32 uid, gpointer data)
{
  BothyAutostarts *self = data;

  bothy_marks_set_login (self->marks, uid, FALSE);
  bothy_trees_close_all (bothy_runner_get_trees (bothy_registry_get_runner (self->registry)), uid);
}

static void
forget_login (guint32 uid, gpointer data)
{
  BothyAutostarts *self = data;

  if (!bothy_machine_is_logged_in (self->machine, uid))
    bothy_marks_set_login (self->marks, uid, FALSE);
}

static void
on_listed (gpointer data)
{
  bothy_marks_each_login (((BothyAutostarts *)data)->marks, forget_login, data);
}

/* What only who sits there may use is not for the containers of who sat there before. */
static void
on_seated (gpointer data)
{
  bothy_plugs_check_again (
      bothy_runner_get_plugs (bothy_registry_get_runner (((BothyAutostarts *)data)->registry)));
}

static const BothyMachineEvents machine_events = { on_logged_in, on_logged_out, on_listed, on_seated };

/* ---- on demand ---- */

static void
on_demanded (BothyContainer *container, gpointer data)
{
  take_turn (pending_new (data, container, BOTHY_REASON_ON_DEMAND));
}

/* ---- again ---- */

static void
give_up (BothyAutostarts *self, BothyContainer *container)
{
  const char *last = container->last_error ? container->last_error->message : NULL;
  g_autofree char *times = g_strdup_printf ("%u", container->n_restarts);
  GError *error =
      g_error_new (BOTHY_ERROR, BOTHY_ERROR_GAVE_UP,
                   "It was started again %s %s in a row and never ran for %d seconds; \"bothy logs %s\" may "
                   "say why, and \"bothy start %s\" starts it again%s%s",
                   times, container->n_restarts == 1 ? "time" : "times", BOTHY_RESTART_STEADY_SECONDS,
                   container->spec->name, container->spec->name, last ? ". Last: " : "", last ? last : "");
  g_autofree char *deed = g_strdup_printf ("not started again, after restart %u of %u", container->n_restarts,
                                           bothy_restart_get_max (&container->spec->autostart));

  bothy_error_set_detail (error, "restarts", times);
  note (self, container, deed);
  bothy_container_set_given_up (container, error);
  save (self, container);
}

static void
start_again (BothyAutostarts *self, BothyContainer *container)
{
  Pending *pending = pending_new (self, container, BOTHY_REASON_RESTART);

  save (self, container);
  wait_ms (pending, bothy_restart_get_delay (container->n_restarts));
}

/* A run of CONTAINER's is over, or could not begin. */
static void
judge (BothyAutostarts *self, BothyContainer *container)
{
  const BothyAutostart *autostart = &container->spec->autostart;

  if (container->stopping || !container->wanted || is_switched_off (self) ||
      !bothy_restart_is_wanted (autostart, container->state == BOTHY_CONTAINER_FAILED, container->last_code,
                                container->last_signal))
    return;
  if (bothy_container_ran_steadily (container))
    bothy_container_set_restarts (container, 0);
  if (container->n_restarts >= bothy_restart_get_max (autostart)) {
    give_up (self, container);
    return;
  }
  bothy_container_set_restarts (container, container->n_restarts + 1);
  start_again (self, container);
}

static void
on_over (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  judge (user_data, container);
}

/* ---- what an earlier bothyd left ---- */

/* CONTAINER, which does not run, is to run in this boot. */
static void
go_on_with (BothyAutostarts *self, BothyContainer *container)
{
  gboolean was_due = container->due != 0;

  if (!was_due)
    judge (self, container);
  else if (container->n_restarts > 0)
    start_again (self, container);
  else {
    GPtrArray *list = g_ptr_array_new ();

    g_ptr_array_add (list, pending_new (self, container, BOTHY_REASON_AUTOSTART));
    begin_all (self, list);
  }
}

/* All that is not to go on is so before anything begins: others may be after it. */
static void
begin_left (BothyAutostarts *self)
{
  g_autoptr (GList) containers = bothy_containers_list (self->containers);
  const char *boot = bothy_marks_get_boot (self->marks);

  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;

    if (bothy_container_is_active (container) || container->spec->ephemeral)
      bothy_container_clear_due (container);
    else if (!g_str_equal (container->boot, boot) || is_switched_off (self))
      /* It ran when the machine went down, or was to. */
      bothy_container_set_unwanted (container);
  }
  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;

    if (!bothy_container_is_active (container) && (container->wanted || container->due))
      go_on_with (self, container);
  }
}

/* ---- */

void
bothy_registry_begin_autostarts (BothyRegistry *registry, GDBusConnection *system_bus)
{
  BothyAutostarts *self = g_new0 (BothyAutostarts, 1);

  self->registry = g_object_ref (registry);
  self->containers = g_object_ref (bothy_registry_get_containers (registry));
  self->marks = bothy_registry_get_marks (registry);
  self->callers = bothy_callers_new (bothy_registry_get_ranges (registry));
  self->turns = bothy_per_user_new (MAX_EACH, MAX_ALL);
  self->waiting = g_ptr_array_new ();
  self->timed = g_hash_table_new (NULL, NULL);
  g_signal_connect (self->containers, "settled", G_CALLBACK (on_settled), self);
  g_signal_connect (self->containers, "removed", G_CALLBACK (on_settled), self);
  g_signal_connect (self->containers, "over", G_CALLBACK (on_over), self);
  begin_left (self);
  begin_boot (self);
  self->machine = bothy_machine_new (system_bus, &machine_events, self);
  bothy_registry_begin_demands (registry, on_demanded, self);
}
