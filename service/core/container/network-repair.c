/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/network-repair.h"

#include "core/container/network.h"

struct _BothyNetworkRepair {
  GObject parent;
  BothyNetwork *network;
  BothyAdmission *admission;
  GHashTable *repairs; /* BothyContainer → Repair, of those that have one */
};

G_DEFINE_FINAL_TYPE (BothyNetworkRepair, bothy_network_repair, G_TYPE_OBJECT)

typedef struct {
  gboolean due;       /* the nic is to be looked after */
  gboolean under_way; /* it is being looked after */
  GQueue waiting;     /* GTask: until it is not */
} Repair;

static void
repair_free (gpointer data)
{
  Repair *repair = data;

  g_queue_clear_full (&repair->waiting, g_object_unref);
  g_free (repair);
}

static void
answer_waiting (BothyNetworkRepair *self, BothyContainer *container, Repair *repair)
{
  GQueue waiting = repair->waiting;
  GTask *task;

  g_queue_init (&repair->waiting);
  if (!repair->due)
    g_hash_table_remove (self->repairs, container);
  while ((task = g_queue_pop_head (&waiting))) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

typedef struct {
  BothyNetworkRepair *self;
  BothyContainer *container;
} UnderWay;

static void
on_repaired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree UnderWay *under_way = user_data;
  g_autoptr (BothyNetworkRepair) self = under_way->self;
  g_autoptr (BothyContainer) container = under_way->container;
  Repair *repair = g_hash_table_lookup (self->repairs, container);

  bothy_container_network_finish (result);
  repair->under_way = FALSE;
  bothy_network_repair_resume (self, container);
  if (!repair->under_way)
    answer_waiting (self, container, repair);
}

void
bothy_network_repair_resume (BothyNetworkRepair *self, BothyContainer *container)
{
  Repair *repair = g_hash_table_lookup (self->repairs, container);
  UnderWay *under_way;

  if (!repair || !repair->due || repair->under_way || !container->supervisor)
    return;
  repair->due = FALSE;
  repair->under_way = TRUE;
  under_way = g_new0 (UnderWay, 1);
  under_way->self = g_object_ref (self);
  under_way->container = g_object_ref (container);
  bothy_container_network_again (self->network, self->admission, container, container->supervisor,
                                 on_repaired, under_way);
}

void
bothy_network_repair_begin (BothyNetworkRepair *self, BothyContainer *container)
{
  Repair *repair = g_hash_table_lookup (self->repairs, container);

  if (!bothy_container_wants_network (container) || !bothy_container_is_active (container))
    return;
  if (!repair) {
    repair = g_new0 (Repair, 1);
    g_hash_table_insert (self->repairs, g_object_ref (container), repair);
  }
  repair->due = TRUE;
  bothy_network_repair_resume (self, container);
}

void
bothy_network_repair_tell (BothyNetworkRepair *self, BothyContainer *container, const char *problem)
{
  const char *none[] = { NULL };

  if (*container->nic && bothy_container_is_active (container))
    bothy_container_set_network (container, none, problem);
}

void
bothy_network_repair_wait (BothyNetworkRepair *self,
                           BothyContainer *container,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Repair *repair = g_hash_table_lookup (self->repairs, container);

  if (repair && repair->under_way)
    g_queue_push_tail (&repair->waiting, g_steal_pointer (&task));
  else
    g_task_return_boolean (task, TRUE);
}

void
bothy_network_repair_wait_finish (BothyNetworkRepair *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

void
bothy_network_repair_end (BothyNetworkRepair *self, BothyContainer *container)
{
  Repair *repair = g_hash_table_lookup (self->repairs, container);
  const char *none[] = { NULL };

  if (repair)
    repair->due = FALSE;
  if (repair && !repair->under_way)
    g_hash_table_remove (self->repairs, container);
  if (*container->nic)
    bothy_network_detach (self->network, container->nic, container->owner);
  bothy_container_set_nic (container, "");
  bothy_container_set_network (container, none, "");
}

static void
bothy_network_repair_finalize (GObject *object)
{
  BothyNetworkRepair *self = BOTHY_NETWORK_REPAIR (object);

  g_hash_table_unref (self->repairs);
  g_object_unref (self->network);
  G_OBJECT_CLASS (bothy_network_repair_parent_class)->finalize (object);
}

static void
bothy_network_repair_class_init (BothyNetworkRepairClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_network_repair_finalize;
}

static void
bothy_network_repair_init (BothyNetworkRepair *self)
{
  self->repairs = g_hash_table_new_full (NULL, NULL, g_object_unref, repair_free);
}

BothyNetworkRepair *
bothy_network_repair_new (BothyNetwork *network, BothyAdmission *admission)
{
  BothyNetworkRepair *self = g_object_new (BOTHY_TYPE_NETWORK_REPAIR, NULL);

  self->network = g_object_ref (network);
  self->admission = admission;
  return self;
}
