/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/tree.h"

#include "base/error.h"
#include "base/fd.h"
#include "platform/untrusted-fd.h"

#define N_MOUNTS 2

typedef struct {
  BothyHelperClient *helper;
  guint32 user;
  GUnixFDList *tree;
  BothyAdoptMap map;
  GUnixFDList *mounts; /* those that are there */
} Mounting;

static void
mounting_free (Mounting *mounting)
{
  g_object_unref (mounting->helper);
  g_object_unref (mounting->tree);
  g_clear_object (&mounting->mounts);
  g_free (mounting);
}

static void mount_next (GTask *task);

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Mounting *mounting = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) reply =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  autofd mount = reply ? g_unix_fd_list_get (reply, 0, &error) : -1;

  if (mount < 0 || g_unix_fd_list_append (mounting->mounts, mount, &error) < 0) {
    bothy_error_adopt (&error, "Keeping a file descriptor");
    g_prefix_error (&error, "Its tree: ");
    g_task_return_error (task, error);
    return;
  }
  bothy_untrusted_fds_set_user (mounting->mounts, mounting->user);
  mount_next (task);
}

static void
on_namespace (GObject *source, GAsyncResult *result, gpointer user_data)
{
  static const struct helper_request request = { .op = HELPER_TREE_MOUNT };
  g_autoptr (GTask) task = user_data;
  Mounting *mounting = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) reply =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  g_autoptr (GUnixFDList) fds = bothy_untrusted_fds_new ();
  autofd userns = reply ? g_unix_fd_list_get (reply, 0, &error) : -1;

  if (userns >= 0 && g_unix_fd_list_append (fds, userns, &error) >= 0)
    bothy_untrusted_fds_append (fds, g_unix_fd_list_peek_fds (mounting->tree, NULL)[0], &error);
  if (error)
    g_task_return_error (task, error);
  else
    bothy_helper_client_call (mounting->helper, &request, fds, on_mounted, g_object_ref (task));
}

static void
mount_next (GTask *task)
{
  Mounting *mounting = g_task_get_task_data (task);
  guint n = (guint)g_unix_fd_list_get_length (mounting->mounts);
  struct helper_request request;

  if (n == N_MOUNTS) {
    g_task_return_pointer (task, g_steal_pointer (&mounting->mounts), g_object_unref);
    return;
  }
  bothy_adopt_map_fill (&mounting->map, n, &request);
  bothy_helper_client_call (mounting->helper, &request, NULL, on_namespace, g_object_ref (task));
}

void
bothy_adopt_tree_mount (BothyHelperClient *helper,
                        guint32 user,
                        GUnixFDList *tree,
                        const BothyAdoptMap *map,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Mounting *mounting = g_new0 (Mounting, 1);

  mounting->helper = g_object_ref (helper);
  mounting->user = user;
  mounting->tree = g_object_ref (tree);
  mounting->map = *map;
  mounting->mounts = bothy_untrusted_fds_new ();
  g_task_set_task_data (task, mounting, (GDestroyNotify)mounting_free);
  mount_next (task);
}

GUnixFDList *
bothy_adopt_tree_mount_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
