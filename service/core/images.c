/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "images.h"

#include "core/error.h"
#include "core/fault.h"
#include "core/name.h"
#include "core/ranges.h"
#include "platform/fd.h"
#include "platform/foreign.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define UNPACK_MAX_SECONDS 3600
#define NEW_PREFIX         ".new-"
#define BUSYBOX            "/usr/bin/busybox"
#define BUSYBOX_OLD        "/bin/busybox"

struct _BothyImages {
  GObject parent;
  int dirfd;
  const BothyConfiguration *configuration;
  BothyHelper *helper;
  BothyTrash *trash;
  GHashTable *images;   /* fingerprint → BothyImage */
  GQueue *waiting;      /* GTask: for the built-in image */
  gboolean making_builtin;
};

G_DEFINE_FINAL_TYPE (BothyImages, bothy_images, G_TYPE_OBJECT)

enum { ADDED, REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

/* ---- finding ---- */

BothyImage *
bothy_images_lookup (BothyImages *self, const char *fingerprint)
{
  return g_hash_table_lookup (self->images, fingerprint);
}

GList *
bothy_images_list (BothyImages *self)
{
  return g_hash_table_get_values (self->images);
}

static gboolean
is_meant (BothyImage *image, guint32 user, const char *name)
{
  if (!bothy_image_is_visible (image, user))
    return FALSE;
  if (bothy_name_is_fingerprint_prefix (name))
    return g_str_has_prefix (image->fingerprint, name);
  return bothy_image_has_alias (image, user, name);
}

BothyImage *
bothy_images_find (BothyImages *self, guint32 user, const char *name, GError **error)
{
  g_autoptr (GList) images = bothy_images_list (self);
  BothyImage *found = NULL;
  gboolean ambiguous = FALSE;
  g_autofree char *shown = g_strescape (name, NULL);

  for (GList *l = images; l; l = l->next) {
    GPtrArray *claim = g_hash_table_lookup (BOTHY_IMAGE (l->data)->claims, GUINT_TO_POINTER (user));

    if (!is_meant (l->data, user, name))
      continue;
    ambiguous = found && bothy_name_is_fingerprint_prefix (name);
    /* A user's own name for an image goes before a name that is everybody's. */
    if (!found || claim)
      found = l->data;
    if (ambiguous)
      break;
  }
  if (found && !ambiguous)
    return found;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
               ambiguous ? "More than one image's fingerprint begins with %.80s; give more of it"
                         : "There is no image %.80s; \"bothy image list\" shows what there is",
               shown);
  return NULL;
}

/* ---- records ---- */

static void
save (BothyImages *self, BothyImage *image)
{
  autofd dir = openat (self->dirfd, image->fingerprint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GKeyFile) record = bothy_image_to_record (image);
  g_autoptr (GError) error = NULL;

  if (dir < 0 || !bothy_record_write (dir, "image", record, BOTHY_RECORD_VOLATILE, &error))
    g_warning ("Image %.12s: its record was not written: %s", image->fingerprint, error ? error->message : "");
}

static gboolean
load_one (BothyImages *self, const char *fingerprint)
{
  autofd dir = openat (self->dirfd, fingerprint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) record = dir >= 0 ? bothy_record_read (dir, "image", &error) : NULL;
  BothyImage *image = record ? bothy_image_from_record (fingerprint, record, &error) : NULL;

  if (!image) {
    g_warning ("Image %.12s: %s", fingerprint, error ? error->message : g_strerror (errno));
    return FALSE;
  }
  g_hash_table_insert (self->images, image->fingerprint, image);
  return TRUE;
}

static gboolean
load (BothyImages *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gboolean complete = dir != NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    /* An import that was cut short. */
    if (g_str_has_prefix (name, NEW_PREFIX))
      bothy_trash_put (self->trash, self->dirfd, name, NULL);
    else if (!bothy_name_is_fingerprint (name) || !load_one (self, name))
      complete = FALSE;
  }
  return complete;
}

static void
drop_if_unwanted (BothyImages *self, BothyImage *image)
{
  g_autoptr (BothyImage) kept = g_object_ref (image);
  g_autoptr (GError) error = NULL;

  if (image->n_containers > 0 || image->public_alias || g_hash_table_size (image->claims) > 0)
    return;
  if (!bothy_trash_put (self->trash, self->dirfd, image->fingerprint, &error)) {
    g_warning ("Image %.12s: %s", image->fingerprint, error->message);
    return;
  }
  g_hash_table_remove (self->images, image->fingerprint);
  g_signal_emit (self, signals[REMOVED], 0, image);
}

void
bothy_images_use (BothyImages *self, BothyImage *image, int by)
{
  image->n_containers += (guint) by;
  if (by < 0)
    drop_if_unwanted (self, image);
}

gboolean
bothy_images_forget (BothyImages *self, BothyImage *image, guint32 user, GError **error)
{
  if (!g_hash_table_contains (image->claims, GUINT_TO_POINTER (user))) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_IMAGE_IN_USE,
                 "Image %s comes with Bothy; there is nothing of yours to remove", image->public_alias);
    return FALSE;
  }
  bothy_image_remove_claim (image, user);
  save (self, image);
  drop_if_unwanted (self, image);
  return TRUE;
}

static void
claim (BothyImages *self, BothyImage *image, guint32 user, const char *alias)
{
  g_autoptr (GList) images = bothy_images_list (self);

  for (GList *l = images; l && alias; l = l->next) {
    BothyImage *other = l->data;

    /* The name moves on to the newer image; the older one stays, under its fingerprint. */
    if (other != image && g_hash_table_contains (other->claims, GUINT_TO_POINTER (user)) &&
        bothy_image_has_alias (other, user, alias)) {
      bothy_image_remove_alias (other, user, alias);
      save (self, other);
    }
  }
  bothy_image_add_claim (image, user, alias);
  save (self, image);
}

/* ---- import ---- */

typedef struct {
  char *name;  /* of the new directory */
  int dir;     /* that directory */
  int tree;    /* "root" in it, O_PATH */
  int source;
  int store;
  guint32 user;
  char *alias;
  char *fingerprint; /* as the importer says; NULL: he does not */
  char *builtin;     /* the stamp of what a built-in image is made from, else NULL */
  char *origin;      /* of what came from a remote; else NULL, as the next */
  char *verified;
  struct unpack_request request;
  BothyUnpackProgress progress;
  gpointer progress_data;
  BothyImage *image;
} Import;

static void
import_free (Import *import)
{
  bothy_clear_fd (&import->dir);
  bothy_clear_fd (&import->tree);
  bothy_foreign_clear (&import->source);
  g_clear_object (&import->image);
  g_free (import->name);
  g_free (import->alias);
  g_free (import->fingerprint);
  g_free (import->builtin);
  g_free (import->origin);
  g_free (import->verified);
  g_free (import);
}

static void
fail (GTask *task, GError *error)
{
  BothyImages *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);

  if (import->dir >= 0)
    bothy_trash_put (self->trash, self->dirfd, import->name, NULL);
  bothy_error_adopt (&error, "Import");
  g_task_return_error (task, error);
}

/* In a thread: it waits until the disk has every file, so that what has a record is whole. */
static void
commit (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Import *import = task_data;
  g_autoptr (GKeyFile) record = bothy_image_to_record (import->image);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("import.before-commit");
  if (syncfs (import->dir) < 0)
    bothy_error_set_errno (&error, errno, "Writing the image to disk");
  else if (bothy_record_write (import->dir, "image", record, BOTHY_RECORD_DURABLE, &error)) {
    BOTHY_FAULT_POINT ("import.recorded");
    if (renameat (import->store, import->name, import->store, import->image->fingerprint) < 0 ||
        fsync (import->store) < 0)
      bothy_error_set_errno (&error, errno, "Placing the image");
  }
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
accept (GTask *task, BothyImage *image)
{
  BothyImages *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);

  if (import->builtin) {
    image->public_alias = (g_free (image->public_alias), g_strdup (BOTHY_BUILTIN_ALIAS));
    image->source = (g_free (image->source), g_strdup (import->builtin));
    save (self, image);
  } else
    claim (self, image, import->user, import->alias);
  g_task_return_pointer (task, g_object_ref (image), g_object_unref);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImages *self = BOTHY_IMAGES (source);
  g_autoptr (GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;
  BothyImage *other;

  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    /* Somebody else may have placed the same bytes meanwhile. */
    other = bothy_images_lookup (self, import->image->fingerprint);
    if (!other) {
      fail (task, error);
      return;
    }
    g_clear_error (&error);
    bothy_trash_put (self->trash, self->dirfd, import->name, NULL);
    accept (task, other);
    return;
  }
  g_hash_table_insert (self->images, import->image->fingerprint, g_object_ref (import->image));
  accept (task, import->image);
  g_signal_emit (self, signals[ADDED], 0, import->image);
}

static BothyImage *
make_image (Import *import, const BothyUnpacked *unpacked)
{
  BothyImage *image = bothy_image_new (unpacked->fingerprint);

  bothy_image_set_os_release (image, unpacked->os_release);
  image->architecture = (g_free (image->architecture), g_strdup (unpacked->architecture));
  image->size = unpacked->bytes;
  image->created_at = g_get_real_time ();
  if (import->fingerprint)
    image->verified = (g_free (image->verified), g_strdup ("sha256"));
  if (import->origin) {
    image->origin = (g_free (image->origin), g_strdup (import->origin));
    image->verified = (g_free (image->verified), g_strdup (import->verified));
  }
  if (import->builtin) {
    image->origin = (g_free (image->origin), g_strdup ("builtin"));
    image->source = (g_free (image->source), g_strdup (import->builtin));
    image->public_alias = g_strdup (BOTHY_BUILTIN_ALIAS);
  } else
    bothy_image_add_claim (image, import->user, NULL);
  return image;
}

static void
on_unpacked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyImages *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpacked) unpacked = bothy_unpack_finish (result, &error);
  g_autoptr (GTask) commit_task = NULL;
  BothyImage *known;

  BOTHY_FAULT_POINT ("import.unpacked");
  if (unpacked && import->fingerprint && !g_str_equal (import->fingerprint, unpacked->fingerprint))
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
                         "The archive's SHA-256 is %s, not the one that was asked for", unpacked->fingerprint);
  if (error) {
    fail (task, error);
    return;
  }
  known = bothy_images_lookup (self, unpacked->fingerprint);
  if (known) {
    bothy_trash_put (self->trash, self->dirfd, import->name, NULL);
    accept (task, known);
    return;
  }
  import->image = make_image (import, unpacked);
  commit_task = g_task_new (self, NULL, on_committed, g_object_ref (task));
  g_task_set_task_data (commit_task, import, NULL);
  g_task_run_in_thread (commit_task, commit);
}

static void
on_owned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyImages *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds = bothy_helper_call_finish (BOTHY_HELPER (source), result, NULL, &error);

  if (!fds)
    fail (task, error);
  else
    bothy_unpack (self->helper, &import->request, import->tree, import->source, import->progress,
                  import->progress_data, g_task_get_cancellable (task), on_unpacked, g_object_ref (task));
}

static gboolean
make_directories (BothyImages *self, Import *import, GError **error)
{
  g_autofree char *uuid = g_uuid_string_random ();

  import->name = g_strconcat (NEW_PREFIX, uuid, NULL);
  if (mkdirat (self->dirfd, import->name, 0700) == 0) {
    import->dir = openat (self->dirfd, import->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (import->dir >= 0 && mkdirat (import->dir, "root", 0755) == 0)
      import->tree = openat (import->dir, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (import->tree >= 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Making a directory for the image");
  return FALSE;
}

static void
start_import (BothyImages *self, GTask *task)
{
  struct helper_request own = { .op = HELPER_OWN, .owner = BOTHY_NEUTRAL_BASE };
  Import *import = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  g_task_set_check_cancellable (task, FALSE);
  if (make_directories (self, import, &error))
    fds = bothy_fd_list (&import->tree, 1, &error);
  if (!fds) {
    fail (task, error);
    return;
  }
  bothy_helper_call (self->helper, &own, fds, on_owned, g_object_ref (task));
}

static guint64
bytes_of (BothyImages *self, guint32 user)
{
  g_autoptr (GList) images = bothy_images_list (self);
  guint64 bytes = 0;

  for (GList *l = images; l; l = l->next) {
    if (g_hash_table_contains (BOTHY_IMAGE (l->data)->claims, GUINT_TO_POINTER (user)))
      bytes += BOTHY_IMAGE (l->data)->size;
  }
  return bytes;
}

static Import *
import_new (BothyImages *self, guint32 mode, int source_fd, guint64 max_bytes)
{
  Import *import = g_new0 (Import, 1);

  import->dir = import->tree = -1;
  import->store = self->dirfd;
  import->source = fcntl (source_fd, F_DUPFD_CLOEXEC, 3);
  import->request.mode = mode;
  import->request.max_bytes = max_bytes;
  import->request.max_inodes = self->configuration->max_image_files;
  import->request.max_seconds = UNPACK_MAX_SECONDS;
  return import;
}

/* Whether USER may have BYTES more. */
static gboolean
check_quota (BothyImages *self, guint32 user, guint64 bytes, GError **error)
{
  guint64 used = bytes_of (self, user), quota = self->configuration->max_image_bytes;

  if (used < quota && bytes <= quota - used)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "Your images take all of your %" G_GUINT64_FORMAT " bytes; remove one first", quota);
  return FALSE;
}

static void
begin_import (BothyImages *self, GTask *task, Import *import)
{
  GError *error = NULL;

  g_task_set_task_data (task, import, (GDestroyNotify) import_free);
  if (check_quota (self, import->user, 0, &error))
    start_import (self, task);
  else
    fail (task, error);
}

static Import *
import_for (BothyImages *self, guint32 user, int archive_fd, BothyUnpackProgress progress, gpointer progress_data)
{
  guint64 used = bytes_of (self, user), quota = self->configuration->max_image_bytes;
  Import *import = import_new (self, UNPACK_ARCHIVE, archive_fd, quota > used ? quota - used : 0);

  import->user = user;
  import->progress = progress;
  import->progress_data = progress_data;
  return import;
}

void
bothy_images_import (BothyImages *self, guint32 user, int archive_fd, const char *alias, const char *fingerprint,
                     BothyUnpackProgress progress, gpointer progress_data, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Import *import = import_for (self, user, archive_fd, progress, progress_data);

  import->alias = g_strdup (alias);
  import->fingerprint = g_strdup (fingerprint);
  begin_import (self, task, import);
}

void
bothy_images_import_from (BothyImages *self, guint32 user, int archive_fd, const char *fingerprint,
                          const char *origin, const char *verified, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Import *import = import_for (self, user, archive_fd, NULL, NULL);

  import->fingerprint = g_strdup (fingerprint);
  import->origin = g_strdup (origin);
  import->verified = g_strdup (verified);
  begin_import (self, task, import);
}

gboolean
bothy_images_adopt (BothyImages *self, BothyImage *image, guint32 user, const char *alias, const char *verified,
                    GError **error)
{
  gboolean has = g_hash_table_contains (image->claims, GUINT_TO_POINTER (user));

  if (!has && !check_quota (self, user, image->size, error))
    return FALSE;
  /* The bytes are the same: what is known of them now counts for everybody who has them. */
  if (g_str_has_prefix (verified, "signature:") || g_str_equal (image->verified, "none"))
    image->verified = (g_free (image->verified), g_strdup (verified));
  claim (self, image, user, alias);
  return TRUE;
}

BothyImage *
bothy_images_import_finish (BothyImages *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- the built-in image ---- */

static int
open_busybox (char **ret_stamp)
{
  autofd fd = open (BUSYBOX, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat st;

  if (fd < 0)
    fd = open (BUSYBOX_OLD, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || st.st_uid != 0)
    return -1;
  *ret_stamp = g_strdup_printf ("%lld.%ld %lld", (long long) st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                                (long long) st.st_size);
  return g_steal_fd (&fd);
}

static BothyImage *
find_builtin (BothyImages *self)
{
  g_autoptr (GList) images = bothy_images_list (self);

  for (GList *l = images; l; l = l->next) {
    if (BOTHY_IMAGE (l->data)->public_alias)
      return l->data;
  }
  return NULL;
}

static void
retire_others (BothyImages *self, BothyImage *builtin)
{
  g_autoptr (GList) images = bothy_images_list (self);

  for (GList *l = images; l; l = l->next) {
    BothyImage *other = l->data;

    if (other == builtin || !other->public_alias)
      continue;
    bothy_image_retire (other);
    save (self, other);
    drop_if_unwanted (self, other);
  }
}

static void
on_builtin_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImages *self = BOTHY_IMAGES (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_images_import_finish (self, result, &error);
  GTask *task;

  self->making_builtin = FALSE;
  if (image)
    retire_others (self, image);
  while ((task = g_queue_pop_head (self->waiting))) {
    if (image)
      g_task_return_boolean (task, TRUE);
    else
      g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
                               "The built-in image %s could not be made: %s", BOTHY_BUILTIN_ALIAS, error->message);
    g_object_unref (task);
  }
}

static void
make_builtin (BothyImages *self, int fd, char *stamp)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_builtin_made, NULL);
  Import *import = import_new (self, UNPACK_BUSYBOX, fd, self->configuration->max_image_bytes);

  import->builtin = stamp;
  g_task_set_task_data (task, import, (GDestroyNotify) import_free);
  self->making_builtin = TRUE;
  start_import (self, task);
}

void
bothy_images_ensure_builtin (BothyImages *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  g_autofree char *stamp = NULL;
  autofd fd = open_busybox (&stamp);
  BothyImage *builtin = find_builtin (self);

  if (fd >= 0 && (!builtin || !g_str_equal (builtin->source, stamp))) {
    g_queue_push_tail (self->waiting, task);
    if (!self->making_builtin)
      make_builtin (self, fd, g_steal_pointer (&stamp));
    return;
  }
  if (builtin)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
                             "The built-in image %s needs %s: install busybox-static", BOTHY_BUILTIN_ALIAS, BUSYBOX);
  g_object_unref (task);
}

typedef struct {
  guint32 user;
  char *name;
} Resolve;

static void
resolve_free (Resolve *resolve)
{
  g_free (resolve->name);
  g_free (resolve);
}

static void
finish_resolve (BothyImages *self, GTask *task)
{
  Resolve *resolve = g_task_get_task_data (task);
  GError *error = NULL;
  BothyImage *image = bothy_images_find (self, resolve->user, resolve->name, &error);

  if (image)
    g_task_return_pointer (task, g_object_ref (image), g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
on_builtin (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    finish_resolve (BOTHY_IMAGES (source), task);
  else
    g_task_return_error (task, error);
}

void
bothy_images_resolve (BothyImages *self, guint32 user, const char *name, GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Resolve *resolve = g_new0 (Resolve, 1);

  resolve->user = user;
  resolve->name = g_strdup (name);
  g_task_set_task_data (task, resolve, (GDestroyNotify) resolve_free);
  if (g_str_equal (name, BOTHY_BUILTIN_ALIAS) && !bothy_images_find (self, user, name, NULL))
    bothy_images_ensure_builtin (self, on_builtin, g_object_ref (task));
  else
    finish_resolve (self, task);
}

BothyImage *
bothy_images_resolve_finish (BothyImages *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- */

static void
bothy_images_finalize (GObject *object)
{
  BothyImages *self = BOTHY_IMAGES (object);

  g_hash_table_unref (self->images);
  g_queue_free_full (self->waiting, g_object_unref);
  g_object_unref (self->helper);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_images_parent_class)->finalize (object);
}

static void
bothy_images_class_init (BothyImagesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_images_finalize;
  signals[ADDED] = g_signal_new ("added", BOTHY_TYPE_IMAGES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                 BOTHY_TYPE_IMAGE);
  signals[REMOVED] = g_signal_new ("removed", BOTHY_TYPE_IMAGES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                   1, BOTHY_TYPE_IMAGE);
}

static void
bothy_images_init (BothyImages *self)
{
  self->images = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->waiting = g_queue_new ();
}

BothyImages *
bothy_images_new (int dirfd, const BothyConfiguration *configuration, BothyHelper *helper, BothyTrash *trash,
                  gboolean *ret_degraded)
{
  BothyImages *self = g_object_new (BOTHY_TYPE_IMAGES, NULL);

  self->dirfd = dirfd;
  self->configuration = configuration;
  self->helper = g_object_ref (helper);
  self->trash = g_object_ref (trash);
  *ret_degraded = !load (self);
  return self;
}
