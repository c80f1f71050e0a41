/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/containers.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/per-user.h"
#include "base/validate.h"
#include "core/container/container-record.h"
#include "core/container/limits.h"
#include "core/images/expiry.h"
#include "platform/cgroup-manager.h"
#include "storage/quota.h"
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct _BothyContainers {
  GObject parent;
  int containers_fd;
  BothyCeilings *ceilings; /* bothyd.conf as it holds for each user */
  BothyRanges *ranges;
  BothyImageStore *images;
  BothyUppers *uppers;
  BothyVolumes *volumes;
  BothyTrash *trash;
  GHashTable *by_id;      /* id → BothyContainer */
  GHashTable *by_name;    /* "<owner>/<name>" → BothyContainer */
  GHashTable *being_made; /* "<owner>/<name>" → const BothyContainerSpec */
  BothyPerUser *of_users; /* those that there are and those that are being made */
};

G_DEFINE_FINAL_TYPE (BothyContainers, bothy_containers, G_TYPE_OBJECT)

enum { ADDED, REMOVED, BEGINNING, READDRESSED, PROCESS_FOUND, SETTLED, ENDED, OVER, N_SIGNALS };
static guint signals[N_SIGNALS];

static char *
make_key (guint32 owner, const char *name)
{
  return g_strdup_printf ("%u/%s", owner, name);
}

/* ---- which there are ---- */

static int
compare_containers (gconstpointer a, gconstpointer b)
{
  const BothyContainer *left = a, *right = b;

  if (left->owner != right->owner)
    return left->owner < right->owner ? -1 : 1;
  return strcmp (left->spec->name, right->spec->name);
}

GList *
bothy_containers_list (BothyContainers *self)
{
  return g_list_sort (g_hash_table_get_values (self->by_id), compare_containers);
}

BothyContainer *
bothy_containers_find (BothyContainers *self, guint32 owner, const char *name)
{
  g_autofree char *key = make_key (owner, name);

  return g_hash_table_lookup (self->by_name, key);
}

BothyContainer *
bothy_containers_find_by_id (BothyContainers *self, const char *id)
{
  return g_hash_table_lookup (self->by_id, id);
}

static gboolean
is_in_group (gpointer id, gpointer container, gpointer group)
{
  return bothy_cgroup_manager_is_within (group, BOTHY_CONTAINER (container)->group);
}

BothyContainer *
bothy_containers_find_by_group (BothyContainers *self, const char *group)
{
  return g_hash_table_find (self->by_id, is_in_group, (gpointer)group);
}

static gboolean
has_range (gpointer id, gpointer container, gpointer base)
{
  return BOTHY_CONTAINER (container)->range_base == GPOINTER_TO_UINT (base);
}

BothyContainer *
bothy_containers_find_by_range (BothyContainers *self, guint32 base)
{
  return g_hash_table_find (self->by_id, has_range, GUINT_TO_POINTER (base));
}

const char *
bothy_containers_find_user_of (BothyContainers *self, const char *id, gboolean *ret_left)
{
  GHashTableIter iter;
  gpointer value;

  *ret_left = FALSE;
  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (bothy_container_spec_names_volume (BOTHY_CONTAINER (value)->spec, id))
      return BOTHY_CONTAINER (value)->spec->name;
  }
  g_hash_table_iter_init (&iter, self->being_made);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (bothy_container_spec_names_volume (value, id))
      return ((const BothyContainerSpec *)value)->name;
  }
  *ret_left = TRUE;
  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (g_ptr_array_find_with_equal_func (BOTHY_CONTAINER (value)->left, id, g_str_equal, NULL))
      return BOTHY_CONTAINER (value)->spec->name;
  }
  return NULL;
}

guint
bothy_containers_count (BothyContainers *self)
{
  return g_hash_table_size (self->by_id);
}

int
bothy_containers_get_directory (BothyContainers *self)
{
  return self->containers_fd;
}

static gboolean
is_at_work (gpointer id, gpointer container, gpointer user_data)
{
  const BothyContainer *self = container;

  /* Who is to see a login, or a connection, has to be there. */
  return self->busy || self->due || self->spec->autostart.mode == BOTHY_AUTOSTART_LOGIN ||
         self->spec->autostart.mode == BOTHY_AUTOSTART_ON_DEMAND || bothy_container_is_active (container);
}

gboolean
bothy_containers_is_idle (BothyContainers *self)
{
  return !g_hash_table_find (self->by_id, is_at_work, NULL);
}

/* ---- what they say of themselves ---- */

static void
on_beginning (BothyContainer *container, BothySupervisor *supervisor, gpointer user_data)
{
  g_signal_emit (user_data, signals[BEGINNING], 0, container, supervisor);
}

static void
on_readdressed (BothyContainer *container, gpointer user_data)
{
  g_signal_emit (user_data, signals[READDRESSED], 0, container);
}

static void
on_process_found (BothyContainer *container, guint id, guint pid, gpointer user_data)
{
  g_signal_emit (user_data, signals[PROCESS_FOUND], 0, container, id, pid);
}

static void
on_settled (BothyContainer *container, gpointer user_data)
{
  g_signal_emit (user_data, signals[SETTLED], 0, container);
}

static void
on_ended (BothyContainer *container, gpointer user_data)
{
  g_signal_emit (user_data, signals[ENDED], 0, container);
}

/* ---- what they may take of the disk ---- */

/* A sum that is bounded has no summand without a bound. */
static guint64
add_bounds (guint64 sum, guint64 bound)
{
  return bound > G_MAXUINT64 - sum ? G_MAXUINT64 : sum + bound;
}

guint64
bothy_containers_get_bound (const BothyContainer *container, BothyCgroupLimit limit)
{
  guint64 told = limit == BOTHY_LIMIT_DISK ? container->disk.bytes : container->disk.inodes;

  return MAX (told, bothy_cgroup_limits_get (&container->limits, limit));
}

static gboolean
has_project (guint32 project, gpointer user_data)
{
  BothyContainers *self = user_data;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (((const BothyContainer *)value)->disk.project == project)
      return TRUE;
  }
  return FALSE;
}

/* What stays of containers of OWNER's that are deleted, because copies of them stand on it. */
static guint64
bound_of_orphans (BothyContainers *self, guint32 owner, BothyCgroupLimit limit)
{
  guint64 bytes = 0, inodes = 0;

  bothy_uppers_add_orphans (self->uppers, owner, has_project, self, &bytes, &inodes);
  return limit == BOTHY_LIMIT_DISK ? bytes : inodes;
}

static guint64
bound_of_volumes (BothyContainers *self, guint32 owner, BothyCgroupLimit limit)
{
  guint64 bytes = 0, inodes = 0;

  bothy_volumes_add_bounds (self->volumes, owner, &bytes, &inodes);
  return limit == BOTHY_LIMIT_DISK ? bytes : inodes;
}

static gboolean
is_counted (guint32 project, gpointer user_data)
{
  BothyContainers *self = user_data;

  return has_project (project, self) || bothy_uppers_has_project (self->uppers, project);
}

/* What is being removed still takes what it takes. */
static guint64
bound_of_trash (BothyContainers *self, guint32 owner, BothyCgroupLimit limit)
{
  guint64 bytes = 0, inodes = 0;

  bothy_trash_add_bounds (self->trash, owner, is_counted, self, &bytes, &inodes);
  return limit == BOTHY_LIMIT_DISK ? bytes : inodes;
}

gboolean
bothy_containers_trash (BothyContainers *self,
                        const BothyContainer *container,
                        const char *name,
                        GError **error)
{
  BothyTrashOwner owner = { .owner = container->owner, .project = container->disk.project };

  if (owner.project) {
    owner.bytes = bothy_containers_get_bound (container, BOTHY_LIMIT_DISK);
    owner.inodes = bothy_containers_get_bound (container, BOTHY_LIMIT_INODES);
  }
  return bothy_trash_put_of (self->trash, self->containers_fd, name, &owner, error);
}

static guint64
sum_of_bounds (BothyContainers *self, guint32 owner, const BothyContainer *except, BothyCgroupLimit limit)
{
  g_autofree char *prefix = make_key (owner, "");
  GHashTableIter iter;
  gpointer key, value;
  guint64 sum = add_bounds (bound_of_orphans (self, owner, limit), bound_of_volumes (self, owner, limit));

  sum = add_bounds (sum, bound_of_trash (self, owner, limit));

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const BothyContainer *container = value;

    /* One that was made before its files could be counted is bounded by nothing. */
    if (container->owner == owner && container != except && container->disk.project)
      sum = add_bounds (sum, bothy_containers_get_bound (container, limit));
  }
  g_hash_table_iter_init (&iter, self->being_made);
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    BothyCgroupLimits effective;

    bothy_limits_effective (&((const BothyContainerSpec *)value)->limits,
                            bothy_ceilings_for (self->ceilings, owner), &effective);
    if (g_str_has_prefix (key, prefix))
      sum = add_bounds (sum, bothy_cgroup_limits_get (&effective, limit));
  }
  return sum;
}

gboolean
bothy_containers_check_disk (BothyContainers *self,
                             guint32 owner,
                             const BothyContainer *container,
                             const BothyCgroupLimits *limits,
                             GError **error)
{
  BothyCgroupLimits all = { 0 }, wanted, before = { 0 };
  guint exceeding = 0;

  if (!bothy_quota_is_enforced (self->containers_fd) || (container && !container->disk.project))
    return TRUE;
  bothy_limits_effective (limits, bothy_ceilings_for (self->ceilings, owner), &wanted);
  if (container)
    before = container->limits;
  bothy_limits_of_user_disk (bothy_ceilings_for (self->ceilings, owner), &all);
  for (BothyCgroupLimit i = BOTHY_LIMIT_DISK; i <= BOTHY_LIMIT_INODES; i++) {
    guint64 value = bothy_cgroup_limits_get (&wanted, i);

    if (!bothy_cgroup_limits_has (&all, i))
      continue;
    /* To have less is always possible. */
    if (container && value <= bothy_cgroup_limits_get (&before, i))
      continue;
    if (add_bounds (sum_of_bounds (self, owner, container, i), value) > bothy_cgroup_limits_get (&all, i))
      exceeding |= 1u << i;
  }
  if (exceeding) {
    g_autofree char *bounds = bothy_limits_describe (&all, exceeding);
    g_autofree char *asked = bothy_limits_describe (&wanted, exceeding);

    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
        "The limits of all your containers and volumes may be %s together (also of deleted ones that "
        "copies stand on, or whose files are still being removed), and "
        "with %s they would be more; make one of them lower, or delete one",
        bounds, asked);
  }
  return !exceeding;
}

/* ---- making one ---- */

gboolean
bothy_containers_reserve (BothyContainers *self,
                          guint32 owner,
                          const BothyContainerSpec *spec,
                          GError **error)
{
  g_autofree char *key = make_key (owner, spec->name);
  guint max = bothy_ceilings_for (self->ceilings, owner)->max_containers;

  if (g_hash_table_contains (self->by_name, key) || g_hash_table_contains (self->being_made, key)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_CONTAINER_EXISTS,
                 "You have a container %s already; delete it or take another name", spec->name);
    return FALSE;
  }
  if (bothy_per_user_count (self->of_users, owner) >= max) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                 "You have as many containers as a user may have: %u; delete one first", max);
    return FALSE;
  }
  if (!bothy_containers_check_disk (self, owner, NULL, &spec->limits, error))
    return FALSE;
  bothy_per_user_take (self->of_users, owner);
  g_hash_table_insert (self->being_made, g_steal_pointer (&key), (gpointer)spec);
  return TRUE;
}

void
bothy_containers_cancel (BothyContainers *self, guint32 owner, const BothyContainerSpec *spec)
{
  g_autofree char *key = make_key (owner, spec->name);

  if (g_hash_table_remove (self->being_made, key))
    bothy_per_user_release (self->of_users, owner);
}

void
bothy_containers_add (BothyContainers *self, BothyContainer *container)
{
  bothy_containers_cancel (self, container->owner, container->spec);
  bothy_per_user_take (self->of_users, container->owner);
  bothy_containers_set_limits (self, container, &container->spec->limits);
  g_hash_table_insert (self->by_id, container->id, g_object_ref (container));
  bothy_uppers_add_first (self->uppers, container->id, container->files.below, container->owner,
                          container->disk.project);
  g_hash_table_insert (self->by_name, make_key (container->owner, container->spec->name), container);
  g_signal_connect_object (container, "beginning", G_CALLBACK (on_beginning), self, 0);
  g_signal_connect_object (container, "readdressed", G_CALLBACK (on_readdressed), self, 0);
  g_signal_connect_object (container, "process-found", G_CALLBACK (on_process_found), self, 0);
  g_signal_connect_object (container, "settled", G_CALLBACK (on_settled), self, 0);
  g_signal_connect_object (container, "ended", G_CALLBACK (on_ended), self, 0);
  g_signal_emit (self, signals[ADDED], 0, container);
}

static gboolean
wants_same_address (gpointer key, gpointer other, gpointer spec)
{
  return other != spec &&
         bothy_container_network_shares_address (((const BothyContainerSpec *)other)->network,
                                                 ((const BothyContainerSpec *)spec)->network);
}

static gboolean
has_same_address (gpointer id, gpointer container, gpointer spec)
{
  return bothy_container_network_shares_address (BOTHY_CONTAINER (container)->spec->network,
                                                 ((const BothyContainerSpec *)spec)->network);
}

gboolean
bothy_containers_has_address (BothyContainers *self, const BothyContainerSpec *spec)
{
  return g_hash_table_find (self->by_id, has_same_address, (gpointer)spec) ||
         g_hash_table_find (self->being_made, wants_same_address, (gpointer)spec);
}

/* ---- what is done to one ---- */

void
bothy_containers_remove (BothyContainers *self, BothyContainer *container)
{
  g_autoptr (BothyContainer) kept = g_object_ref (container);
  g_autofree char *key = make_key (container->owner, container->spec->name);
  BothyImage *image = bothy_image_store_lookup (self->images, container->spec->image);

  g_signal_handlers_disconnect_by_data (container, self);
  g_hash_table_remove (self->by_name, key);
  g_hash_table_remove (self->by_id, container->id);
  bothy_uppers_forget_first (self->uppers, container->id);
  bothy_per_user_release (self->of_users, container->owner);
  bothy_ranges_release (self->ranges, container->range_base);
  if (image)
    bothy_image_store_use (self->images, image, -1);
  g_signal_emit (self, signals[REMOVED], 0, container);
}

gboolean
bothy_containers_rename (BothyContainers *self, BothyContainer *container, const char *name, GError **error)
{
  g_autofree char *old_key = make_key (container->owner, container->spec->name);
  g_autofree char *new_key = make_key (container->owner, name);
  g_autofree char *old_name = g_strdup (container->spec->name);
  gboolean saved;

  /* They are shown by its name. */
  if (!bothy_container_require_closed (container, error))
    return FALSE;
  if (g_hash_table_contains (self->by_name, new_key) || g_hash_table_contains (self->being_made, new_key)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_CONTAINER_EXISTS, "There is a container %s already", name);
    return FALSE;
  }
  bothy_container_set_name (container, name);
  saved = bothy_containers_save (self, container, error);
  /* Whoever hears that it is gone has to find it by the name that it had. */
  bothy_container_set_name (container, old_name);
  if (!saved)
    return FALSE;
  g_signal_emit (self, signals[REMOVED], 0, container);
  g_hash_table_remove (self->by_name, old_key);
  bothy_container_set_name (container, name);
  g_hash_table_insert (self->by_name, g_steal_pointer (&new_key), container);
  g_signal_emit (self, signals[ADDED], 0, container);
  return TRUE;
}

gboolean
bothy_containers_save (BothyContainers *self, BothyContainer *container, GError **error)
{
  return bothy_container_record_save (container, self->containers_fd, error);
}

void
bothy_containers_set_limits (BothyContainers *self,
                             BothyContainer *container,
                             const BothyCgroupLimits *limits)
{
  gboolean supported = bothy_quota_is_enforced (self->containers_fd);
  BothyCgroupLimits effective;

  bothy_limits_effective (limits, bothy_ceilings_for (self->ceilings, container->owner), &effective);
  if (!supported || !container->disk.project)
    bothy_limits_forget_disk (&effective);
  bothy_container_set_limits (container, limits, &effective,
                              !supported                ? "unsupported"
                              : container->disk.project ? "enforced"
                                                        : "older");
}

void
bothy_containers_emit_over (BothyContainers *self, BothyContainer *container)
{
  g_signal_emit (self, signals[OVER], 0, container);
}

int
bothy_containers_open_log (BothyContainers *self, BothyContainer *container, GError **error)
{
  autofd dir = openat (self->containers_fd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* Two steps: the caller must not be able to write through what he is given. */
  autofd made = openat (dir, "console.log", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  autofd fd = openat (dir, "console.log", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    bothy_error_set_errno (error, errno, "Opening the console's log");
  return g_steal_fd (&fd);
}

/* ---- reading them from disk ---- */

static gboolean
load_container (BothyContainers *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyContainer) container = bothy_container_record_load (self->containers_fd, id, &error);
  BothyImage *image;

  if (!container) {
    g_warning ("Container %s: %s", id, error->message);
    return FALSE;
  }
  if (!bothy_ranges_mark_used (self->ranges, container->owner, container->range_base) ||
      bothy_containers_find (self, container->owner, container->spec->name)) {
    g_warning ("Container %s: another one has its ids or its name; it is left alone", id);
    return FALSE;
  }
  image = bothy_image_store_lookup (self->images, container->spec->image);
  if (image)
    bothy_image_store_use (self->images, image, 1);
  bothy_containers_add (self, container);
  return TRUE;
}

gboolean
bothy_containers_load (BothyContainers *self,
                       void (*unfinished) (const char *name, gpointer user_data),
                       gpointer user_data)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->containers_fd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gboolean complete = dir != NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    if (g_str_has_prefix (name, BOTHY_STORE_NEW))
      unfinished (name, user_data);
    else if (!bothy_is_uuid (name) || !load_container (self, name))
      complete = FALSE;
  }
  return complete;
}

/* ---- */

static void
bothy_containers_finalize (GObject *object)
{
  BothyContainers *self = BOTHY_CONTAINERS (object);

  g_hash_table_unref (self->being_made);
  g_hash_table_unref (self->by_name);
  g_hash_table_unref (self->by_id);
  bothy_per_user_free (self->of_users);
  g_object_unref (self->images);
  g_object_unref (self->volumes);
  g_object_unref (self->uppers);
  g_object_unref (self->ranges);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_containers_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, guint n_more, GType type)
{
  return g_signal_new (name, BOTHY_TYPE_CONTAINERS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                       1 + n_more, BOTHY_TYPE_CONTAINER, type, type);
}

static void
bothy_containers_class_init (BothyContainersClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_containers_finalize;
  signals[ADDED] = add_signal ("added", 0, G_TYPE_NONE);
  signals[REMOVED] = add_signal ("removed", 0, G_TYPE_NONE);
  signals[BEGINNING] = add_signal ("beginning", 1, BOTHY_TYPE_SUPERVISOR);
  signals[READDRESSED] = add_signal ("readdressed", 0, G_TYPE_NONE);
  signals[PROCESS_FOUND] = add_signal ("process-found", 2, G_TYPE_UINT);
  signals[SETTLED] = add_signal ("settled", 0, G_TYPE_NONE);
  signals[ENDED] = add_signal ("ended", 0, G_TYPE_NONE);
  signals[OVER] = add_signal ("over", 0, G_TYPE_NONE);
}

static void
bothy_containers_init (BothyContainers *self)
{
  self->by_id = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->being_made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->of_users = bothy_per_user_new (0, 0);
}

BothyContainers *
bothy_containers_new (int containers_fd,
                      BothyCeilings *ceilings,
                      BothyRanges *ranges,
                      BothyImageStore *images,
                      BothyUppers *uppers,
                      BothyVolumes *volumes,
                      BothyTrash *trash)
{
  BothyContainers *self = g_object_new (BOTHY_TYPE_CONTAINERS, NULL);

  self->containers_fd = containers_fd;
  self->ceilings = ceilings;
  self->ranges = g_object_ref (ranges);
  self->trash = g_object_ref (trash);
  self->images = g_object_ref (images);
  self->uppers = g_object_ref (uppers);
  self->volumes = g_object_ref (volumes);
  return self;
}
