/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How an image gets into the store: its record comes last, when the disk has all else. */
#include "core/images/image-store-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "storage/store.h"
#include "base/fd.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  int store;
  char *name; /* of the new directory */
  int dir;
  BothyImage *image;
  GPtrArray *tasks; /* GTask: who adds the same at the same time gets the first one's */
} Add;

static void
add_free (Add *add)
{
  bothy_clear_fd (&add->dir);
  g_object_unref (add->image);
  g_ptr_array_unref (add->tasks);
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
    if (!bothy_record_place (add->store, add->name, add->image->fingerprint, BOTHY_RECORD_DURABLE))
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
  BothyImageStore *self = BOTHY_IMAGE_STORE (source);
  Add *add = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  g_hash_table_remove (self->adding, add->image->fingerprint);
  if (g_task_propagate_boolean (G_TASK (result), &error))
    bothy_image_store_insert (self, add->image);
  else
    bothy_trash_put (self->trash, self->dirfd, add->name, NULL);
  for (guint i = 0; i < add->tasks->len; i++) {
    if (error)
      g_task_return_error (add->tasks->pdata[i], g_error_copy (error));
    else
      g_task_return_pointer (add->tasks->pdata[i], g_object_ref (add->image), g_object_unref);
  }
}

static Add *
add_new (BothyImageStore *self, BothyImage *image)
{
  g_autofree char *uuid = g_uuid_string_random ();
  Add *add = g_new0 (Add, 1);

  add->store = self->dirfd;
  add->image = g_object_ref (image);
  add->name = g_strconcat (BOTHY_STORE_NEW, uuid, NULL);
  add->tasks = g_ptr_array_new_with_free_func (g_object_unref);
  add->dir = mkdirat (self->dirfd, add->name, 0700) == 0
                 ? openat (self->dirfd, add->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
  return add;
}

static void
start (BothyImageStore *self, Add *add)
{
  g_autoptr (GTask) thread = g_task_new (self, NULL, on_committed, NULL);
  GError *error = NULL;

  if (add->dir < 0)
    bothy_error_set_errno (&error, errno, "Making a directory for the image");
  g_hash_table_insert (self->adding, add->image->fingerprint, add);
  g_task_set_task_data (thread, add, (GDestroyNotify)add_free);
  if (error)
    g_task_return_error (thread, error);
  else
    g_task_run_in_thread (thread, commit);
}

void
bothy_image_store_add (BothyImageStore *self,
                       BothyImage *image,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyImage *known = bothy_image_store_lookup (self, image->fingerprint);
  Add *running = g_hash_table_lookup (self->adding, image->fingerprint);
  Add *add;

  if (known)
    g_task_return_pointer (task, g_object_ref (known), g_object_unref);
  else if (running)
    g_ptr_array_add (running->tasks, g_object_ref (task));
  else {
    add = add_new (self, image);
    g_ptr_array_add (add->tasks, g_object_ref (task));
    start (self, add);
  }
}

BothyImage *
bothy_image_store_add_finish (BothyImageStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
