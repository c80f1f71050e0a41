/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/users.h"

#include "core/accounts/passwd.h"
#include "core/container/ceilings.h"
#include "core/registry/disk.h"

#include <unistd.h>

GVariant *
bothy_registry_get_ceilings_of (BothyRegistry *self, guint32 user)
{
  BothyCgroupLimits limits = { 0 };

  bothy_limits_ceilings (bothy_ceilings_for (bothy_registry_get_ceilings (self), user), &limits);
  bothy_cgroup_limits_lower (&limits, BOTHY_LIMIT_MEMORY,
                             (guint64)MAX (sysconf (_SC_PHYS_PAGES), 1) *
                                 (guint64)MAX (sysconf (_SC_PAGESIZE), 1));
  bothy_cgroup_limits_lower (&limits, BOTHY_LIMIT_CPU,
                             (guint64)MAX (sysconf (_SC_NPROCESSORS_CONF), 1) * G_USEC_PER_SEC);
  return bothy_limits_to_variant (&limits);
}

/* ---- who has something ---- */

typedef struct {
  guint32 uid;
  guint containers, running, images, volumes, ranges;
} User;

/* UID's place among USERS, a new one if he has none yet. */
static User *
find_user (GHashTable *users, guint32 uid)
{
  User *user = g_hash_table_lookup (users, GUINT_TO_POINTER (uid));

  if (!user) {
    user = g_new0 (User, 1);
    user->uid = uid;
    g_hash_table_insert (users, GUINT_TO_POINTER (uid), user);
  }
  return user;
}

static void
count_containers (BothyRegistry *self, GHashTable *users)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  g_autoptr (GPtrArray) ranges = bothy_ranges_list (bothy_registry_get_ranges (self));

  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;
    User *user = find_user (users, container->owner);

    user->containers++;
    user->running += bothy_container_is_active (container) ? 1 : 0;
  }
  for (guint i = 0; i < ranges->len; i++)
    find_user (users, ((const BothyRange *)ranges->pdata[i])->owner)->ranges++;
}

static void
count_volumes (BothyRegistry *self, GHashTable *users)
{
  g_autoptr (GPtrArray) volumes = bothy_volumes_list (bothy_registry_get_volumes (self), BOTHY_NO_USER);

  for (guint i = 0; i < volumes->len; i++)
    find_user (users, ((const BothyVolume *)volumes->pdata[i])->owner)->volumes++;
}

static void
count_images (BothyRegistry *self, GHashTable *users)
{
  g_autoptr (GList) images = bothy_image_store_list (bothy_registry_get_images (self));

  for (GList *l = images; l; l = l->next) {
    GHashTableIter iter;
    gpointer uid;

    g_hash_table_iter_init (&iter, BOTHY_IMAGE (l->data)->claims);
    while (g_hash_table_iter_next (&iter, &uid, NULL))
      find_user (users, GPOINTER_TO_UINT (uid))->images++;
  }
}

static void
add_user (BothyRegistry *self, GVariantBuilder *list, const User *user)
{
  BothyCeilings *ceilings = bothy_registry_get_ceilings (self);
  const BothyCgroupLimits *own = bothy_ceilings_get (ceilings, user->uid);
  const BothyCgroupLimits none = { 0 };
  BothyCgroupLimits holding = { 0 };
  g_autofree char *name = bothy_passwd_name (user->uid);

  bothy_limits_ceilings (bothy_ceilings_for (ceilings, user->uid), &holding);
  g_variant_builder_open (list, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (list, "{sv}", "uid", g_variant_new_uint32 (user->uid));
  g_variant_builder_add (list, "{sv}", "name", g_variant_new_string (name ? name : ""));
  g_variant_builder_add (list, "{sv}", "containers", g_variant_new_uint32 (user->containers));
  g_variant_builder_add (list, "{sv}", "running", g_variant_new_uint32 (user->running));
  g_variant_builder_add (list, "{sv}", "images", g_variant_new_uint32 (user->images));
  g_variant_builder_add (list, "{sv}", "volumes", g_variant_new_uint32 (user->volumes));
  g_variant_builder_add (list, "{sv}", "ranges", g_variant_new_uint32 (user->ranges));
  g_variant_builder_add (list, "{sv}", "ceilings", bothy_limits_to_variant (&holding));
  g_variant_builder_add (list, "{sv}", "own-ceilings", bothy_limits_given_to_variant (own ? own : &none));
  g_variant_builder_close (list);
}

static int
compare_users (gconstpointer a, gconstpointer b)
{
  const User *first = a, *second = b;

  return first->uid < second->uid ? -1 : first->uid > second->uid;
}

GVariant *
bothy_registry_list_users (BothyRegistry *self, guint32 user, gboolean all)
{
  g_autoptr (GHashTable) users = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GArray) with_ceilings = bothy_ceilings_list (bothy_registry_get_ceilings (self));
  g_autoptr (GList) sorted = NULL;
  GVariantBuilder list;

  count_containers (self, users);
  count_images (self, users);
  count_volumes (self, users);
  for (guint i = 0; i < with_ceilings->len; i++)
    find_user (users, g_array_index (with_ceilings, guint32, i));
  find_user (users, user);
  sorted = g_list_sort (g_hash_table_get_values (users), compare_users);
  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = sorted; l; l = l->next) {
    if (all || ((const User *)l->data)->uid == user)
      add_user (self, &list, l->data);
  }
  return g_variant_builder_end (&list);
}

/* ---- ceilings ---- */

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyContainer) container = user_data;
  g_autoptr (GError) error = NULL;

  /* It gets them with its next start. */
  if (!bothy_cgroup_manager_limit_finish (BOTHY_CGROUP_MANAGER (source), result, &error) && *container->group)
    g_warning ("Container %s: %s", container->id, error->message);
}

gboolean
bothy_registry_set_user_ceilings (BothyRegistry *self,
                                  guint32 user,
                                  const BothyCgroupLimits *ceilings,
                                  GError **error)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  g_autoptr (GList) list = NULL;

  if (!bothy_ceilings_set (bothy_registry_get_ceilings (self), user, ceilings, error))
    return FALSE;
  list = bothy_containers_list (containers);
  for (GList *l = list; l; l = l->next) {
    BothyContainer *container = l->data;

    if (container->owner != user)
      continue;
    bothy_containers_set_limits (containers, container, &container->spec->limits);
    bothy_disk_bound_unasked (self, container);
    if (*container->group)
      bothy_runner_limit (bothy_registry_get_runner (self), container, on_limited, g_object_ref (container));
  }
  return TRUE;
}
