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

#define NOBODY G_MAXUINT32 /* owns images and layers, and what has an older name */

/* A directory in it. On disk it is called "<owner>.<project>.<bytes>.<inodes>.<uuid>". */
typedef struct {
  char *name;
  guint32 owner;
  guint32 project;
  guint64 bytes, inodes; /* that it counts as */
  guint64 number;        /* the order in which they came */
} Entry;

/* Who is called back when all of OWNER's up to LAST are done with. */
typedef struct {
  guint32 owner;
  guint64 last;
  char *error; /* of the last of them, or NULL */
} Waiting;

struct _BothyTrash {
  GObject parent;
  int dirfd;
  BothyTrashRemove remove;
  GObject *remover;
  GQueue *entries;   /* Entry *, to be removed, in the order in which they came */
  GQueue *kept;      /* Entry *, what could not be removed */
  guint again;       /* how often that was tried again, and */
  guint timer;       /* until it is */
  GQueue *waiting;   /* GTask; its task data: Waiting */
  Entry *busy;       /* one of the entries, whose turn it is; NULL: nothing is being removed */
  GHashTable *turns; /* owner → number of his last turn */
  guint n_turns;
  GHashTable *held;  /* project → how many hold it */
  guint64 n_entries; /* so far */
};

G_DEFINE_FINAL_TYPE (BothyTrash, bothy_trash, G_TYPE_OBJECT)

static void next (BothyTrash *self);

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->name);
  g_free (entry);
}

static void
waiting_free (gpointer data)
{
  Waiting *waiting = data;

  g_free (waiting->error);
  g_free (waiting);
}

/* NAME is taken over. */
static void
add_entry (BothyTrash *self, char *name)
{
  Entry *entry = g_new0 (Entry, 1);
  char end = '\0';

  entry->name = name;
  if (sscanf (name, "%u.%u.", &entry->owner, &entry->project) != 2) {
    entry->owner = NOBODY;
    entry->project = 0;
  }
  /* An earlier version did not write what they count as. */
  if (sscanf (name, "%*u.%*u.%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "%c", &entry->bytes, &entry->inodes,
              &end) != 3 ||
      end != '.')
    entry->bytes = entry->inodes = 0;
  entry->number = self->n_entries++;
  g_queue_push_tail (self->entries, entry);
}

gboolean
bothy_trash_is_busy (BothyTrash *self)
{
  return self->busy != NULL;
}

static gboolean
queue_has_project (GQueue *entries, guint32 project)
{
  for (GList *l = entries->head; l; l = l->next) {
    if (((const Entry *)l->data)->project == project)
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_trash_has_project (BothyTrash *self, guint32 project)
{
  return queue_has_project (self->entries, project) || queue_has_project (self->kept, project) ||
         g_hash_table_contains (self->held, GUINT_TO_POINTER (project));
}

void
bothy_trash_hold_project (BothyTrash *self, guint32 project)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->held, GUINT_TO_POINTER (project)));

  g_hash_table_insert (self->held, GUINT_TO_POINTER (project), GUINT_TO_POINTER (n + 1));
}

void
bothy_trash_release_project (BothyTrash *self, guint32 project)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->held, GUINT_TO_POINTER (project)));

  if (n > 1)
    g_hash_table_insert (self->held, GUINT_TO_POINTER (project), GUINT_TO_POINTER (n - 1));
  else
    g_hash_table_remove (self->held, GUINT_TO_POINTER (project));
}

static guint64
add_up (guint64 sum, guint64 value)
{
  return value > G_MAXUINT64 - sum ? G_MAXUINT64 : sum + value;
}

/* SEEN: a set of projects. */
static void
add_bounds_of (GQueue *entries, guint32 owner, GHashTable *seen, guint64 *bytes, guint64 *inodes)
{
  for (GList *l = entries->head; l; l = l->next) {
    const Entry *entry = l->data;

    if (entry->owner != owner || (entry->bytes == 0 && entry->inodes == 0) ||
        !g_hash_table_add (seen, GUINT_TO_POINTER (entry->project)))
      continue;
    *bytes = add_up (*bytes, entry->bytes);
    *inodes = add_up (*inodes, entry->inodes);
  }
}

void
bothy_trash_add_bounds (BothyTrash *self,
                        guint32 owner,
                        BothyTrashIsCounted is_counted,
                        gpointer user_data,
                        guint64 *bytes,
                        guint64 *inodes)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  GQueue *const queues[] = { self->entries, self->kept };

  for (gsize i = 0; i < G_N_ELEMENTS (queues); i++) {
    for (GList *l = queues[i]->head; l; l = l->next) {
      const Entry *entry = l->data;

      if (entry->owner == owner && is_counted (entry->project, user_data))
        g_hash_table_add (seen, GUINT_TO_POINTER (entry->project));
    }
  }
  for (gsize i = 0; i < G_N_ELEMENTS (queues); i++)
    add_bounds_of (queues[i], owner, seen, bytes, inodes);
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

static gboolean
is_waited_for (GQueue *entries, const Waiting *waiting)
{
  for (GList *l = entries->head; l; l = l->next) {
    const Entry *entry = l->data;

    if (entry->owner == waiting->owner && entry->number <= waiting->last)
      return TRUE;
  }
  return FALSE;
}

static void
tell (GTask *task)
{
  const Waiting *waiting = g_task_get_task_data (task);

  if (waiting->error)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED, "Not all files could be removed: %s",
                             waiting->error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* Nobody waits for what others have put here, nor he himself since. ERROR (or NULL) is what became of DONE. */
static void
tell_waiting (BothyTrash *self, const Entry *done, const char *error)
{
  for (GList *l = self->waiting->head, *following; l; l = following) {
    Waiting *waiting = g_task_get_task_data (l->data);

    following = l->next;
    if (waiting->owner == done->owner && waiting->last == done->number)
      waiting->error = g_strdup (error);
    if (!is_waited_for (self->entries, waiting)) {
      tell (l->data);
      g_queue_delete_link (self->waiting, l);
    }
  }
}

static gboolean
try_again (gpointer user_data)
{
  BothyTrash *self = user_data;
  Entry *entry;

  self->timer = 0;
  while ((entry = g_queue_pop_head (self->kept))) {
    entry->number = self->n_entries++;
    g_queue_push_tail (self->entries, entry);
  }
  next (self);
  return G_SOURCE_REMOVE;
}

/* What stood in the way may be over soon: too many open files, say. After that the next start tries. */
static void
keep (BothyTrash *self, Entry *entry)
{
  g_queue_push_tail (self->kept, entry);
  if (self->timer == 0 && self->again < MAX_AGAIN)
    self->timer = g_timeout_add_seconds (AGAIN_SECONDS << self->again++, try_again, self);
}

static void
finish_entry (BothyTrash *self)
{
  Entry *entry = g_steal_pointer (&self->busy);
  g_autofree char *error = NULL;

  g_queue_remove (self->entries, entry);
  if (remove_rest (self, entry->name))
    self->again = 0;
  else {
    error = g_strdup_printf ("%s: %s", entry->name, g_strerror (errno));
    g_warning ("Trash: %s", error);
  }
  tell_waiting (self, entry, error);
  if (error)
    keep (self, entry);
  else
    entry_free (entry);
  next (self);
}

static void
on_removed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyTrash) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean done = g_task_propagate_boolean (G_TASK (result), &error);

  if (error)
    g_warning ("Trash: %s", error->message);
  BOTHY_FAULT_POINT ("delete.removed");
  if (done || error) {
    finish_entry (self);
    return;
  }
  self->busy = NULL;
  next (self);
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

/* The first of the owner whose last turn is longest ago. */
static Entry *
choose (BothyTrash *self)
{
  Entry *chosen = NULL;
  guint oldest = G_MAXUINT;

  for (GList *l = self->entries->head; l && oldest > 0; l = l->next) {
    Entry *entry = l->data;
    guint turn = GPOINTER_TO_UINT (g_hash_table_lookup (self->turns, GUINT_TO_POINTER (entry->owner)));

    if (turn >= oldest)
      continue;
    chosen = entry;
    oldest = turn;
  }
  return chosen;
}

static void
next (BothyTrash *self)
{
  autofd tree = -1;

  if (self->busy)
    return;
  self->busy = choose (self);
  if (!self->busy) {
    /* Who comes next has as good a right as those who were here. */
    g_hash_table_remove_all (self->turns);
    self->n_turns = 0;
    return;
  }
  g_hash_table_insert (self->turns, GUINT_TO_POINTER (self->busy->owner), GUINT_TO_POINTER (++self->n_turns));
  tree = open_tree_of (self, self->busy->name);
  if (tree < 0)
    finish_entry (self);
  else
    self->remove (self->remover, tree, on_removed, g_object_ref (self));
}

gboolean
bothy_trash_put_of (
    BothyTrash *self, int parent, const char *name, const BothyTrashOwner *owner, GError **error)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *entry = g_strdup_printf ("%u.%u.%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT ".%s",
                                            owner->owner, owner->project, owner->bytes, owner->inodes, uuid);

  if (renameat (parent, name, self->dirfd, entry) < 0) {
    bothy_error_set_errno (error, errno, "Moving files into the trash");
    return FALSE;
  }
  BOTHY_FAULT_POINT ("delete.renamed");
  add_entry (self, g_steal_pointer (&entry));
  next (self);
  return TRUE;
}

gboolean
bothy_trash_put (BothyTrash *self, int parent, const char *name, GError **error)
{
  const BothyTrashOwner nobody = { .owner = NOBODY };

  return bothy_trash_put_of (self, parent, name, &nobody, error);
}

static guint
count_of (GQueue *entries, guint32 owner)
{
  guint n = 0;

  for (GList *l = entries->head; l; l = l->next)
    n += ((const Entry *)l->data)->owner == owner;
  return n;
}

guint
bothy_trash_count (BothyTrash *self, guint32 owner)
{
  return count_of (self->entries, owner) + count_of (self->kept, owner);
}

void
bothy_trash_empty (BothyTrash *self, guint32 owner, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Waiting *waiting = g_new0 (Waiting, 1);

  waiting->owner = owner;
  for (GList *l = self->entries->tail; l && !waiting->last; l = l->prev) {
    const Entry *entry = l->data;

    if (entry->owner == owner)
      waiting->last = entry->number;
  }
  g_task_set_task_data (task, waiting, waiting_free);
  if (is_waited_for (self->entries, waiting))
    g_queue_push_tail (self->waiting, task);
  else
    tell (task);
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
  g_queue_free_full (self->entries, entry_free);
  g_queue_free_full (self->kept, entry_free);
  g_queue_free_full (self->waiting, g_object_unref);
  g_hash_table_unref (self->turns);
  g_hash_table_unref (self->held);
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
  self->entries = g_queue_new ();
  self->kept = g_queue_new ();
  self->waiting = g_queue_new ();
  self->turns = g_hash_table_new (NULL, NULL);
  self->held = g_hash_table_new (NULL, NULL);
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
    add_entry (self, g_strdup (name));
  next (self);
  return self;
}
