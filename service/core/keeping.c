/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How an image gets into the store: its record comes last, when the disk has all else. */
#include "core/images-private.h"

#include "core/error.h"
#include "core/fault.h"
#include "platform/fd.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_PREFIX ".new-" /* as in images.c */

typedef struct {
  int store;
  char *name; /* of the new directory */
  int dir;
  BothyImage *image;
} Add;

static void
add_free (Add *add)
{
  bothy_clear_fd (&add->dir);
  g_object_unref (add->image);
  g_free (add->name);
  g_free (add);
}

/* In a thread: it waits until the disk has every file of every layer, so that what has a record is whole. */
static void
commit (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Add *add = task_data;
  g_autoptr (GKeyFile) record = bothy_image_to_record (add->image);
  GError *error = NULL;

  if (syncfs (add->dir) < 0)
    bothy_error_set_errno (&error, errno, "Writing the image to disk");
  else if (bothy_record_write (add->dir, "image", record, BOTHY_RECORD_DURABLE, &error)) {
    BOTHY_FAULT_POINT ("import.recorded");
    if (renameat (add->store, add->name, add->store, add->image->fingerprint) < 0 || fsync (add->store) < 0)
      bothy_error_set_errno (&error, errno, "Placing the image");
    BOTHY_FAULT_POINT ("import.placed");
  }
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImages *self = BOTHY_IMAGES (source);
  g_autoptr (GTask) task = user_data;
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;
  BothyImage *other = bothy_images_lookup (self, add->image->fingerprint);

  if (g_task_propagate_boolean (G_TASK (result), &error)) {
    bothy_images_insert (self, add->image);
    g_task_return_pointer (task, g_object_ref (add->image), g_object_unref);
    return;
  }
  bothy_trash_put (self->trash, self->dirfd, add->name, NULL);
  /* Somebody else may have placed the same one meanwhile. */
  if (other) {
    g_clear_error (&error);
    g_task_return_pointer (task, g_object_ref (other), g_object_unref);
  } else
    g_task_return_error (task, error);
}

void
bothy_images_add (BothyImages *self, BothyImage *image, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyImage *known = bothy_images_lookup (self, image->fingerprint);
  g_autofree char *uuid = g_uuid_string_random ();
  g_autoptr (GTask) thread = NULL;
  Add *add;

  if (known) {
    g_task_return_pointer (task, g_object_ref (known), g_object_unref);
    return;
  }
  add = g_new0 (Add, 1);
  add->store = self->dirfd;
  add->dir = -1;
  add->image = g_object_ref (image);
  add->name = g_strconcat (NEW_PREFIX, uuid, NULL);
  g_task_set_task_data (task, add, (GDestroyNotify)add_free);
  if (mkdirat (self->dirfd, add->name, 0700) == 0)
    add->dir = openat (self->dirfd, add->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  thread = g_task_new (self, NULL, on_committed, g_object_ref (task));
  g_task_set_task_data (thread, add, NULL);
  if (add->dir >= 0)
    g_task_run_in_thread (thread, commit);
  else {
    GError *error = NULL;

    bothy_error_set_errno (&error, errno, "Making a directory for the image");
    g_task_return_error (thread, error);
  }
}

BothyImage *
bothy_images_add_finish (BothyImages *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
