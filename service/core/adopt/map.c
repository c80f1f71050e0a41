/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/map.h"

#include "base/error.h"
#include "base/ids.h"
#include "core/accounts/nss.h"
#include "core/ids/conflicts.h"

static gboolean
add_extent (struct helper_extent *extents, guint *n, guint32 inside, guint32 outside, guint32 count)
{
  if (inside >= BOTHY_RANGE_SIZE || count == 0)
    return TRUE;
  if (*n == HELPER_MAX_EXTENTS)
    return FALSE;
  extents[(*n)++] = (struct helper_extent){ inside, outside, MIN (count, BOTHY_RANGE_SIZE - inside) };
  return TRUE;
}

gboolean
bothy_adopt_map_add (BothyAdoptMap *self, char kind, guint32 inside, guint32 outside, guint32 count)
{
  if ((kind != 'u' && kind != 'g' && kind != 'b') || (guint64)outside + count > G_MAXUINT32)
    return FALSE;
  return (kind == 'g' || add_extent (self->uids, &self->n_uids, inside, outside, count)) &&
         (kind == 'u' || add_extent (self->gids, &self->n_gids, inside, outside, count));
}

/* Those between are accounts of the machine, each of which is somebody else's. */
static gboolean
can_begin (guint32 id)
{
  return id == 0 || id >= BOTHY_RANGE_SIZE;
}

gboolean
bothy_adopt_map_guess (
    BothyAdoptMap *self, guint32 uid, guint32 gid, guint32 owner, guint32 owner_gid, GError **error)
{
  *self = (BothyAdoptMap){ 0 };
  if (owner != 0 && uid == owner)
    return bothy_adopt_map_add (self, 'u', 0, owner, 1) && bothy_adopt_map_add (self, 'g', 0, owner_gid, 1);
  if (can_begin (uid) && can_begin (gid) && bothy_adopt_map_add (self, 'u', 0, uid, BOTHY_RANGE_SIZE) &&
      bothy_adopt_map_add (self, 'g', 0, gid, BOTHY_RANGE_SIZE))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
      "Its tree belongs to %u:%u, who is not the user that the container is for, and no range of ids "
      "begins there; say which ids its files have in a configuration of LXC's (lxc.idmap)",
      uid, gid);
  return FALSE;
}

static gboolean
find_root (const struct helper_extent *extents, guint n, guint32 *ret_id)
{
  for (guint i = 0; i < n; i++) {
    if (extents[i].inside == 0) {
      *ret_id = extents[i].outside;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
bothy_adopt_map_get_root (const BothyAdoptMap *self, guint32 *ret_uid)
{
  return find_root (self->uids, self->n_uids, ret_uid);
}

gboolean
bothy_adopt_map_has_roots (const BothyAdoptMap *self)
{
  guint32 uid, gid;

  return find_root (self->uids, self->n_uids, &uid) && find_root (self->gids, self->n_gids, &gid);
}

gboolean
bothy_adopt_map_is_privileged (const BothyAdoptMap *self)
{
  guint32 root;

  return bothy_adopt_map_get_root (self, &root) && root == 0;
}

char *
bothy_adopt_map_describe (const BothyAdoptMap *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->n_uids; i++) {
    const struct helper_extent *e = &self->uids[i];

    if (e->count == 1)
      g_string_append_printf (text, "%s%u is %u", i > 0 ? ", " : "", e->inside, e->outside);
    else
      g_string_append_printf (text, "%s%u-%u are %u-%u", i > 0 ? ", " : "", e->inside,
                              e->inside + e->count - 1, e->outside, e->outside + e->count - 1);
  }
  return g_string_free (text, FALSE);
}

/* ---- whose they are ---- */

typedef struct {
  BothyAdoptMap map;
  guint32 user;
  guint32 gid;
  char *name;
} Check;

static void
check_free (Check *check)
{
  g_free (check->name);
  g_free (check);
}

static gboolean
check_extents (const Check *check, gboolean gids, GError **error)
{
  const struct helper_extent *extents = gids ? check->map.gids : check->map.uids;
  guint n = gids ? check->map.n_gids : check->map.n_uids;
  guint32 own = gids ? check->gid : check->user;

  for (guint i = 0; i < n; i++) {
    const struct helper_extent *e = &extents[i];

    if ((e->count == 1 && e->outside == own) ||
        bothy_conflicts_is_subordinate (check->name, gids, e->outside, e->count))
      continue;
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                 "Files in it may have the %s %u to %u, and these are not yours by %s; root can "
                 "adopt it for you (\"sudo bothy adopt --owner\")",
                 gids ? "group ids" : "ids", e->outside, e->outside + e->count - 1,
                 gids ? "/etc/subgid" : "/etc/subuid");
    return FALSE;
  }
  return TRUE;
}

static void
check_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (check_extents (task_data, FALSE, &error) && check_extents (task_data, TRUE, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_account (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (BothyAccount) account = bothy_account_look_up_finish (result);

  check->gid = account->gid;
  check->name = g_strdup (account->name);
  g_task_run_in_thread (task, check_in_thread);
}

void
bothy_adopt_map_check (const BothyAdoptMap *self,
                       guint32 user,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  static const char *const no_groups[] = { NULL };
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Check *check = g_new0 (Check, 1);

  check->map = *self;
  check->user = user;
  g_task_set_task_data (task, check, (GDestroyNotify)check_free);
  bothy_account_look_up (user, no_groups, on_account, task);
}

gboolean
bothy_adopt_map_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- whether they are root's alone ---- */

static gboolean
check_extents_roots (const struct helper_extent *extents, guint n, gboolean gids, GError **error)
{
  for (guint i = 0; i < n; i++) {
    const struct helper_extent *e = &extents[i];

    if (e->outside == 0)
      continue;
    if (e->count == 1 || !can_begin (e->outside)) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS, "The %s %u is of an account of the machine",
                   gids ? "group id" : "id", e->outside);
      return FALSE;
    }
    if (!bothy_conflicts_check_roots (gids, e->outside, e->count, error))
      return FALSE;
  }
  return TRUE;
}

static void
check_roots_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const BothyAdoptMap *map = task_data;
  GError *error = NULL;

  if (check_extents_roots (map->uids, map->n_uids, FALSE, &error) &&
      check_extents_roots (map->gids, map->n_gids, TRUE, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_adopt_map_check_roots (const BothyAdoptMap *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_task_data (task, g_memdup2 (self, sizeof *self), g_free);
  g_task_run_in_thread (task, check_roots_in_thread);
}

gboolean
bothy_adopt_map_check_roots_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- as a mount has it ---- */

static guint32
fill_extents (const struct helper_extent *from, guint n, guint32 shift, struct helper_extent *to)
{
  guint32 filled = 0;

  for (guint i = 0; i < n; i++) {
    guint32 first = from[i].inside + shift;

    if (first < BOTHY_RANGE_SIZE)
      to[filled++] = (struct helper_extent){ from[i].outside, BOTHY_NEUTRAL_BASE + first,
                                             MIN (from[i].count, BOTHY_RANGE_SIZE - first) };
  }
  return filled;
}

void
bothy_adopt_map_fill (const BothyAdoptMap *self, guint32 shift, struct helper_request *request)
{
  *request = (struct helper_request){ .op = HELPER_USERNS, .owner = BOTHY_NEUTRAL_BASE };
  request->n_extents = fill_extents (self->uids, self->n_uids, shift, request->extents);
  request->n_gid_extents = fill_extents (self->gids, self->n_gids, shift, request->gid_extents);
  /* The helper has a map of uids in place of none of gids, and none of both is refused. */
  if (request->n_gid_extents == 0)
    request->n_extents = 0;
}
