/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/snapshots/upper.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/validate.h"
#include "storage/record.h"
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define GROUP     "Upper"
#define FILE_NAME "upper"

struct _BothyUppers {
  GObject parent;
  int dirfd;
  BothyTrash *trash;
  GHashTable *by_id; /* id → BothyUpper */
};

G_DEFINE_FINAL_TYPE (BothyUppers, bothy_uppers, G_TYPE_OBJECT)

static void
upper_free (gpointer data)
{
  BothyUpper *upper = data;

  g_free (upper->id);
  g_free (upper->below);
  g_free (upper);
}

static BothyUpper *
add_upper (BothyUppers *self, const char *id, const char *below, guint32 owner, guint32 project)
{
  BothyUpper *upper = g_new0 (BothyUpper, 1);

  upper->id = g_strdup (id);
  upper->below = g_strdup (below);
  upper->owner = owner;
  upper->project = project;
  g_hash_table_replace (self->by_id, upper->id, upper);
  return upper;
}

BothyUpper *
bothy_uppers_find (BothyUppers *self, const char *id)
{
  return g_hash_table_lookup (self->by_id, id);
}

const BothyUpper *
bothy_uppers_find_above (BothyUppers *self, const char *id)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const BothyUpper *upper = value;

    if (!upper->is_waste && g_str_equal (upper->below, id))
      return upper;
  }
  return NULL;
}

guint
bothy_uppers_count_from (BothyUppers *self, const char *id)
{
  guint n = 0, max = g_hash_table_size (self->by_id);

  /* A circle, which no honest disk has, ends as well. */
  for (const BothyUpper *upper; n < max && (upper = bothy_uppers_find (self, id)); id = upper->below)
    n++;
  return n;
}

gboolean
bothy_uppers_has_project (BothyUppers *self, guint32 project)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (((const BothyUpper *)value)->project == project)
      return TRUE;
  }
  return FALSE;
}

/* ---- on record ---- */

static gboolean
write_upper (int dir, const BothyUpper *upper, GError **error)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();

  g_key_file_set_string (record, GROUP, "Id", upper->id);
  g_key_file_set_string (record, GROUP, "Below", upper->below);
  g_key_file_set_uint64 (record, GROUP, "Owner", upper->owner);
  g_key_file_set_uint64 (record, GROUP, "Project", upper->project);
  g_key_file_set_uint64 (record, GROUP, "Bytes", upper->bytes);
  g_key_file_set_uint64 (record, GROUP, "Inodes", upper->inodes);
  return bothy_record_write (dir, FILE_NAME, record, BOTHY_RECORD_DURABLE, error);
}

static int
open_upper (int dirfd, const char *name, GError **error)
{
  int dir = openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (dir < 0)
    bothy_error_set_errno (error, errno, "Opening a layer of a container's");
  return dir;
}

static gboolean
read_upper (BothyUppers *self, const char *name, GError **error)
{
  autofd dir = open_upper (self->dirfd, name, error);
  g_autoptr (GKeyFile) record = dir >= 0 ? bothy_record_read (dir, FILE_NAME, error) : NULL;
  g_autofree char *id = record ? g_key_file_get_string (record, GROUP, "Id", NULL) : NULL;
  g_autofree char *below = record ? g_key_file_get_string (record, GROUP, "Below", NULL) : NULL;
  BothyUpper *upper;

  if (!record)
    return FALSE;
  if (!id || !below || !g_str_equal (id, name) || !bothy_is_uuid (id) || (*below && !bothy_is_uuid (below))) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "its record makes no sense");
    return FALSE;
  }
  upper = add_upper (self, id, below, (guint32)g_key_file_get_uint64 (record, GROUP, "Owner", NULL),
                     (guint32)g_key_file_get_uint64 (record, GROUP, "Project", NULL));
  upper->bytes = g_key_file_get_uint64 (record, GROUP, "Bytes", NULL);
  upper->inodes = g_key_file_get_uint64 (record, GROUP, "Inodes", NULL);
  return TRUE;
}

static gboolean
load_uppers (BothyUppers *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gboolean complete = dir != NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autoptr (GError) error = NULL;

    if (g_str_has_prefix (name, BOTHY_STORE_NEW))
      bothy_trash_put (self->trash, self->dirfd, name, NULL);
    else if (!read_upper (self, name, &error)) {
      g_warning ("Layer %s: %s", name, error->message);
      complete = FALSE;
    }
  }
  return complete;
}

int
bothy_uppers_open (BothyUppers *self, const BothyUpper *upper, int containers_fd, GError **error)
{
  autofd dir = open_upper (upper->is_first ? containers_fd : self->dirfd, upper->id, error);
  int data = dir < 0 ? -1 : openat (dir, "data", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (dir >= 0 && data < 0)
    bothy_error_set_errno (error, errno, "Opening what a container wrote");
  return data;
}

/* ---- whose they are ---- */

static guint64
add_up (guint64 sum, guint64 more)
{
  return more > G_MAXUINT64 - sum ? G_MAXUINT64 : sum + more;
}

void
bothy_uppers_add_orphans (BothyUppers *self,
                          guint32 owner,
                          BothyUppersHasContainer has_container,
                          gpointer user_data,
                          guint64 *bytes,
                          guint64 *inodes)
{
  /* All that one container wrote had one bound, which the topmost layer of it has on record. */
  g_autoptr (GHashTable) bounds = g_hash_table_new (g_direct_hash, g_direct_equal);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyUpper *upper = value;
    const BothyUpper *other = g_hash_table_lookup (bounds, GUINT_TO_POINTER (upper->project));

    if (upper->owner == owner && upper->project != 0 && !has_container (upper->project, user_data) &&
        (!other || upper->bytes > other->bytes || upper->inodes > other->inodes))
      g_hash_table_insert (bounds, GUINT_TO_POINTER (upper->project), upper);
  }
  g_hash_table_iter_init (&iter, bounds);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const BothyUpper *upper = value;

    *bytes = add_up (*bytes, upper->bytes);
    *inodes = add_up (*inodes, upper->inodes);
  }
}

void
bothy_uppers_add_first (BothyUppers *self, const char *id, const char *below, guint32 owner, guint32 project)
{
  add_upper (self, id, below, owner, project)->is_first = TRUE;
}

/* What UPPER's container could take is on record, so that it counts as long as UPPER is there. */
static gboolean
record_orphan (
    BothyUppers *self, BothyUpper *upper, int parent, guint64 bytes, guint64 inodes, GError **error)
{
  autofd dir = open_upper (parent, upper->id, error);

  upper->bytes = bytes;
  upper->inodes = inodes;
  return dir >= 0 && write_upper (dir, upper, error);
}

static gboolean
move_first (BothyUppers *self, BothyUpper *upper, int containers_fd, GError **error)
{
  static const char *const rest[] = { "container", "history", "console.log" };
  autofd dir = -1;

  BOTHY_FAULT_POINT ("keep.recorded");
  if (renameat (containers_fd, upper->id, self->dirfd, upper->id) < 0) {
    bothy_error_set_errno (error, errno, "Keeping what copies of the container stand on");
    return FALSE;
  }
  BOTHY_FAULT_POINT ("keep.moved");
  upper->is_first = FALSE;
  dir = open_upper (self->dirfd, upper->id, NULL);
  /* What it was as a container is gone with it. */
  for (gsize i = 0; dir >= 0 && i < G_N_ELEMENTS (rest); i++)
    unlinkat (dir, rest[i], 0);
  return TRUE;
}

gboolean
bothy_uppers_orphan (BothyUppers *self,
                     const char *id,
                     GHashTable *wanted,
                     int containers_fd,
                     guint64 bytes,
                     guint64 inodes,
                     gboolean *ret_moved,
                     GError **error)
{
  BothyUpper *first = bothy_uppers_find (self, id);
  GHashTableIter iter;
  gpointer value;

  *ret_moved = FALSE;
  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyUpper *upper = value;

    if (first && (upper == first || (first->project != 0 && upper->project == first->project)) &&
        g_hash_table_contains (wanted, upper->id) &&
        !record_orphan (self, upper, upper->is_first ? containers_fd : self->dirfd, bytes, inodes, error))
      return FALSE;
  }
  if (!first || !g_hash_table_contains (wanted, id))
    return TRUE;
  *ret_moved = move_first (self, first, containers_fd, error);
  return *ret_moved;
}

void
bothy_uppers_forget_first (BothyUppers *self, const char *id)
{
  const BothyUpper *upper = bothy_uppers_find (self, id);

  if (upper && upper->is_first)
    g_hash_table_remove (self->by_id, id);
}

/* ---- making one ---- */

BothyNewUpper *
bothy_uppers_begin (BothyUppers *self, const char *below, guint32 owner, guint32 project, GError **error)
{
  BothyNewUpper *new = g_new0 (BothyNewUpper, 1);
  autofd dir = -1;

  new->is.id = g_uuid_string_random ();
  new->is.below = g_strdup (below);
  new->is.owner = owner;
  new->is.project = project;
  new->directory = g_strconcat (BOTHY_STORE_NEW, new->is.id, NULL);
  new->data = -1;
  if (mkdirat (self->dirfd, new->directory, 0700) == 0) {
    dir = openat (self->dirfd, new->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir >= 0 && mkdirat (dir, "data", 0700) == 0)
      new->data = openat (dir, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (new->data >= 0)
    return new;
  bothy_error_set_errno (error, errno, "Making a layer for the container");
  bothy_uppers_end (self, new);
  return NULL;
}

gboolean
bothy_uppers_place (BothyUppers *self, BothyNewUpper *new, GError **error)
{
  autofd dir = open_upper (self->dirfd, new->directory, error);

  BOTHY_FAULT_POINT ("snapshot.before-record");
  if (dir < 0 || !write_upper (dir, &new->is, error))
    return FALSE;
  BOTHY_FAULT_POINT ("snapshot.layer-recorded");
  if (!bothy_record_place (self->dirfd, new->directory, new->is.id, BOTHY_RECORD_DURABLE)) {
    bothy_error_set_errno (error, errno, "Placing a layer of the container's");
    return FALSE;
  }
  g_clear_pointer (&new->directory, g_free);
  BOTHY_FAULT_POINT ("snapshot.layer-placed");
  return TRUE;
}

BothyUpper *
bothy_uppers_add (BothyUppers *self, const BothyNewUpper *new)
{
  BothyUpper *upper = add_upper (self, new->is.id, new->is.below, new->is.owner, new->is.project);

  upper->holds = 1;
  return upper;
}

/* NAME is the directory of UPPER. One whose container is gone counts as what that might take until its files are, too. */
static gboolean
put_into_trash (BothyUppers *self, const char *name, const BothyUpper *upper, GError **error)
{
  const BothyTrashOwner owner = {
    .owner = upper->owner, .project = upper->project, .bytes = upper->bytes, .inodes = upper->inodes
  };

  return bothy_trash_put_of (self->trash, self->dirfd, name, &owner, error);
}

void
bothy_uppers_end (BothyUppers *self, BothyNewUpper *new)
{
  /* If it was not made, the trash can not take it, which is fine: hence no error is looked at. */
  if (new->directory)
    put_into_trash (self, new->directory, &new->is, NULL);
  bothy_clear_fd (&new->data);
  g_free (new->directory);
  g_free (new->is.id);
  g_free (new->is.below);
  g_free (new);
}

/* ---- what is needed ---- */

void
bothy_uppers_add_wanted (BothyUppers *self, GHashTable *wanted, const char *id)
{
  for (const BothyUpper *upper;
       (upper = bothy_uppers_find (self, id)) && g_hash_table_add (wanted, upper->id); id = upper->below)
    ;
}

void
bothy_uppers_add_held (BothyUppers *self, GHashTable *wanted)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (((const BothyUpper *)value)->holds > 0)
      bothy_uppers_add_wanted (self, wanted, ((const BothyUpper *)value)->id);
  }
}

void
bothy_uppers_sweep (BothyUppers *self, GHashTable *wanted)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyUpper *upper = value;
    g_autoptr (GError) error = NULL;

    if (upper->is_first || g_hash_table_contains (wanted, upper->id))
      continue;
    if (put_into_trash (self, upper->id, upper, &error))
      g_hash_table_iter_remove (&iter);
    else {
      g_warning ("Layer %s: %s", upper->id, error->message);
      upper->is_waste = TRUE;
    }
    BOTHY_FAULT_POINT ("snapshot.swept");
  }
}

/* ---- */

static void
bothy_uppers_finalize (GObject *object)
{
  BothyUppers *self = BOTHY_UPPERS (object);

  g_hash_table_unref (self->by_id);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_uppers_parent_class)->finalize (object);
}

static void
bothy_uppers_class_init (BothyUppersClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_uppers_finalize;
}

static void
bothy_uppers_init (BothyUppers *self)
{
  self->by_id = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, upper_free);
}

BothyUppers *
bothy_uppers_new (int dirfd, BothyTrash *trash, gboolean *ret_degraded)
{
  BothyUppers *self = g_object_new (BOTHY_TYPE_UPPERS, NULL);

  self->dirfd = dirfd;
  self->trash = g_object_ref (trash);
  *ret_degraded = !load_uppers (self);
  return self;
}
