/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/byhand/delegate.h"

#include "base/error.h"
#include "base/per-user.h"
#include "platform/pidfd.h"
#include "platform/untrusted-fd.h"

#include <errno.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- maps ---- */

/* Of one user at once: who stops the helper's process in his namespace holds one of its places for a while.
 */
#define MAX_MAPS 4

static BothyPerUser *maps; /* those that are under way */

static void
end_map (gpointer user)
{
  bothy_per_user_release (maps, GPOINTER_TO_UINT (user));
}

typedef struct {
  guint32 user;
  guint32 gid;
  int fd;
  BothyIdMap map;
  BothyHelperClient *helper;
} Mapping;

static void
mapping_free (Mapping *mapping)
{
  bothy_untrusted_fd_clear (&mapping->fd);
  g_object_unref (mapping->helper);
  g_free (mapping);
}

/* Signal 0 changes nothing; only what is no pidfd gives EBADF. */
static gboolean
is_pidfd (int fd)
{
  return syscall (SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0 || errno != EBADF;
}

/* Whose it is bothy-helper finds out. Another file must not get there: on a file system of a user's, closing
   it may wait for him, as may looking at it. */
static gboolean
may_be_namespace (int fd)
{
  struct statfs file_system;

  return is_pidfd (fd) || (fstatfs (fd, &file_system) == 0 && file_system.f_type == NSFS_MAGIC);
}

/* The group of the account. It is asked of NSS, which may take its time. */
static void
check_and_find_group (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Mapping *mapping = task_data;
  struct passwd account, *found = NULL;
  g_autofree char *buffer = g_malloc (65536);

  if (!may_be_namespace (mapping->fd))
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
        "This is no user namespace that you made in the host's, and no process of yours in one");
  else if (getpwuid_r (mapping->user, &account, buffer, 65536, &found) == 0 && found) {
    mapping->gid = found->pw_gid;
    g_task_return_boolean (task, TRUE);
  } else
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER,
                             "There is no account for the uid %u", mapping->user);
}

/* As long as MAP is being written (BY 1, afterwards -1), its ranges can not be given back: no process shows
   their ids yet, so bothy_conflicts_running() would not find any. */
static void
count_ranges (BothyRanges *ranges, const BothyIdMap *map, int by)
{
  for (guint i = 0; i < map->n_uids; i++)
    bothy_ranges_count_map (ranges, map->uids[i].outside, map->uids[i].count, by);
  for (guint i = 0; i < map->n_gids; i++)
    bothy_ranges_count_map (ranges, map->gids[i].outside, map->gids[i].count, by);
}

typedef struct {
  GTask *task;
  BothyRanges *ranges;
  BothyIdMap map;
} Writing;

static void
on_mapped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Writing *writing = user_data;
  g_autoptr (GTask) task = writing->task;
  g_autoptr (BothyRanges) ranges = writing->ranges;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  count_ranges (ranges, &writing->map, -1);
  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (fds)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
send_map (BothyRanges *ranges, const Mapping *mapping, gboolean keeps, GTask *task)
{
  const BothyIdMap *map = &mapping->map;
  struct helper_request request = {
    .op = HELPER_MAP,
    .owner = mapping->user,
    .owner_gid = mapping->gid,
    .n_extents = map->n_uids,
    .n_gid_extents = map->n_gids,
    .deny_setgroups = keeps,
  };
  g_autoptr (GUnixFDList) fds = bothy_untrusted_fds_new ();
  Writing *writing;
  GError *error = NULL;

  for (guint i = 0; i < HELPER_MAX_EXTENTS; i++) {
    request.extents[i] = map->uids[i];
    request.gid_extents[i] = map->gids[i];
  }
  if (bothy_untrusted_fds_append (fds, mapping->fd, &error) < 0) {
    g_task_return_error (task, error);
    return;
  }
  writing = g_new0 (Writing, 1);
  writing->task = g_object_ref (task);
  writing->ranges = g_object_ref (ranges);
  writing->map = *map;
  count_ranges (writing->ranges, map, 1);
  bothy_helper_client_call (mapping->helper, &request, fds, on_mapped, writing);
}

static void
on_group_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyRanges *ranges = BOTHY_RANGES (source);
  g_autoptr (GTask) task = user_data;
  const Mapping *mapping = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;
  gboolean keeps;

  if (g_task_propagate_boolean (G_TASK (result), &error) &&
      bothy_id_map_check (&mapping->map, ranges, mapping->user, mapping->gid, &keeps, &error))
    send_map (ranges, mapping, keeps, task);
  else
    g_task_return_error (task, error);
}

void
bothy_byhand_map (BothyRanges *ranges,
                  BothyHelperClient *helper,
                  guint32 user,
                  int fd,
                  const BothyIdMap *map,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (ranges, NULL, callback, user_data);
  g_autoptr (GTask) search = NULL;
  GError *error = NULL;
  Mapping *mapping;
  int copy;

  if (!maps)
    maps = bothy_per_user_new (MAX_MAPS, 0);
  if (!bothy_per_user_take (maps, user)) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
                             "You have %d user namespaces being mapped; wait for one", MAX_MAPS);
    return;
  }
  g_task_set_task_data (task, GUINT_TO_POINTER (user), end_map);
  copy = bothy_untrusted_fd_dup (fd, &error);
  if (copy < 0) {
    g_task_return_error (task, error);
    return;
  }
  search = g_task_new (ranges, NULL, on_group_found, g_object_ref (task));
  mapping = g_new0 (Mapping, 1);
  mapping->user = user;
  mapping->fd = copy;
  mapping->map = *map;
  mapping->helper = g_object_ref (helper);
  g_task_set_task_data (search, mapping, (GDestroyNotify)mapping_free);
  g_task_run_in_thread (search, check_and_find_group);
}

gboolean
bothy_byhand_map_finish (BothyRanges *ranges, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- control groups ---- */

static gboolean
may_own (BothyRanges *ranges, guint32 user, guint32 owner)
{
  return owner == user || bothy_ranges_are_by_hand (ranges, user, owner, 1);
}

gboolean
bothy_byhand_find_left_group (BothyRanges *ranges,
                              BothyCgroupManager *cgroups,
                              guint32 user,
                              int pidfd,
                              guint32 owner,
                              char **ret_group,
                              GError **error)
{
  g_autofree char *group = NULL;
  int pid;

  *ret_group = NULL;
  if (!may_own (ranges, user, owner)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                 "You do not hold the uid %u by hand; \"bothy range list\" shows what you hold", owner);
    return FALSE;
  }
  if (!bothy_pidfd_check (pidfd, user, &pid, error))
    return FALSE;
  group = bothy_cgroup_manager_of_process ((guint32)pid);
  if (!group) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS, "The process's control group can not be read");
    return FALSE;
  }
  if (!bothy_cgroup_manager_is_of_user (cgroups, group, user))
    *ret_group = g_steal_pointer (&group);
  return TRUE;
}

static void
on_delegated (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char *group = g_task_propagate_pointer (G_TASK (result), &error);

  if (group)
    g_task_return_pointer (task, group, g_free);
  else
    g_task_return_error (task, error);
}

void
bothy_byhand_delegate (BothyRanges *ranges,
                       BothyCgroupManager *cgroups,
                       guint32 user,
                       int pidfd,
                       guint32 owner,
                       gboolean allowed,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (ranges, NULL, callback, user_data);
  g_autofree char *left = NULL;
  GError *error = NULL;

  if (!bothy_byhand_find_left_group (ranges, cgroups, user, pidfd, owner, &left, &error))
    g_task_return_error (task, error);
  else if (left && !allowed)
    g_task_return_new_error (
        task, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
        "The process is in the control group %s, which is none of yours, and would leave what "
        "bounds it there; call from a login session, or ask an administrator",
        left);
  else
    bothy_cgroup_manager_delegate (cgroups, user, owner, pidfd, on_delegated, g_object_ref (task));
}

char *
bothy_byhand_delegate_finish (BothyRanges *ranges, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
