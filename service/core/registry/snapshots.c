/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/snapshots.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/container/container-record.h"
#include "core/registry/change.h"
#include "core/registry/files.h"
#include "core/registry/lifecycle.h"

/* Layers that are not needed any more wait in the trash, and who makes them faster than they go has to wait, too. */
#define MAX_TRASH 64

/* Of a container that runs. */
typedef struct {
  char *name;       /* of the snapshot; NULL: it is set aside for others */
  gboolean thawing; /* it is about to go on */
  gboolean made;    /* the copy is, or could not be: then there is an error */
  GError *error;
} Live;

typedef struct {
  BothyChange *change;
  BothyContainer *container;
  GPtrArray *snapshots; /* as they will be */
  gboolean personal;    /* of what it will write into */
  BothyUpper *top;      /* that, with a hold; or NULL: what it writes into now */
  gboolean unnamed;     /* the snapshot that is made has a name of ours */
  BothyUpper *aside;    /* what others are to stand on, with a hold; or NULL */
  Live live;
} Snapshotting;

static void
snapshotting_free (Snapshotting *self)
{
  if (self->top)
    self->top->holds--;
  if (self->aside)
    self->aside->holds--;
  g_clear_pointer (&self->change, bothy_change_free);
  g_clear_pointer (&self->snapshots, g_ptr_array_unref);
  g_free (self->live.name);
  g_clear_error (&self->live.error);
  g_object_unref (self->container);
  g_free (self);
}

static GError *
wrong_state_error (const BothyContainer *container)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is %s; stop it first",
                      container->spec->name, bothy_container_state_name (container->state));
}

/* Begin to do WHAT to CONTAINER. NULL: that can not be, and the caller has been told. */
static GTask *
begin_snapshotting (BothyRegistry *self,
                    BothyContainer *container,
                    const char *what,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Snapshotting *snapshotting = g_new0 (Snapshotting, 1);
  BothyContainers *containers = bothy_registry_get_containers (self);
  GError *error = NULL;

  snapshotting->container = g_object_ref (container);
  g_task_set_task_data (task, snapshotting, (GDestroyNotify)snapshotting_free);
  /* It may have been deleted while the operation waited for its turn. */
  if (bothy_containers_find_by_id (containers, container->id) != container)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER, "Container %s was deleted",
                         container->spec->name);
  else if (bothy_trash_count (bothy_registry_get_trash (self), container->owner) >= MAX_TRASH)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_BUSY,
                         "Files that you deleted are still being removed; try again when that is done");
  else if (bothy_container_require_closed (container, &error))
    snapshotting->change = bothy_change_begin (containers, container, what, &error);
  if (error) {
    g_task_return_error (task, error);
    return NULL;
  }
  snapshotting->snapshots = bothy_snapshots_copy (container->snapshots);
  snapshotting->personal = container->files.personal || !container->files.fresh;
  return g_steal_pointer (&task);
}

/* It is over; ERROR (taken over) or NULL is its result. What was made for nothing, or is needed no more, goes. */
static void
end_snapshotting (GTask *task, GError *error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Snapshotting *snapshotting = g_task_get_task_data (task);

  if (snapshotting->top)
    snapshotting->top->holds--;
  snapshotting->top = NULL;
  if (snapshotting->aside && (error || snapshotting->live.name)) {
    snapshotting->aside->holds--;
    snapshotting->aside = NULL;
  }
  bothy_files_sweep (self);
  bothy_change_end (snapshotting->change);
  if (error)
    g_task_return_error (task, error);
  else if (snapshotting->aside)
    g_task_return_pointer (task, g_steal_pointer (&snapshotting->aside), NULL);
  else
    g_task_return_pointer (task, g_object_ref (snapshotting->container), g_object_unref);
}

/* ---- the record ---- */

typedef struct {
  BothyContainerFiles files;
  GPtrArray *snapshots;
} Before;

static void
before_free (gpointer data)
{
  Before *before = data;

  g_free (before->files.top);
  g_ptr_array_unref (before->snapshots);
  g_free (before);
}

static void
put_back (BothyContainers *containers, BothyContainer *container, gpointer data)
{
  const Before *before = data;

  bothy_container_put_files_back (container, &before->files, g_ptr_array_ref (before->snapshots));
}

/* What the record that could not be taken back may be about is not swept, as long as nobody knows which one the disk has. */
static void
take_back (Snapshotting *snapshotting)
{
  if (bothy_change_roll_back (snapshotting->change))
    return;
  snapshotting->top = NULL;
  snapshotting->aside = NULL;
}

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (!bothy_container_record_settle_finish (BOTHY_CONTAINER (source), result, &error))
    take_back (g_task_get_task_data (task));
  end_snapshotting (task, error);
}

/* All at once: this is where it happens. What others are to stand on is on disk for good, so that the container does not write into it
   has to be, too, before they do. */
static void
record (GTask *task)
{
  BothyContainers *containers = bothy_registry_get_containers (g_task_get_source_object (task));
  Snapshotting *snapshotting = g_task_get_task_data (task);
  BothyContainer *container = snapshotting->container;
  Before *before = g_new0 (Before, 1);
  GError *error = NULL;

  before->files = container->files;
  before->files.top = g_strdup (container->files.top);
  before->snapshots = g_ptr_array_ref (container->snapshots);
  BOTHY_FAULT_POINT ("snapshot.made");
  bothy_container_set_files (container, snapshotting->top ? snapshotting->top->id : container->files.top,
                             snapshotting->personal, g_steal_pointer (&snapshotting->snapshots));
  bothy_change_record (snapshotting->change, put_back, before, before_free, &error);
  BOTHY_FAULT_POINT ("snapshot.recorded");
  if (error)
    end_snapshotting (task, error);
  else
    bothy_container_record_settle (container, bothy_containers_get_directory (containers), on_settled,
                                   g_object_ref (task));
}

static void
on_top_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Snapshotting *snapshotting = g_task_get_task_data (task);
  GError *error = NULL;

  snapshotting->top = bothy_files_make_finish (BOTHY_REGISTRY (source), result, &error);
  if (snapshotting->top)
    record (task);
  else
    end_snapshotting (task, error);
}

/* It will write into a new layer, on BELOW. */
static void
make_top (GTask *task, const char *below)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const Snapshotting *snapshotting = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_files_check_depth (self, snapshotting->container, below, &error))
    bothy_files_make (self, snapshotting->container, below, on_top_made, g_object_ref (task));
  else
    end_snapshotting (task, error);
}

/* ---- how many ---- */

static gboolean
check_count (BothyRegistry *self, const Snapshotting *snapshotting, GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  guint max = bothy_registry_get_configuration (self)->max_snapshots, has = snapshotting->snapshots->len;

  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *container = l->data;

    if (container->owner == snapshotting->container->owner && container != snapshotting->container)
      has += container->snapshots->len;
  }
  if (has < max)
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
      "Your containers have %u snapshots, and a user may have %u; delete one first (\"bothy snapshot "
      "delete\")",
      has, max);
  return FALSE;
}

/* There will be one more, called NAME, of UPPER. */
static gboolean
add_snapshot (GTask *task, const char *name, const char *upper, gboolean automatic, GError **error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const Snapshotting *snapshotting = g_task_get_task_data (task);
  BothySnapshot *added;

  if (!bothy_snapshots_check (snapshotting->snapshots, name, 1, error) ||
      !check_count (self, snapshotting, error))
    return FALSE;
  added = bothy_snapshot_new (name, upper, automatic, snapshotting->personal);
  added->unnamed = snapshotting->unnamed;
  g_ptr_array_add (snapshotting->snapshots, added);
  return TRUE;
}

/* ---- of one that runs: a copy of what it writes into, while it stands still ---- */

/* It goes on, and the copy is made or not. */
static void
finish_live (GTask *task)
{
  Snapshotting *snapshotting = g_task_get_task_data (task);
  Live *live = &snapshotting->live;
  GError *error = NULL;

  if (live->thawing || !live->made)
    return;
  error = g_steal_pointer (&live->error);
  if (!error && live->name)
    add_snapshot (task, live->name, snapshotting->aside->id, FALSE, &error);
  /* What it writes into stays what it is. */
  snapshotting->personal = snapshotting->container->files.personal;
  if (error)
    end_snapshotting (task, error);
  else
    record (task);
}

/* Nothing holds CONTAINER any more. */
static void
forget_held (BothyRegistry *self, BothyContainer *container)
{
  g_autoptr (GError) error = NULL;

  bothy_container_set_held (container, FALSE);
  if (!bothy_containers_save (bothy_registry_get_containers (self), container, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

static void
on_thawed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Snapshotting *snapshotting = g_task_get_task_data (task);
  BothyContainer *container = snapshotting->container;
  GError *error = NULL;

  /* One that ended has nothing that could go on. */
  if (!bothy_runner_freeze_finish (BOTHY_RUNNER (source), result, &error) && container->supervisor &&
      !snapshotting->live.error)
    snapshotting->live.error = g_steal_pointer (&error);
  g_clear_error (&error);
  forget_held (self, container);
  snapshotting->live.thawing = FALSE;
  finish_live (task);
}

static gboolean
is_frozen (const BothyContainer *container)
{
  return container->supervisor && container->state == BOTHY_CONTAINER_FROZEN;
}

/* What was frozen for this goes on; one that somebody stops meanwhile does so already. */
static void
thaw (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Snapshotting *snapshotting = g_task_get_task_data (task);
  BothyContainer *container = snapshotting->container;

  if (!container->files.held || snapshotting->live.thawing)
    return;
  if (!is_frozen (container)) {
    forget_held (self, container);
    return;
  }
  snapshotting->live.thawing = TRUE;
  bothy_runner_freeze (bothy_registry_get_runner (self), container, FALSE, on_thawed, g_object_ref (task));
}

/* What a killed process was in the middle of is nobody's snapshot. FALSE: it can not be made any more. */
static gboolean
check_still (Snapshotting *snapshotting)
{
  if (is_frozen (snapshotting->container))
    return TRUE;
  g_clear_error (&snapshotting->live.error);
  snapshotting->live.error =
      g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s ended while its files were copied",
                   snapshotting->container->spec->name);
  return FALSE;
}

static void
on_files_copied (gpointer user_data)
{
  check_still (g_task_get_task_data (user_data));
  thaw (user_data);
}

static void
on_copy_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Snapshotting *snapshotting = g_task_get_task_data (task);
  GError *error = NULL;

  snapshotting->aside = bothy_files_make_finish (BOTHY_REGISTRY (source), result, &error);
  if (!snapshotting->live.error)
    snapshotting->live.error = g_steal_pointer (&error);
  g_clear_error (&error);
  snapshotting->live.made = TRUE;
  thaw (task);
  finish_live (task);
}

static void
copy_top (GTask *task)
{
  bothy_files_make_copy (g_task_get_source_object (task),
                         ((Snapshotting *)g_task_get_task_data (task))->container, on_files_copied,
                         on_copy_made, g_object_ref (task));
}

static void
on_frozen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Snapshotting *snapshotting = g_task_get_task_data (task);

  BOTHY_FAULT_POINT ("live.frozen");
  if (bothy_runner_freeze_finish (BOTHY_RUNNER (source), result, &snapshotting->live.error) &&
      check_still (snapshotting)) {
    copy_top (task);
    return;
  }
  /* Why it could not be frozen, unless that is because somebody stopped it. */
  if (snapshotting->container->state != BOTHY_CONTAINER_RUNNING)
    check_still (snapshotting);
  snapshotting->live.made = TRUE;
  thaw (task);
  finish_live (task);
}

/* On record first that it is only held: a bothyd that finds it frozen lets it go on. */
static void
freeze (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  BothyContainer *container = ((Snapshotting *)g_task_get_task_data (task))->container;
  GError *error = NULL;

  bothy_container_set_held (container, TRUE);
  if (!bothy_containers_save (bothy_registry_get_containers (self), container, &error)) {
    bothy_container_set_held (container, FALSE);
    end_snapshotting (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("live.held");
  bothy_runner_freeze (bothy_registry_get_runner (self), container, TRUE, on_frozen, g_object_ref (task));
  BOTHY_FAULT_POINT ("live.asked");
}

/* NAME: of the snapshot; NULL: none. */
static void
copy_live (GTask *task, const char *name)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Snapshotting *snapshotting = g_task_get_task_data (task);
  BothyContainer *container = snapshotting->container;
  GError *error = NULL;

  snapshotting->live.name = g_strdup (name);
  if (!container->supervisor ||
      (container->state != BOTHY_CONTAINER_RUNNING && container->state != BOTHY_CONTAINER_FROZEN))
    error = wrong_state_error (container);
  else if (name && bothy_snapshots_check (snapshotting->snapshots, name, 1, &error))
    check_count (self, snapshotting, &error);
  if (error) {
    end_snapshotting (task, error);
    return;
  }
  /* Whoever wants it to end does not wait for a copy of its files. */
  container->yields = TRUE;
  if (container->state == BOTHY_CONTAINER_RUNNING)
    freeze (task);
  else
    copy_top (task);
}

typedef struct {
  BothyRegistry *registry;
  BothyChange *change;
} LettingGo;

static void
on_let_go (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LettingGo *letting_go = user_data;
  BothyContainer *container = bothy_change_get_container (letting_go->change);
  g_autoptr (GError) error = NULL;

  if (bothy_runner_freeze_finish (BOTHY_RUNNER (source), result, &error) || !container->supervisor)
    forget_held (letting_go->registry, container);
  else
    g_warning ("Container %s stands still: %s", container->id, error->message);
  bothy_change_free (letting_go->change);
  g_object_unref (letting_go->registry);
  g_free (letting_go);
}

/* Also one that does not stand still: it may be about to, as the earlier bothyd had asked for. */
void
bothy_registry_let_go (BothyRegistry *self, BothyContainer *container)
{
  BothyChange *change;
  LettingGo *letting_go;

  if (!container->files.held)
    return;
  if (!container->supervisor) {
    forget_held (self, container);
    return;
  }
  change = bothy_change_begin (bothy_registry_get_containers (self), container, "thawing", NULL);
  if (!change)
    return;
  container->yields = TRUE;
  letting_go = g_new0 (LettingGo, 1);
  letting_go->registry = g_object_ref (self);
  letting_go->change = change;
  bothy_runner_freeze (bothy_registry_get_runner (self), container, FALSE, on_let_go, letting_go);
}

/* ---- the three ---- */

/* The layer that has all that is there, if nothing was written since that got another one on top; else NULL. */
static const char *
find_current (BothyRegistry *self, const BothyContainer *container)
{
  const BothyUpper *top = bothy_uppers_find (bothy_registry_get_uppers (self), container->files.top);

  return container->files.fresh && top && *top->below &&
                 !bothy_uppers_find_above (bothy_registry_get_uppers (self), top->id)
             ? top->below
             : NULL;
}

/* What goes with the container when it ends can not be restored. */
static gboolean
check_lasting (const BothyContainer *container, GError **error)
{
  if (!container->spec->ephemeral)
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
      "Container %s is ephemeral: it goes when it ends, and its snapshots would, too; \"bothy commit %s\" "
      "keeps its files",
      container->spec->name, container->spec->name);
  return FALSE;
}

void
bothy_registry_snapshot (BothyRegistry *self,
                         BothyContainer *container,
                         const char *name,
                         guint keep,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = begin_snapshotting (self, container, "making a snapshot", callback, user_data);
  g_autofree char *made_name = NULL;
  const char *current;
  GError *error = NULL;

  if (!task)
    return;
  current = find_current (self, container);
  ((Snapshotting *)g_task_get_task_data (task))->unnamed = !*name;
  if (keep > 0)
    bothy_snapshots_prune (((Snapshotting *)g_task_get_task_data (task))->snapshots, keep - 1);
  made_name = *name ? g_strdup (name) : bothy_snapshots_make_name (container->snapshots, "");
  if (check_lasting (container, &error) && bothy_container_is_active (container)) {
    copy_live (task, made_name);
    return;
  }
  if (error || !add_snapshot (task, made_name, current ? current : container->files.top, FALSE, &error))
    end_snapshotting (task, error);
  else if (current)
    record (task);
  else
    make_top (task, container->files.top);
}

void
bothy_registry_set_aside (BothyRegistry *self,
                          BothyContainer *container,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = begin_snapshotting (self, container, "being copied", callback, user_data);
  const char *current;
  BothyUpper *aside;

  if (!task)
    return;
  current = find_current (self, container);
  aside = bothy_uppers_find (bothy_registry_get_uppers (self), current ? current : container->files.top);
  if (bothy_container_is_active (container) || !aside) {
    copy_live (task, NULL);
    return;
  }
  ((Snapshotting *)g_task_get_task_data (task))->aside = aside;
  aside->holds++;
  if (current)
    end_snapshotting (task, NULL);
  else
    make_top (task, container->files.top);
}

BothyUpper *
bothy_registry_set_aside_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
is_snapshot_of (gconstpointer snapshot, gconstpointer upper)
{
  return g_str_equal (((const BothySnapshot *)snapshot)->upper, upper);
}

/* What is there stays, unless it is a snapshot already. */
static gboolean
keep_current (GTask *task, GError **error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const Snapshotting *snapshotting = g_task_get_task_data (task);
  const BothyContainer *container = snapshotting->container;
  const char *current = find_current (self, container);
  g_autofree char *name = bothy_snapshots_make_name (container->snapshots, "before-restore-");

  if ((current && g_ptr_array_find_with_equal_func (container->snapshots, current, is_snapshot_of, NULL)) ||
      add_snapshot (task, name, current ? current : container->files.top, TRUE, error))
    return TRUE;
  if (container->snapshots->len > 0)
    g_prefix_error (error, "What container %s is now would be a snapshot, too, and its oldest is %s: ",
                    container->spec->name, ((const BothySnapshot *)container->snapshots->pdata[0])->name);
  return FALSE;
}

static GError *
no_such_snapshot (const BothyContainer *container, const char *name)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_SNAPSHOT,
                      "Container %s has no snapshot %s; \"bothy snapshot list %s\" shows which it has",
                      container->spec->name, name, container->spec->name);
}

BothyUpper *
bothy_snapshot_take_upper (BothyRegistry *self, BothyContainer *container, const char *name, GError **error)
{
  const BothySnapshot *snapshot = bothy_snapshots_find (container->snapshots, name);
  BothyUpper *upper = snapshot ? bothy_uppers_find (bothy_registry_get_uppers (self), snapshot->upper) : NULL;

  if (bothy_containers_find_by_id (bothy_registry_get_containers (self), container->id) != container)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER, "Container %s was deleted",
                 container->spec->name);
  else if (!upper)
    g_propagate_error (error, no_such_snapshot (container, name));
  else {
    upper->holds++;
    return upper;
  }
  return NULL;
}

void
bothy_registry_restore (BothyRegistry *self,
                        BothyContainer *container,
                        const char *name,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = begin_snapshotting (self, container, "restoring a snapshot", callback, user_data);
  const BothySnapshot *snapshot = bothy_snapshots_find (container->snapshots, name);
  GError *error = NULL;

  if (!task)
    return;
  if (!snapshot)
    error = no_such_snapshot (container, name);
  else if (bothy_container_is_active (container))
    error = wrong_state_error (container);
  else
    keep_current (task, &error);
  if (error) {
    end_snapshotting (task, error);
    return;
  }
  ((Snapshotting *)g_task_get_task_data (task))->personal = snapshot->personal;
  make_top (task, snapshot->upper);
}

void
bothy_registry_remove_snapshot (BothyRegistry *self,
                                BothyContainer *container,
                                const char *name,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr (GTask) task = begin_snapshotting (self, container, "removing a snapshot", callback, user_data);
  Snapshotting *snapshotting;
  BothySnapshot *snapshot;

  if (!task)
    return;
  snapshotting = g_task_get_task_data (task);
  snapshot = bothy_snapshots_find (snapshotting->snapshots, name);
  if (!snapshot) {
    end_snapshotting (task, no_such_snapshot (container, name));
    return;
  }
  g_ptr_array_remove (snapshotting->snapshots, snapshot);
  snapshotting->personal = container->files.personal;
  record (task);
}

BothyContainer *
bothy_registry_snapshot_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
