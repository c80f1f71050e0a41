/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/accounts/nss.h"

#include "base/error.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#define BUFFER_SIZE (256 * 1024) /* a group may have many members */
#define MAX_GROUPS  65536
#define MAX_NAME    64
#define CHARACTERS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+$\\-"

void
bothy_account_free (BothyAccount *self)
{
  g_free (self->name);
  g_clear_pointer (&self->groups, g_hash_table_unref);
  g_array_unref (self->gids);
  g_free (self);
}

gboolean
bothy_account_check_principal (const char *text, GError **error)
{
  const char *name = text[0] == '@' ? text + 1 : text;
  gsize length = strlen (name);

  if (length > 0 && length <= MAX_NAME && strspn (name, CHARACTERS) == length && name[0] != '-' &&
      name[0] != '@')
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "principal: the name of a user, or @ and the name of a group, is wanted");
  return FALSE;
}

static gboolean
find_user (const char *name, guint32 *ret_uid, guint32 *ret_gid)
{
  g_autofree char *buffer = g_malloc (BUFFER_SIZE);
  struct passwd account, *found = NULL;

  if (getpwnam_r (name, &account, buffer, BUFFER_SIZE, &found) != 0 || !found)
    return FALSE;
  *ret_uid = found->pw_uid;
  *ret_gid = found->pw_gid;
  return TRUE;
}

static gboolean
find_group (const char *name, guint32 *ret_gid)
{
  g_autofree char *buffer = g_malloc (BUFFER_SIZE);
  struct group group, *found = NULL;

  if (getgrnam_r (name, &group, buffer, BUFFER_SIZE, &found) != 0 || !found)
    return FALSE;
  *ret_gid = found->gr_gid;
  return TRUE;
}

/* ---- one account ---- */

typedef struct {
  guint32 uid;
  char **groups; /* NULL: the gids of all of them */
} LookUp;

static void
look_up_free (LookUp *look_up)
{
  g_strfreev (look_up->groups);
  g_free (look_up);
}

static void
add_groups (BothyAccount *account, guint32 gid, char **names)
{
  int n = 0;
  g_autofree gid_t *gids = NULL;

  getgrouplist (account->name, gid, NULL, &n);
  n = CLAMP (n, 1, MAX_GROUPS);
  gids = g_new0 (gid_t, n);
  if (getgrouplist (account->name, gid, gids, &n) < 0)
    return;
  if (!names)
    g_array_append_vals (account->gids, gids, (guint)n);
  for (char **name = names; name && *name; name++) {
    guint32 wanted;

    for (int i = 0; find_group (*name, &wanted) && i < n; i++) {
      if (gids[i] == wanted)
        g_hash_table_insert (account->groups, g_strdup (*name), GUINT_TO_POINTER (wanted));
    }
  }
}

static void
look_up (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const LookUp *wanted = task_data;
  BothyAccount *account = g_new0 (BothyAccount, 1);
  g_autofree char *buffer = g_malloc (BUFFER_SIZE);
  struct passwd entry, *found = NULL;

  account->uid = account->gid = wanted->uid;
  account->groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  account->gids = g_array_new (FALSE, FALSE, sizeof (guint32));
  if (getpwuid_r (wanted->uid, &entry, buffer, BUFFER_SIZE, &found) != 0 || !found)
    account->name = g_strdup ("");
  else {
    account->name = g_strdup (found->pw_name);
    account->gid = found->pw_gid;
    if (!wanted->groups || wanted->groups[0])
      add_groups (account, found->pw_gid, wanted->groups);
  }
  g_task_return_pointer (task, account, (GDestroyNotify)bothy_account_free);
}

void
bothy_account_look_up (guint32 uid,
                       const char *const *groups,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  LookUp *wanted = g_new0 (LookUp, 1);

  wanted->uid = uid;
  wanted->groups = g_strdupv ((char **)groups);
  g_task_set_task_data (task, wanted, (GDestroyNotify)look_up_free);
  g_task_run_in_thread (task, look_up);
}

void
bothy_account_look_up_groups (guint32 uid, GAsyncReadyCallback callback, gpointer user_data)
{
  bothy_account_look_up (uid, NULL, callback, user_data);
}

BothyAccount *
bothy_account_look_up_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

/* ---- names ---- */

static void
resolve (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const char *principal = task_data;
  guint32 id, gid;
  gboolean found = principal[0] == '@' ? find_group (principal + 1, &id) : find_user (principal, &id, &gid);

  if (found)
    g_task_return_int (task, (gssize)id);
  else
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_ACCOUNT, "There is no %s %s",
                             principal[0] == '@' ? "group" : "user",
                             principal[0] == '@' ? principal + 1 : principal);
}

void
bothy_account_resolve (const char *principal, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_task_data (task, g_strdup (principal), g_free);
  g_task_run_in_thread (task, resolve);
}

gboolean
bothy_account_resolve_finish (GAsyncResult *result, guint32 *ret_id, GError **error)
{
  gssize id = g_task_propagate_int (G_TASK (result), error);

  *ret_id = (guint32)id;
  return id >= 0;
}

static void
resolve_all (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GArray *uids = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (char **user = task_data; *user; user++) {
    guint32 uid, gid;

    if (find_user (*user, &uid, &gid))
      g_array_append_val (uids, uid);
  }
  g_task_return_pointer (task, uids, (GDestroyNotify)g_array_unref);
}

void
bothy_account_resolve_all (char **users, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_task_data (task, g_strdupv (users), (GDestroyNotify)g_strfreev);
  g_task_run_in_thread (task, resolve_all);
}

GArray *
bothy_account_resolve_all_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
