/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/volumes/volume.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/validate.h"
#include "storage/record.h"
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define GROUP     "Volume"
#define FILE_NAME "volume"

struct _BothyVolumes {
  GObject parent;
  int dirfd;
  BothyTrash *trash;
  guint max_each;
  GHashTable *by_id;  /* id → BothyVolume */
  guint32 n_projects; /* how many were chosen */
};

G_DEFINE_FINAL_TYPE (BothyVolumes, bothy_volumes, G_TYPE_OBJECT)

static guint unfilled_signal;

static void
volume_free (gpointer data)
{
  BothyVolume *volume = data;

  g_free (volume->id);
  g_free (volume->name);
  g_free (volume);
}

/* OWNER's that is called NAME, made or not; NULL: there is none. */
static BothyVolume *
look_up (BothyVolumes *self, guint32 owner, const char *name)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyVolume *volume = value;

    if (volume->owner == owner && g_str_equal (volume->name, name))
      return volume;
  }
  return NULL;
}

BothyVolume *
bothy_volumes_find (BothyVolumes *self, guint32 owner, const char *name, GError **error)
{
  BothyVolume *volume = look_up (self, owner, name);

  if (volume && volume->made)
    return volume;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_VOLUME,
               "You have no volume %.64s; \"bothy volume create %.64s\" makes one", name, name);
  return NULL;
}

BothyVolume *
bothy_volumes_find_by_id (BothyVolumes *self, const char *id)
{
  BothyVolume *volume = g_hash_table_lookup (self->by_id, id);

  return volume && volume->made ? volume : NULL;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  const BothyVolume *const *first = a, *const *second = b;

  return strcmp ((*first)->name, (*second)->name);
}

GPtrArray *
bothy_volumes_list (BothyVolumes *self, guint32 owner)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const BothyVolume *volume = value;

    if ((owner == BOTHY_NO_USER || volume->owner == owner) && volume->made)
      g_ptr_array_add (list, value);
  }
  g_ptr_array_sort (list, compare_names);
  return list;
}

/* ---- what they may take ---- */

static guint64
add_up (guint64 sum, guint64 more)
{
  return more > G_MAXUINT64 - sum ? G_MAXUINT64 : sum + more;
}

void
bothy_volumes_add_bounds (BothyVolumes *self, guint32 owner, guint64 *bytes, guint64 *inodes)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const BothyVolume *volume = value;

    /* Where nothing bounds it, nothing is counted, as of a container. */
    if (volume->owner != owner || volume->project == 0)
      continue;
    *bytes = add_up (*bytes, volume->bytes ? volume->bytes : G_MAXUINT64);
    *inodes = add_up (*inodes, volume->inodes ? volume->inodes : G_MAXUINT64);
  }
}

static gboolean
has_project (BothyVolumes *self, guint32 project)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (((const BothyVolume *)value)->project == project)
      return TRUE;
  }
  return FALSE;
}

/* The neutral ids are no container's, so no file of a container has such a project. */
guint32
bothy_volumes_choose_project (BothyVolumes *self)
{
  for (guint32 i = 0; i < BOTHY_RANGE_SIZE; i++) {
    guint32 project = BOTHY_NEUTRAL_BASE + self->n_projects++ % BOTHY_RANGE_SIZE;

    if (!has_project (self, project) && !bothy_trash_has_project (self->trash, project))
      return project;
  }
  return 0;
}

/* ---- on record ---- */

/* (transfer full) */
static GKeyFile *
to_record (const BothyVolume *volume, gboolean fresh)
{
  GKeyFile *record = g_key_file_new ();

  g_key_file_set_string (record, GROUP, "Id", volume->id);
  g_key_file_set_string (record, GROUP, "Name", volume->name);
  g_key_file_set_uint64 (record, GROUP, "Owner", volume->owner);
  g_key_file_set_uint64 (record, GROUP, "Project", volume->project);
  g_key_file_set_uint64 (record, GROUP, "Bytes", volume->bytes);
  g_key_file_set_uint64 (record, GROUP, "Inodes", volume->inodes);
  g_key_file_set_int64 (record, GROUP, "CreatedAt", volume->created_at);
  g_key_file_set_boolean (record, GROUP, "Fresh", fresh);
  return record;
}

static int
open_volume (int dirfd, const char *name, GError **error)
{
  int dir = openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (dir < 0)
    bothy_error_set_errno (error, errno, "Opening a volume");
  return dir;
}

static BothyVolume *
read_volume (int dirfd, const char *id, GError **error)
{
  autofd dir = open_volume (dirfd, id, error);
  g_autoptr (GKeyFile) record = dir >= 0 ? bothy_record_read (dir, FILE_NAME, error) : NULL;
  g_autofree char *found = record ? g_key_file_get_string (record, GROUP, "Id", NULL) : NULL;
  g_autofree char *name = record ? g_key_file_get_string (record, GROUP, "Name", NULL) : NULL;
  BothyVolume *volume;

  if (!record)
    return NULL;
  if (!found || !g_str_equal (found, id) || !bothy_is_uuid (id) || !name ||
      !bothy_validate_name (name, "Name", NULL)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "its record makes no sense");
    return NULL;
  }
  volume = g_new0 (BothyVolume, 1);
  volume->id = g_steal_pointer (&found);
  volume->name = g_steal_pointer (&name);
  volume->owner = (guint32)g_key_file_get_uint64 (record, GROUP, "Owner", NULL);
  volume->project = (guint32)g_key_file_get_uint64 (record, GROUP, "Project", NULL);
  volume->bytes = g_key_file_get_uint64 (record, GROUP, "Bytes", NULL);
  volume->inodes = g_key_file_get_uint64 (record, GROUP, "Inodes", NULL);
  volume->created_at = g_key_file_get_int64 (record, GROUP, "CreatedAt", NULL);
  /* What is in it is not written over, whatever its record lacks. */
  volume->fresh = g_key_file_get_boolean (record, GROUP, "Fresh", NULL);
  volume->made = TRUE;
  return volume;
}

static gboolean
load_volumes (BothyVolumes *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gboolean complete = dir != NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autoptr (GError) error = NULL;
    BothyVolume *volume;

    if (g_str_has_prefix (name, BOTHY_STORE_NEW)) {
      bothy_trash_put (self->trash, self->dirfd, name, NULL);
      continue;
    }
    volume = read_volume (self->dirfd, name, &error);
    if (volume)
      g_hash_table_insert (self->by_id, volume->id, volume);
    else {
      g_warning ("Volume %s: %s", name, error->message);
      complete = FALSE;
    }
  }
  return complete;
}

/* ---- making one ---- */

static gboolean
check_new (BothyVolumes *self, guint32 owner, const char *name, GError **error)
{
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  if (look_up (self, owner, name)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_VOLUME_EXISTS,
                 "You have a volume %s already; delete it or take another name", name);
    return FALSE;
  }
  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    n += ((const BothyVolume *)value)->owner == owner;
  if (n < self->max_each)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "You have as many volumes as a user may have: %u; delete one first (\"bothy volume delete\")",
               self->max_each);
  return FALSE;
}

/* The directory "data" becomes the neutral root's; its mode is what an image's directories have mostly. */
static gboolean
make_directories (BothyVolumes *self, BothyNewVolume *new, GError **error)
{
  autofd dir = -1;

  if (mkdirat (self->dirfd, new->directory, 0700) == 0) {
    dir = openat (self->dirfd, new->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir >= 0 && mkdirat (dir, "data", 0700) == 0)
      new->data = openat (dir, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (new->data >= 0 && fchmod (new->data, 0755) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Making the volume's directory");
  return FALSE;
}

BothyNewVolume *
bothy_volumes_begin (BothyVolumes *self,
                     guint32 owner,
                     const char *name,
                     guint32 project,
                     guint64 bytes,
                     guint64 inodes,
                     GError **error)
{
  BothyNewVolume *new;
  BothyVolume *volume;

  if (!check_new (self, owner, name, error))
    return NULL;
  volume = g_new0 (BothyVolume, 1);
  volume->id = g_uuid_string_random ();
  volume->name = g_strdup (name);
  volume->owner = owner;
  volume->project = project;
  volume->bytes = bytes;
  volume->inodes = inodes;
  volume->created_at = g_get_real_time ();
  volume->fresh = TRUE;
  g_hash_table_insert (self->by_id, volume->id, volume);
  new = g_new0 (BothyNewVolume, 1);
  new->volume = volume;
  new->directory = g_strconcat (BOTHY_STORE_NEW, volume->id, NULL);
  new->data = -1;
  if (make_directories (self, new, error))
    return new;
  bothy_volumes_end (self, new);
  return NULL;
}

gboolean
bothy_volumes_place (BothyVolumes *self, BothyNewVolume *new, GError **error)
{
  autofd dir = open_volume (self->dirfd, new->directory, error);
  g_autoptr (GKeyFile) record = to_record (new->volume, TRUE);

  BOTHY_FAULT_POINT ("volume.before-record");
  if (dir < 0 || !bothy_record_write (dir, FILE_NAME, record, BOTHY_RECORD_DURABLE, error))
    return FALSE;
  BOTHY_FAULT_POINT ("volume.recorded");
  if (!bothy_record_place (self->dirfd, new->directory, new->volume->id, BOTHY_RECORD_DURABLE)) {
    bothy_error_set_errno (error, errno, "Placing the volume");
    return FALSE;
  }
  g_clear_pointer (&new->directory, g_free);
  BOTHY_FAULT_POINT ("volume.placed");
  return TRUE;
}

/* NAME is the directory of VOLUME, whose files count as what they may take until they are gone. */
static gboolean
put_into_trash (BothyVolumes *self, const char *name, const BothyVolume *volume, GError **error)
{
  const BothyTrashOwner owner = { .owner = volume->owner,
                                  .project = volume->project,
                                  .bytes = volume->project ? volume->bytes : 0,
                                  .inodes = volume->project ? volume->inodes : 0 };

  return bothy_trash_put_of (self->trash, self->dirfd, name, &owner, error);
}

void
bothy_volumes_end (BothyVolumes *self, BothyNewVolume *new)
{
  BothyVolume *volume = new->volume;

  volume->made = new->directory == NULL;
  if (!volume->made) {
    /* If it was not made, the trash can not take it, which is fine: hence no error is looked at. */
    put_into_trash (self, new->directory, volume, NULL);
    g_hash_table_remove (self->by_id, volume->id);
  }
  bothy_clear_fd (&new->data);
  g_free (new->directory);
  g_free (new);
}

/* ---- what becomes of one ---- */

void
bothy_volumes_set_filler (BothyVolumes *self, BothyVolume *volume, gconstpointer filler)
{
  volume->filler = filler;
  if (!filler)
    g_signal_emit (self, unfilled_signal, 0, volume->id);
}

static void
record_filled (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BothyVolumes *self = source;
  GKeyFile *record = task_data;
  g_autofree char *id = g_key_file_get_string (record, GROUP, "Id", NULL);
  GError *error = NULL;
  autofd dir = open_volume (self->dirfd, id, &error);

  if (dir >= 0 && bothy_record_write (dir, FILE_NAME, record, BOTHY_RECORD_DURABLE, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_volumes_set_filled (BothyVolumes *self,
                          BothyVolume *volume,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_task_data (task, to_record (volume, FALSE), (GDestroyNotify)g_key_file_unref);
  g_task_run_in_thread (task, record_filled);
}

gboolean
bothy_volumes_set_filled_finish (BothyVolumes *self, GAsyncResult *result, GError **error)
{
  g_autofree char *id = g_key_file_get_string (g_task_get_task_data (G_TASK (result)), GROUP, "Id", NULL);
  BothyVolume *volume = bothy_volumes_find_by_id (self, id);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  if (volume)
    volume->fresh = FALSE;
  return TRUE;
}

gboolean
bothy_volumes_remove (BothyVolumes *self, BothyVolume *volume, GError **error)
{
  BOTHY_FAULT_POINT ("volume.removing");
  if (!put_into_trash (self, volume->id, volume, error))
    return FALSE;
  g_hash_table_remove (self->by_id, volume->id);
  return TRUE;
}

/* ---- */

static void
bothy_volumes_finalize (GObject *object)
{
  BothyVolumes *self = BOTHY_VOLUMES (object);

  g_hash_table_unref (self->by_id);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_volumes_parent_class)->finalize (object);
}

static void
bothy_volumes_class_init (BothyVolumesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_volumes_finalize;
  unfilled_signal = g_signal_new ("unfilled", BOTHY_TYPE_VOLUMES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
bothy_volumes_init (BothyVolumes *self)
{
  self->by_id = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, volume_free);
}

BothyVolumes *
bothy_volumes_new (int dirfd, BothyTrash *trash, guint max_each, gboolean *ret_degraded)
{
  BothyVolumes *self = g_object_new (BOTHY_TYPE_VOLUMES, NULL);

  self->dirfd = dirfd;
  self->trash = g_object_ref (trash);
  self->max_each = max_each;
  *ret_degraded = !load_volumes (self);
  return self;
}
