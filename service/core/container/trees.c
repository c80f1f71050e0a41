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

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE       RUNTIME_DIR "/trees"
#define MAX_EACH    16 /* of one user's at once */
#define MAX_CALLS   2  /* of one user's: each may wait until the disk has all that is to be written */
#define MAX_WAITING 16 /* of all users' */

struct _BothyTrees {
  GObject parent;
  BothyHelperClient *helper;
  BothyImageStore *images;
  BothyUppers *uppers;
  BothyPerUser *calls;
  BothyPerUser *each;   /* file systems that something keeps */
  GHashTable *watches;  /* of INOTIFY, one for each of those → uid */
  GHashTable *mounted;  /* BothyContainer */
  GHashTable *openings; /* BothyContainer → Opening */
  int inotify;          /* or -1 */
  guint source;
};

G_DEFINE_FINAL_TYPE (BothyTrees, bothy_trees, G_TYPE_OBJECT)

static guint settled_signal;

static void
note_mounted (BothyTrees *self, BothyContainer *container, const char *path)
{
  if (*path)
    g_hash_table_add (self->mounted, g_object_ref (container));
  else
    g_hash_table_remove (self->mounted, container);
  bothy_container_set_tree (container, path);
  if (!*path)
    g_signal_emit (self, settled_signal, 0);
}

static char *
place_of (const BothyContainer *container)
{
  return g_strdup_printf (PLACE "/%u/%s", container->owner, container->spec->name);
}

/* ---- until when something keeps them ---- */

static void
on_event (BothyTrees *self, const struct inotify_event *event)
{
  gpointer owner;

  if (!(event->mask & (IN_UNMOUNT | IN_IGNORED)) ||
      !g_hash_table_steal_extended (self->watches, GINT_TO_POINTER (event->wd), NULL, &owner))
    return;
  bothy_per_user_release (self->each, GPOINTER_TO_UINT (owner));
  g_signal_emit (self, settled_signal, 0);
}

static gboolean
on_events (gint fd, GIOCondition condition, gpointer user_data)
{
  /* None of these has a name, so that each is as long as the structure. */
  struct inotify_event events[64];
  ssize_t length;

  while ((length = read (fd, events, sizeof events)) > 0)
    for (size_t i = 0; i < (size_t)length / sizeof *events; i++)
      on_event (user_data, &events[i]);
  return G_SOURCE_CONTINUE;
}

/* One for all: the machine gives root's programs 128 together. */
static gboolean
ensure_inotify (BothyTrees *self, GError **error)
{
  if (self->inotify >= 0)
    return TRUE;
  self->inotify = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (self->inotify < 0) {
    int number = errno;

    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "the kernel gives no way to tell who has them open (see fs.inotify.max_user_instances): %s",
                 g_strerror (number));
    return FALSE;
  }
  self->source = g_unix_fd_add (self->inotify, G_IO_IN, on_events, self);
  return TRUE;
}

/* ---- what bothy-helper is asked for ---- */

typedef struct {
  BothyTrees *trees;
  struct helper_request request;
  GUnixFDList *fds;
  int number;
} Call;

static void
call_free (gpointer data)
{
  Call *call = data;

  g_clear_object (&call->fds);
  g_object_unref (call->trees);
  g_free (call);
}

static void
on_called (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;
  GUnixFDList *reply =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, &call->number, &error);

  bothy_per_user_release (call->trees->calls, call->request.owner);
  if (reply)
    g_task_return_pointer (task, reply, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
begin_call (gpointer data)
{
  g_autoptr (GTask) task = data;
  const Call *call = g_task_get_task_data (task);

  bothy_helper_client_call (call->trees->helper, &call->request, call->fds, on_called, g_object_ref (task));
}

/* Have REQUEST done with FDS, an fd list or NULL, when it is its user's turn. */
static void
call_helper (BothyTrees *self,
             const struct helper_request *request,
             GUnixFDList *fds,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Call *call = g_new0 (Call, 1);

  call->trees = g_object_ref (self);
  call->request = *request;
  call->fds = fds ? g_object_ref (fds) : NULL;
  g_task_set_task_data (task, call, call_free);
  bothy_per_user_wait (self->calls, request->owner, begin_call, task);
}

/* The fds, (transfer full), and *RET_NUMBER (or NULL); NULL with an error. */
static GUnixFDList *
call_helper_finish (GAsyncResult *result, int *ret_number, GError **error)
{
  GUnixFDList *reply = g_task_propagate_pointer (G_TASK (result), error);

  if (ret_number)
    *ret_number = ((Call *)g_task_get_task_data (G_TASK (result)))->number;
  return reply;
}

static void
ask_to_unmount (BothyTrees *self,
                enum helper_op op,
                guint32 owner,
                const char *name,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  struct helper_request request = { .op = op, .owner = owner };

  g_strlcpy (request.name, name, sizeof request.name);
  call_helper (self, &request, NULL, callback, user_data);
}

/* ---- opening ---- */

typedef struct {
  BothyContainer *container;
  BothyAccount *account;
  gboolean counted;
  gboolean unwanted; /* the owner has logged out */
  GError *error;     /* while what failed is taken back */
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

  if (opening->counted)
    bothy_per_user_release (self->each, opening->container->owner);
  g_hash_table_remove (self->openings, opening->container);
  bothy_container_end (opening->container);
  if (error) {
    g_prefix_error (&error, "Files of container %s: ", opening->container->spec->name);
    g_task_return_error (task, error);
  } else
    g_task_return_pointer (task, result, g_object_unref);
}

/* What can not be unmounted, or may not be, stays known, so that the container does not start as long as it is there. */
static void
on_undone (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Opening *opening = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) reply = call_helper_finish (result, NULL, NULL);
  g_autofree char *path = reply ? g_strdup ("") : place_of (opening->container);

  note_mounted (g_task_get_source_object (task), opening->container, path);
  end_opening (task, NULL, g_steal_pointer (&opening->error));
}

static void
undo_opening (GTask *task, GError *error)
{
  Opening *opening = g_task_get_task_data (task);

  opening->error = error;
  ask_to_unmount (g_task_get_source_object (task), HELPER_TREE_CLOSE, opening->container->owner,
                  opening->container->spec->name, on_undone, g_object_ref (task));
}

static GError *
logged_out_error (void)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "you have logged out meanwhile");
}

/* What is not there, or is about to be taken away, is taken away, so that it can be mounted anew. */
static void
on_cloned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Opening *opening = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) reply = call_helper_finish (result, NULL, &error);

  if (reply && opening->unwanted)
    error = logged_out_error ();
  if (error)
    undo_opening (task, error);
  else
    end_opening (task, g_steal_pointer (&reply), NULL);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Opening *opening = g_task_get_task_data (task);
  BothyTrees *self = g_task_get_source_object (task);
  g_autofree char *path = place_of (opening->container);
  GUnixFDList *mount = NULL;
  GError *error = NULL;
  int watch;

  mount = call_helper_finish (result, &watch, &error);
  if (!mount) {
    /* The helper may have been killed when it had it. */
    undo_opening (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("tree.mounted");
  g_hash_table_insert (self->watches, GINT_TO_POINTER (watch), GUINT_TO_POINTER (opening->container->owner));
  opening->counted = FALSE;
  if (opening->unwanted) {
    g_object_unref (mount);
    undo_opening (task, logged_out_error ());
    return;
  }
  note_mounted (self, opening->container, path);
  end_opening (task, mount, NULL);
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
  g_autoptr (GUnixFDList) fds = NULL;
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
  if (!error && ensure_inotify (self, &error))
    fds = bothy_fd_list (&self->inotify, 1, &error);
  if (error) {
    end_opening (task, NULL, error);
    return;
  }
  map_ids (&request, container, opening->account->gid);
  g_strlcpy (request.name, container->spec->name, sizeof request.name);
  call_helper (self, &request, fds, on_mounted, g_object_ref (task));
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
  call_helper (self, &request, NULL, on_cloned, g_object_ref (task));
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
  g_hash_table_insert (self->openings, container, opening);
  if (check (container, &error) && !*container->tree) {
    opening->counted = bothy_per_user_take (self->each, container->owner);
    if (!opening->counted)
      g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                   "those of %d containers are open, and a user may have so many; close some first (\"bothy "
                   "files --unmount\"), and what has them open",
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

static void
on_unmounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyContainer *container = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) reply = call_helper_finish (result, NULL, &error);

  if (!reply) {
    g_prefix_error (&error, "Files of container %s: ", container->spec->name);
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("tree.unmounted");
  note_mounted (g_task_get_source_object (task), container, "");
  g_task_return_boolean (task, TRUE);
}

void
bothy_trees_close (BothyTrees *self,
                   BothyContainer *container,
                   gboolean force,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_task_data (task, g_object_ref (container), g_object_unref);
  if (*container->tree)
    ask_to_unmount (self, force ? HELPER_TREE_DETACH : HELPER_TREE_CLOSE, container->owner,
                    container->spec->name, on_unmounted, g_object_ref (task));
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
bothy_trees_close_finish (BothyTrees *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  bothy_container_end (g_task_get_task_data (task));
  if (bothy_trees_close_finish (BOTHY_TREES (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_trees_unmount (BothyTrees *self,
                     BothyContainer *container,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;

  g_task_set_task_data (task, g_object_ref (container), g_object_unref);
  if (bothy_container_begin (container, "closing its files", &error))
    bothy_trees_close (self, container, FALSE, on_closed, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
on_closed_unasked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_trees_close_finish (BOTHY_TREES (source), result, &error))
    g_message ("A user has logged out, and files of a container stay mounted: %s", error->message);
}

void
bothy_trees_close_all (BothyTrees *self, guint32 owner)
{
  g_autoptr (GList) mounted = g_hash_table_get_keys (self->mounted);
  GHashTableIter iter;
  gpointer opening;

  g_hash_table_iter_init (&iter, self->openings);
  while (g_hash_table_iter_next (&iter, NULL, &opening))
    if (((Opening *)opening)->container->owner == owner)
      ((Opening *)opening)->unwanted = TRUE;
  for (GList *l = mounted; l; l = l->next)
    if (((BothyContainer *)l->data)->owner == owner)
      bothy_trees_unmount (self, l->data, on_closed_unasked, NULL);
}

/* ---- what an earlier bothyd left ---- */

static void
on_left_unmounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) reply = call_helper_finish (result, NULL, &error);

  if (error)
    g_message ("Files of a container that is gone stay mounted: %s", error->message);
}

static gboolean
is_mount (const char *path)
{
  struct statx found;

  return statx (AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_TYPE, &found) == 0 &&
         (found.stx_attributes_mask & found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static void
recover_user (BothyTrees *self, const char *user, BothyTreesFind find, gpointer find_data)
{
  g_autofree char *directory = g_build_filename (PLACE, user, NULL);
  g_autoptr (GDir) names = g_dir_open (directory, 0, NULL);
  guint32 owner = (guint32)g_ascii_strtoull (user, NULL, 10);
  const char *name;

  while (names && (name = g_dir_read_name (names))) {
    g_autofree char *path = g_build_filename (directory, name, NULL);
    BothyContainer *container = find (owner, name, find_data);

    if (container && is_mount (path))
      note_mounted (self, container, path);
    else
      ask_to_unmount (self, HELPER_TREE_DETACH, owner, name, on_left_unmounted, NULL);
  }
}

void
bothy_trees_recover (BothyTrees *self, BothyTreesFind find, gpointer find_data)
{
  g_autoptr (GDir) users = g_dir_open (PLACE, 0, NULL);
  const char *user;

  while (users && (user = g_dir_read_name (users)))
    recover_user (self, user, find, find_data);
}

/* ---- */

static void
bothy_trees_finalize (GObject *object)
{
  BothyTrees *self = BOTHY_TREES (object);

  if (self->source)
    g_source_remove (self->source);
  bothy_clear_fd (&self->inotify);
  g_hash_table_unref (self->openings);
  g_hash_table_unref (self->mounted);
  g_hash_table_unref (self->watches);
  bothy_per_user_free (self->each);
  bothy_per_user_free (self->calls);
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
  self->inotify = -1;
  self->calls = bothy_per_user_new (MAX_CALLS, MAX_WAITING);
  self->each = bothy_per_user_new (MAX_EACH, 0);
  self->watches = g_hash_table_new (NULL, NULL);
  self->mounted = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->openings = g_hash_table_new (NULL, NULL);
}

guint
bothy_trees_count (BothyTrees *self)
{
  return g_hash_table_size (self->watches) + g_hash_table_size (self->mounted);
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
