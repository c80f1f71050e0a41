/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/mounts/folder.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/per-user.h"
#include "core/accounts/nss.h"
#include "platform/untrusted-fd.h"

#include <string.h>

/* Of one user's at once: fewer than bothy-helper has places for, so that nobody is refused who opens many. */
#define MAX_AT_ONCE 3

typedef struct {
  BothyHelperClient *helper;
  guint32 owner;
  guint32 range_base;
  BothyMount *mount;
  BothyAccount *account;
  GUnixFDList *folder; /* what the owner opened */
  gboolean has_turn;
} Folder;

static BothyPerUser *
get_turns (void)
{
  static BothyPerUser *turns;

  if (!turns)
    turns = bothy_per_user_new (MAX_AT_ONCE, 0);
  return turns;
}

static void
end_turn (Folder *folder)
{
  if (folder->has_turn)
    bothy_per_user_release (get_turns (), folder->owner);
  folder->has_turn = FALSE;
}

static void
folder_free (gpointer data)
{
  Folder *folder = data;

  end_turn (folder);
  bothy_mount_free (folder->mount);
  g_clear_pointer (&folder->account, bothy_account_free);
  g_clear_object (&folder->folder);
  g_object_unref (folder->helper);
  g_free (folder);
}

/* Ends TASK with ERROR (taken over), about its directory. */
static void
fail_folder (GTask *task, GError *error)
{
  Folder *folder = g_task_get_task_data (task);
  g_autofree char *shown = g_utf8_make_valid (folder->mount->source, -1);

  g_prefix_error (&error, "%s %s: ", folder->mount->volume ? "Volume" : "Directory", shown);
  end_turn (folder);
  g_task_return_error (task, error);
}

/* The one fd of REPLY in a list that closes it as a user's; NULL with an error. */
static GUnixFDList *
take_fd (GUnixFDList *reply, guint32 user, GError **error)
{
  g_autoptr (GUnixFDList) list = bothy_untrusted_fds_new ();
  autofd fd = -1;

  if (g_unix_fd_list_get_length (reply) != 1) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "bothy-helper: a file descriptor is missing in its reply");
    return NULL;
  }
  fd = g_unix_fd_list_get (reply, 0, error);
  if (fd < 0 || g_unix_fd_list_append (list, fd, error) < 0) {
    bothy_error_adopt (error, "Keeping a file descriptor");
    return NULL;
  }
  bothy_untrusted_fds_set_user (list, user);
  return g_steal_pointer (&list);
}

/* ---- the mount ---- */

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Folder *folder = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) reply = NULL;
  GUnixFDList *list = NULL;
  GError *error = NULL;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (reply)
    list = take_fd (reply, folder->owner, &error);
  if (!list) {
    fail_folder (task, error);
    return;
  }
  end_turn (folder);
  g_task_return_pointer (task, list, g_object_unref);
}

static void
on_idmap_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_FOLDER_MOUNT };
  g_autoptr (GTask) task = user_data;
  Folder *folder = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) reply = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GError *error = NULL;

  request.folder.read_only = folder->mount->read_only != FALSE;
  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (reply) {
    autofd userns = g_unix_fd_list_get (reply, 0, &error);

    if (userns >= 0 && g_unix_fd_list_append (fds, userns, &error) >= 0)
      g_unix_fd_list_append (fds, g_unix_fd_list_peek_fds (folder->folder, NULL)[0], &error);
    bothy_error_adopt (&error, "Passing a file descriptor on");
  }
  if (error)
    fail_folder (task, error);
  else
    bothy_helper_client_call (folder->helper, &request, fds, on_mounted, g_object_ref (task));
}

/* The owner's uid and gid, on the file system, are those of one user inside; no other id is mapped. */
static void
request_idmap (GTask *task)
{
  const Folder *folder = g_task_get_task_data (task);
  struct helper_request request = {
    .op = HELPER_USERNS,
    .owner = folder->range_base,
    .n_extents = 1,
    .extents = { { folder->owner, folder->range_base + folder->mount->uid, 1 } },
    .n_gid_extents = 1,
    .gid_extents = { { folder->account->gid, folder->range_base + folder->mount->gid, 1 } },
  };

  bothy_helper_client_call (folder->helper, &request, NULL, on_idmap_namespace, g_object_ref (task));
}

/* ---- a volume ---- */

static void
on_volume_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_VOLUME, .n_layers = 1 };
  g_autoptr (GTask) task = user_data;
  const Folder *folder = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  fds = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!fds) {
    fail_folder (task, error);
    return;
  }
  request.layers[0].kind = folder->mount->read_only ? HELPER_LAYER_VOLUME_READ_ONLY : HELPER_LAYER_VOLUME;
  g_strlcpy (request.layers[0].id, folder->mount->volume, sizeof request.layers[0].id);
  bothy_helper_client_call (folder->helper, &request, fds, on_mounted, g_object_ref (task));
}

/* On disk its files have the neutral ids, as all of a container's. */
static void
request_volume (GTask *task)
{
  const Folder *folder = g_task_get_task_data (task);
  const struct helper_request request = {
    .op = HELPER_USERNS,
    .owner = folder->range_base,
    .n_extents = 1,
    .extents = { { BOTHY_NEUTRAL_BASE, folder->range_base, BOTHY_RANGE_SIZE } },
  };

  bothy_helper_client_call (folder->helper, &request, NULL, on_volume_namespace, g_object_ref (task));
}

/* ---- opened as the owner ---- */

static gboolean
check_identity (const Folder *folder, GError **error)
{
  guint64 device, inode;
  mode_t mode;

  if (bothy_untrusted_fd_identify (g_unix_fd_list_peek_fds (folder->folder, NULL)[0], &mode, &device,
                                   &inode) &&
      bothy_mount_is_of (folder->mount, device, inode))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
      "what is there now is not the directory that was mounted: it was replaced, or a link leads elsewhere");
  return FALSE;
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Folder *folder = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) reply = NULL;
  GError *error = NULL;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (reply)
    folder->folder = take_fd (reply, folder->owner, &error);
  if (folder->folder && check_identity (folder, &error))
    request_idmap (task);
  else
    fail_folder (task, error);
}

static void
open_folder (gpointer data)
{
  g_autoptr (GTask) task = data;
  Folder *folder = g_task_get_task_data (task);
  const GArray *gids = folder->account->gids;
  struct helper_request request = { .op = HELPER_FOLDER,
                                    .owner = folder->owner,
                                    .owner_gid = folder->account->gid };

  folder->has_turn = TRUE;
  request.folder.n_groups = MIN (gids->len, HELPER_MAX_GROUPS);
  for (guint i = 0; i < request.folder.n_groups; i++)
    request.folder.groups[i] = g_array_index (gids, guint32, i);
  g_strlcpy (request.folder.path, folder->mount->source, sizeof request.folder.path);
  bothy_helper_client_call (folder->helper, &request, NULL, on_opened, g_object_ref (task));
}

/* The gid is the account's: without one, who knows whose the number is. */
static gboolean
check_account (const Folder *folder, GError **error)
{
  if (!*folder->account->name)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_ACCOUNT,
                 "the container's owner has no account any more, uid %u", folder->owner);
  else if (folder->owner == 0 || folder->account->gid == 0)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "root's files are not for containers: a program that one made setuid there would be root's "
                 "outside, and "
                 "read-only keeps nobody from the sockets of root's services; do it as a user of your own");
  else
    return TRUE;
  return FALSE;
}

static void
on_account (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Folder *folder = g_task_get_task_data (task);
  GError *error = NULL;

  folder->account = bothy_account_look_up_finish (result);
  if (check_account (folder, &error))
    bothy_per_user_wait (get_turns (), folder->owner, open_folder, g_object_ref (task));
  else
    fail_folder (task, error);
}

void
bothy_folder_mount (BothyHelperClient *helper,
                    guint32 owner,
                    guint32 range_base,
                    const BothyMount *mount,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  GTask *task = g_task_new (helper, NULL, callback, user_data);
  Folder *folder = g_new0 (Folder, 1);

  folder->helper = g_object_ref (helper);
  folder->owner = owner;
  folder->range_base = range_base;
  folder->mount = bothy_mount_copy (mount);
  g_task_set_task_data (task, folder, folder_free);
  if (mount->volume) {
    request_volume (task);
    g_object_unref (task);
  } else
    bothy_account_look_up_groups (owner, on_account, task);
}

GUnixFDList *
bothy_folder_mount_finish (BothyHelperClient *helper, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
