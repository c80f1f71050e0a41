/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/trees.h"

#include "config.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/per-user.h"
#include "core/accounts/nss.h"
#include "core/container/layers.h"

#include <glib-unix.h>

#define PLACE    RUNTIME_DIR "/trees"
#define MAX_EACH 16   /* of one user's at once */
#define LEAVE_MS 3000 /* what a program has open may be closed in so long */

struct _BothyTrees {
  GObject parent;
  BothyHelperClient *helper;
  BothyImageStore *images;
  BothyUppers *uppers;
  BothyPerUser *each;
  GHashTable *trees; /* id of the container → Tree */
};

G_DEFINE_FINAL_TYPE (BothyTrees, bothy_trees, G_TYPE_OBJECT)

/* One that is mounted, or was and is still in use. */
typedef struct {
  BothyTrees *trees;
  BothyContainer *container;
  guint watch;
  GPtrArray *waiting; /* GTask, for its end */
  guint timer;
} Tree;

static guint settled_signal;

/* ---- one that is open ---- */

static void
tree_free (gpointer data)
{
  Tree *tree = data;

  if (tree->watch)
    g_source_remove (tree->watch);
  if (tree->timer)
    g_source_remove (tree->timer);
  bothy_per_user_release (tree->trees->each, tree->container->owner);
  g_ptr_array_unref (tree->waiting);
  g_object_unref (tree->container);
  g_free (tree);
}

/* Nothing keeps its file system any more. */
static gboolean
on_gone (gint fd, GIOCondition condition, gpointer user_data)
{
  Tree *tree = user_data;
  BothyTrees *self = tree->trees;
  g_autoptr (BothyContainer) container = g_object_ref (tree->container);
  g_autoptr (GPtrArray) waiting = g_ptr_array_ref (tree->waiting);

  tree->watch = 0;
  close (fd);
  g_hash_table_remove (self->trees, container->id);
  bothy_container_set_tree (container, "", FALSE);
  for (guint i = 0; i < waiting->len; i++)
    g_task_return_boolean (waiting->pdata[i], TRUE);
  g_signal_emit (self, settled_signal, 0);
  return G_SOURCE_REMOVE;
}

/* CONTAINER's files are open, and WATCH (taken over) will say when they are no more. One more was counted for its owner. */
static void
add_tree (BothyTrees *self, BothyContainer *container, int watch)
{
  Tree *tree = g_new0 (Tree, 1);

  tree->trees = self;
  tree->container = g_object_ref (container);
  tree->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  tree->watch = g_unix_fd_add (watch, G_IO_IN, on_gone, tree);
  g_hash_table_insert (self->trees, container->id, tree);
}

/* ---- opening ---- */

typedef struct {
  BothyContainer *container;
  BothyAccount *account;
  gboolean counted;
  GError *error; /* while what failed is taken back */
} Opening;

static void
opening_free (gpointer data)
{
  Opening *opening = data;

  g_clear_pointer (&opening->account, bothy_account_free);
  g_clear_error (&opening->error);
  g_object_unref (opening->container);
  g_free (opening);
}

/* It is over: RESULT (transfer full), or ERROR (taken over). */
static void
end_opening (GTask *task, GUnixFDList *result, GError *error)
{
  BothyTrees *self = g_task_get_source_object (task);
  const Opening *opening = g_task_get_task_data (task);

  if (opening->counted && !g_hash_table_contains (self->trees, opening->container->id))
    bothy_per_user_release (self->each, opening->container->owner);
  bothy_container_end (opening->container);
  if (error) {
    g_prefix_error (&error, "Files of container %s: ", opening->container->spec->name);
    g_task_return_error (task, error);
  } else
    g_task_return_pointer (task, result, g_object_unref);
}

/* The fd that is number INDEX of REPLY, or -1 with an error. */
static int
get_fd (GUnixFDList *reply, int index, GError **error)
{
  int fd = -1;

  if (index < g_unix_fd_list_get_length (reply))
    fd = g_unix_fd_list_get (reply, index, error);
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "bothy-helper: a file descriptor is missing in its reply");
  bothy_error_adopt (error, "Keeping a file descriptor");
  return fd;
}

static void
on_cloned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GUnixFDList *reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  end_opening (task, reply, error);
}

/* The clone is all that the caller gets; the watch stays here. */
static GUnixFDList *
take_tree (BothyTrees *self, BothyContainer *container, GUnixFDList *reply, GError **error)
{
  g_autofree char *path = g_strdup_printf (PLACE "/%u/%s", container->owner, container->spec->name);
  int watch = get_fd (reply, 0, error);
  autofd mount = -1;

  if (watch < 0)
    return NULL;
  add_tree (self, container, watch);
  bothy_container_set_tree (container, path, TRUE);
  mount = get_fd (reply, 1, error);
  return mount >= 0 ? bothy_fd_list (&mount, 1, error) : NULL;
}

static void
unmount (BothyTrees *self, guint32 owner, const char *name, GAsyncReadyCallback callback, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_TREE_CLOSE, .owner = owner };

  g_strlcpy (request.name, name, sizeof request.name);
  bothy_helper_client_call (self->helper, &request, NULL, callback, user_data);
}

/* REPLY to the request to unmount what is CONTAINER's, and that nobody knew of: what is open of it still is known from now on. */
static void
take_left (BothyTrees *self, BothyContainer *container, GUnixFDList *reply)
{
  g_autoptr (GError) error = NULL;
  int watch;

  if (g_unix_fd_list_get_length (reply) == 0 || g_hash_table_contains (self->trees, container->id))
    return;
  watch = get_fd (reply, 0, &error);
  if (watch < 0) {
    g_warning ("Files of container %s: %s", container->id, error->message);
    return;
  }
  add_tree (self, container, watch);
  bothy_container_set_tree (container, "", TRUE);
}

static void
on_undone (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Opening *opening = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) reply =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, NULL);

  if (reply)
    take_left (g_task_get_source_object (task), opening->container, reply);
  end_opening (task, NULL, g_steal_pointer (&opening->error));
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Opening *opening = g_task_get_task_data (task);
  BothyTrees *self = g_task_get_source_object (task);
  g_autoptr (GUnixFDList) reply = NULL;
  GUnixFDList *mount = NULL;
  GError *error = NULL;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (reply) {
    BOTHY_FAULT_POINT ("tree.mounted");
    mount = take_tree (self, opening->container, reply, &error);
  } else if (!g_hash_table_contains (self->trees, opening->container->id)) {
    /* The helper may have been killed when it had it. */
    opening->error = error;
    unmount (self, opening->container->owner, opening->container->spec->name, on_undone, g_object_ref (task));
    return;
  }
  end_opening (task, mount, error);
}

/* CONTAINER's root is UID and GID, and all others are who they are when it runs. */
static void
map_ids (struct helper_request *request, const BothyContainer *container, guint32 gid)
{
  const struct helper_extent others = { BOTHY_NEUTRAL_BASE + 1, container->range_base + 1,
                                        BOTHY_RANGE_SIZE - 1 };

  request->owner = container->owner;
  request->owner_gid = gid;
  request->n_extents = request->n_gid_extents = 2;
  request->extents[0] = (struct helper_extent){ BOTHY_NEUTRAL_BASE, container->owner, 1 };
  request->gid_extents[0] = (struct helper_extent){ BOTHY_NEUTRAL_BASE, gid, 1 };
  request->extents[1] = request->gid_extents[1] = others;
}

static void
on_account (GObject *source, GAsyncResult *result, gpointer user_data)
{
  struct helper_request request = { .op = HELPER_TREE };
  g_autoptr (GTask) task = user_data;
  BothyTrees *self = g_task_get_source_object (task);
  Opening *opening = g_task_get_task_data (task);
  const BothyContainer *container = opening->container;
  BothyContainerStack stack;
  GError *error = NULL;

  opening->account = bothy_account_look_up_finish (result);
  if (!*opening->account->name)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_ACCOUNT,
                 "the container's owner has no account any more, uid %u", container->owner);
  else if (opening->account->gid == 0)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "the owner's group is root's, and files of containers are not for it");
  else if (bothy_container_list_layers (container, self->uppers, self->images, &request, &stack, &error) &&
           stack.is_placed)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "they lie where they were before it was adopted, and are an administrator's to show");
  if (error) {
    end_opening (task, NULL, error);
    return;
  }
  map_ids (&request, container, opening->account->gid);
  g_strlcpy (request.name, container->spec->name, sizeof request.name);
  bothy_helper_client_call (self->helper, &request, NULL, on_mounted, g_object_ref (task));
}

static gboolean
check (BothyContainer *container, GError **error)
{
  if (container->owner == 0)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 "files of containers are never shown as root's: what is in them would be trusted as root's; "
                 "\"bothy cp\" copies them");
  else if (bothy_container_is_active (container))
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
        "it runs, and the kernel can show them as yours only while it does not (an overlay can not be "
        "idmapped); stop it, copy files with \"bothy cp\", or share a directory with \"bothy mount "
        "add\"");
  else if (container->files.fresh)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "it did not run since it was made, or since its last snapshot; start it once");
  else if (!*container->tree && container->files_open)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY,
                 "some of those from before are still open in a program; close them");
  else
    return TRUE;
  return FALSE;
}

static void
clone_tree (BothyTrees *self, GTask *task)
{
  struct helper_request request = { .op = HELPER_TREE_CLONE };
  const BothyContainer *container = ((Opening *)g_task_get_task_data (task))->container;

  request.owner = container->owner;
  g_strlcpy (request.name, container->spec->name, sizeof request.name);
  bothy_helper_client_call (self->helper, &request, NULL, on_cloned, g_object_ref (task));
}

void
bothy_trees_open (BothyTrees *self,
                  BothyContainer *container,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Opening *opening = g_new0 (Opening, 1);
  GError *error = NULL;

  opening->container = g_object_ref (container);
  g_task_set_task_data (task, opening, opening_free);
  if (!bothy_container_begin (container, "opening its files", &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (check (container, &error) && !*container->tree) {
    opening->counted = bothy_per_user_take (self->each, container->owner);
    if (!opening->counted)
      g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                   "those of %d containers are open, and a user may have so many; close some first (\"bothy "
                   "files --unmount\")",
                   MAX_EACH);
  }
  if (error)
    end_opening (task, NULL, error);
  else if (*container->tree)
    clone_tree (self, task);
  else
    bothy_account_look_up (container->owner, NULL, on_account, g_object_ref (task));
}

GUnixFDList *
bothy_trees_open_finish (BothyTrees *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- closing ---- */

static gboolean
on_still_open (gpointer user_data)
{
  Tree *tree = user_data;
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&tree->waiting);

  tree->timer = 0;
  tree->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < waiting->len; i++)
    g_task_return_new_error (
        waiting->pdata[i], BOTHY_ERROR, BOTHY_ERROR_BUSY,
        "its files, as \"bothy files\" showed them, are still open in a program; close them");
  return G_SOURCE_REMOVE;
}

/* TASK, which wants to know, waits until nothing of TREE is open, but not for long. */
static void
wait_for_end (Tree *tree, GTask *task)
{
  g_ptr_array_add (tree->waiting, g_object_ref (task));
  if (!tree->timer)
    tree->timer = g_timeout_add (LEAVE_MS, on_still_open, tree);
}

typedef struct {
  BothyContainer *container;
  gboolean wait;
} Closing;

static void
closing_free (gpointer data)
{
  g_object_unref (((Closing *)data)->container);
  g_free (data);
}

static void
on_unmounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyTrees *self = g_task_get_source_object (task);
  const Closing *closing = g_task_get_task_data (task);
  BothyContainer *container = closing->container;
  g_autoptr (GUnixFDList) reply = NULL;
  GError *error = NULL;
  Tree *tree;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (!reply) {
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("tree.unmounted");
  tree = g_hash_table_lookup (self->trees, container->id);
  if (tree)
    bothy_container_set_tree (container, "", TRUE);
  if (tree && closing->wait)
    wait_for_end (tree, task);
  else
    g_task_return_boolean (task, TRUE);
}

void
bothy_trees_close (BothyTrees *self,
                   BothyContainer *container,
                   gboolean wait,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Closing *closing = g_new0 (Closing, 1);
  Tree *tree = g_hash_table_lookup (self->trees, container->id);

  closing->container = g_object_ref (container);
  closing->wait = wait;
  g_task_set_task_data (task, closing, closing_free);
  if (tree && *container->tree)
    unmount (self, container->owner, container->spec->name, on_unmounted, g_object_ref (task));
  else if (tree && wait)
    wait_for_end (tree, task);
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
bothy_trees_close_finish (BothyTrees *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
bothy_trees_close_all (BothyTrees *self, guint32 owner)
{
  g_autoptr (GList) trees = g_hash_table_get_values (self->trees);

  for (GList *l = trees; l; l = l->next) {
    BothyContainer *container = ((Tree *)l->data)->container;

    if (container->owner == owner)
      bothy_trees_close (self, container, FALSE, NULL, NULL);
  }
}

/* ---- what an earlier bothyd left ---- */

typedef struct {
  BothyTreesFind find;
  gpointer find_data;
  guint pending;
} Recovery;

typedef struct {
  GTask *task;
  guint32 owner;
  char *name;
} Left;

static void
end_left (GTask *task)
{
  Recovery *recovery = g_task_get_task_data (task);

  if (--recovery->pending == 0)
    g_task_return_boolean (task, TRUE);
}

/* What is still open of it keeps its container from being started as before. */
static void
on_left_unmounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Left *left = user_data;
  g_autoptr (GTask) task = left->task;
  g_autofree char *name = left->name;
  BothyTrees *self = g_task_get_source_object (task);
  const Recovery *recovery = g_task_get_task_data (task);
  BothyContainer *container = recovery->find (left->owner, name, recovery->find_data);
  g_autoptr (GUnixFDList) reply = NULL;
  g_autoptr (GError) error = NULL;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (reply && container) {
    take_left (self, container, reply);
    if (g_hash_table_contains (self->trees, container->id))
      bothy_per_user_take (self->each, container->owner);
  }
  if (error)
    g_warning ("Files of %u's container %s: %s", left->owner, name, error->message);
  g_free (left);
  end_left (task);
}

static void
recover_user (GTask *task, const char *user)
{
  g_autofree char *path = g_build_filename (PLACE, user, NULL);
  g_autoptr (GDir) names = g_dir_open (path, 0, NULL);
  Recovery *recovery = g_task_get_task_data (task);
  const char *name;

  while (names && (name = g_dir_read_name (names))) {
    Left *left = g_new0 (Left, 1);

    left->task = g_object_ref (task);
    left->owner = (guint32)g_ascii_strtoull (user, NULL, 10);
    left->name = g_strdup (name);
    recovery->pending++;
    unmount (g_task_get_source_object (task), left->owner, name, on_left_unmounted, left);
  }
}

void
bothy_trees_recover (BothyTrees *self,
                     BothyTreesFind find,
                     gpointer find_data,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr (GDir) users = g_dir_open (PLACE, 0, NULL);
  Recovery *recovery = g_new0 (Recovery, 1);
  const char *user;

  recovery->find = find;
  recovery->find_data = find_data;
  recovery->pending = 1;
  g_task_set_task_data (task, recovery, g_free);
  while (users && (user = g_dir_read_name (users)))
    recover_user (task, user);
  end_left (task);
}

void
bothy_trees_recover_finish (BothyTrees *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

/* ---- */

static void
bothy_trees_finalize (GObject *object)
{
  BothyTrees *self = BOTHY_TREES (object);

  g_hash_table_unref (self->trees);
  bothy_per_user_free (self->each);
  g_object_unref (self->uppers);
  g_object_unref (self->images);
  g_object_unref (self->helper);
  G_OBJECT_CLASS (bothy_trees_parent_class)->finalize (object);
}

static void
bothy_trees_class_init (BothyTreesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_trees_finalize;
  settled_signal =
      g_signal_new ("settled", BOTHY_TYPE_TREES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_trees_init (BothyTrees *self)
{
  self->trees = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, tree_free);
  self->each = bothy_per_user_new (MAX_EACH, 0);
}

guint
bothy_trees_count (BothyTrees *self)
{
  return g_hash_table_size (self->trees);
}

BothyTrees *
bothy_trees_new (BothyHelperClient *helper, BothyImageStore *images, BothyUppers *uppers)
{
  BothyTrees *self = g_object_new (BOTHY_TYPE_TREES, NULL);

  self->helper = g_object_ref (helper);
  self->images = g_object_ref (images);
  self->uppers = g_object_ref (uppers);
  return self;
}
