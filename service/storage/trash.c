/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/trash.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* The directories of an entry that hold files of the neutral range. */
static const char *const trees[] = { "data", "root" };

#define AGAIN_SECONDS 5 /* until what could not be removed is tried again; then twice as long */
#define MAX_AGAIN     6

struct _BothyTrash {
  GObject parent;
  int dirfd;
  BothyTrashRemove remove;
  GObject *remover;
  GQueue *names;   /* char *, to be removed */
  GQueue *kept;    /* char *, what could not be removed */
  guint again;     /* how often that was tried again, and */
  guint timer;     /* until it is */
  GQueue *waiting; /* GTask; its task data: how many names have to be done with */
  gboolean busy;
  guint n_put; /* names so far; they wrap around together */
  guint n_done;
  char *last_error; /* of the name that was done with last, or NULL */
};

G_DEFINE_FINAL_TYPE (BothyTrash, bothy_trash, G_TYPE_OBJECT)

static void next (BothyTrash *self);

gboolean
bothy_trash_is_busy (BothyTrash *self)
{
  return self->busy;
}

static int
open_entry (BothyTrash *self, const char *name)
{
  return openat (self->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Files of root's own, and then the directory. */
static gboolean
remove_rest (BothyTrash *self, const char *name)
{
  autofd fd = open_entry (self, name);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = fd >= 0 ? g_dir_open (path, 0, NULL) : NULL;
  const char *file;

  while (dir && (file = g_dir_read_name (dir))) {
    if (unlinkat (fd, file, 0) < 0)
      unlinkat (fd, file, AT_REMOVEDIR);
  }
  return unlinkat (self->dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/* As the last name went. */
static void
tell (BothyTrash *self, GTask *task)
{
  if (self->last_error)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED, "Not all files could be removed: %s",
                             self->last_error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* Nobody waits for what others have put here since. */
static void
tell_waiting (BothyTrash *self)
{
  GTask *task;

  while ((task = g_queue_peek_head (self->waiting)) &&
         GPOINTER_TO_UINT (g_task_get_task_data (task)) == self->n_done)
    tell (self, g_queue_pop_head (self->waiting));
}

static gboolean
try_again (gpointer user_data)
{
  BothyTrash *self = user_data;
  char *name;

  self->timer = 0;
  while ((name = g_queue_pop_head (self->kept))) {
    g_queue_push_tail (self->names, name);
    self->n_put++;
  }
  next (self);
  return G_SOURCE_REMOVE;
}

/* What stood in the way may be over soon: too many open files, say. After that the next start tries. */
static void
keep (BothyTrash *self, char *name)
{
  g_queue_push_tail (self->kept, name);
  if (self->timer == 0 && self->again < MAX_AGAIN)
    self->timer = g_timeout_add_seconds (AGAIN_SECONDS << self->again++, try_again, self);
}

static void
finish_entry (BothyTrash *self)
{
  g_autofree char *name = g_queue_pop_head (self->names);

  g_clear_pointer (&self->last_error, g_free);
  if (remove_rest (self, name))
    self->again = 0;
  else {
    self->last_error = g_strdup_printf ("%s: %s", name, g_strerror (errno));
    g_warning ("Trash: %s", self->last_error);
    keep (self, g_steal_pointer (&name));
  }
  self->busy = FALSE;
  self->n_done++;
  tell_waiting (self);
  next (self);
}

static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyTrash) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_warning ("Trash: %s", error->message);
  BOTHY_FAULT_POINT ("delete.removed");
  finish_entry (self);
}

/* An O_PATH fd: the directory may not be readable for root without capabilities. */
static int
open_tree_of (BothyTrash *self, const char *name)
{
  autofd entry = open_entry (self, name);

  for (gsize i = 0; i < G_N_ELEMENTS (trees); i++) {
    autofd tree = openat (entry, trees[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (tree >= 0 && unlinkat (entry, trees[i], AT_REMOVEDIR) < 0)
      return g_steal_fd (&tree);
  }
  return -1;
}

static void
next (BothyTrash *self)
{
  const char *name = g_queue_peek_head (self->names);
  autofd tree = -1;

  if (self->busy || !name)
    return;
  self->busy = TRUE;
  tree = open_tree_of (self, name);
  if (tree < 0)
    finish_entry (self);
  else
    self->remove (self->remover, tree, on_removed, g_object_ref (self));
}

gboolean
bothy_trash_put (BothyTrash *self, int parent, const char *name, GError **error)
{
  g_autofree char *entry = g_uuid_string_random ();

  if (renameat (parent, name, self->dirfd, entry) < 0) {
    bothy_error_set_errno (error, errno, "Moving files into the trash");
    return FALSE;
  }
  BOTHY_FAULT_POINT ("delete.renamed");
  g_queue_push_tail (self->names, g_steal_pointer (&entry));
  self->n_put++;
  next (self);
  return TRUE;
}

void
bothy_trash_empty (BothyTrash *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_task_data (task, GUINT_TO_POINTER (self->n_put), NULL);
  if (self->n_done == self->n_put)
    tell (self, task);
  else
    g_queue_push_tail (self->waiting, task);
}

gboolean
bothy_trash_empty_finish (BothyTrash *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
bothy_trash_finalize (GObject *object)
{
  BothyTrash *self = BOTHY_TRASH (object);

  if (self->timer)
    g_source_remove (self->timer);
  g_queue_free_full (self->names, g_free);
  g_queue_free_full (self->kept, g_free);
  g_queue_free_full (self->waiting, g_object_unref);
  g_free (self->last_error);
  g_object_unref (self->remover);
  G_OBJECT_CLASS (bothy_trash_parent_class)->finalize (object);
}

static void
bothy_trash_class_init (BothyTrashClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_trash_finalize;
}

static void
bothy_trash_init (BothyTrash *self)
{
  self->names = g_queue_new ();
  self->kept = g_queue_new ();
  self->waiting = g_queue_new ();
}

BothyTrash *
bothy_trash_new (int dirfd, BothyTrashRemove remove, gpointer remover)
{
  BothyTrash *self = g_object_new (BOTHY_TYPE_TRASH, NULL);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  self->dirfd = dirfd;
  self->remove = remove;
  self->remover = g_object_ref (remover);
  while (dir && (name = g_dir_read_name (dir)))
    g_queue_push_tail (self->names, g_strdup (name));
  self->n_put = g_queue_get_length (self->names);
  next (self);
  return self;
}
