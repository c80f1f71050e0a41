/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/builtin.h"

#include "base/error.h"
#include "core/images/image-store-private.h"
#include "core/images/compose.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#define BUSYBOX     "/usr/bin/busybox"
#define BUSYBOX_OLD "/bin/busybox"

static int
open_busybox (char **ret_stamp)
{
  autofd fd = open (BUSYBOX, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat st;

  if (fd < 0)
    fd = open (BUSYBOX_OLD, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || st.st_uid != 0)
    return -1;
  *ret_stamp = g_strdup_printf ("%lld.%ld %lld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                                (long long)st.st_size);
  return g_steal_fd (&fd);
}

static BothyImage *
find_builtin (BothyImageStore *self)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (GList *l = images; l; l = l->next) {
    if (BOTHY_IMAGE (l->data)->public_alias)
      return l->data;
  }
  return NULL;
}

static void
retire_others (BothyImageStore *self, BothyImage *builtin)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (GList *l = images; l; l = l->next) {
    BothyImage *other = l->data;

    if (other == builtin || !other->public_alias)
      continue;
    bothy_image_retire (other);
    bothy_image_store_save (self, other);
    bothy_image_store_drop_if_unwanted (self, other);
  }
}

static void
end_making (BothyImageStore *self, const GError *error)
{
  GTask *task;

  self->making_builtin = FALSE;
  while ((task = g_queue_pop_head (self->waiting))) {
    if (!error)
      g_task_return_boolean (task, TRUE);
    else
      g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
                               "The built-in image %s could not be made: %s", BOTHY_BUILTIN_ALIAS,
                               error->message);
    g_object_unref (task);
  }
}

typedef struct {
  char *stamp;
  BothyLayer *layer;
} Make;

static void
make_free (Make *make)
{
  g_free (make->stamp);
  g_free (make);
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImageStore *self = BOTHY_IMAGE_STORE (source);
  g_autoptr (GTask) task = user_data;
  Make *make = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_image_store_add_finish (self, result, &error);

  if (image) {
    image->public_alias = (g_free (image->public_alias), g_strdup (BOTHY_BUILTIN_ALIAS));
    image->source = (g_free (image->source), g_strdup (make->stamp));
    bothy_image_store_save (self, image);
    retire_others (self, image);
  }
  bothy_layer_store_release (self->layers, make->layer);
  end_making (self, error);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyImageStore *self = g_task_get_source_object (task);
  Make *make = g_task_get_task_data (task);
  g_autoptr (GPtrArray) layers = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = NULL;

  make->layer = bothy_layer_store_add_finish (BOTHY_LAYER_STORE (source), result, &error);
  if (make->layer) {
    image = bothy_image_new (make->layer->id);
    image->origin = (g_free (image->origin), g_strdup ("builtin"));
    image->source = (g_free (image->source), g_strdup (make->stamp));
    image->public_alias = g_strdup (BOTHY_BUILTIN_ALIAS);
    image->created_at = g_get_real_time ();
    g_ptr_array_add (layers, make->layer);
  }
  if (image && bothy_compose (image, layers, &error))
    bothy_image_store_add (self, image, on_added, g_object_ref (task));
  else {
    if (make->layer)
      bothy_layer_store_release (self->layers, make->layer);
    end_making (self, error);
  }
}

static void
make_builtin (BothyImageStore *self, int fd, char *stamp)
{
  const BothyLayerSource source = { .mode = UNPACK_BUSYBOX, .fd = fd };
  g_autoptr (GTask) task = g_task_new (self, NULL, NULL, NULL);
  Make *make = g_new0 (Make, 1);

  make->stamp = stamp;
  g_task_set_task_data (task, make, (GDestroyNotify)make_free);
  self->making_builtin = TRUE;
  bothy_layer_store_add (self->layers, &source, NULL, NULL, NULL, NULL, on_made, g_object_ref (task));
}

void
bothy_image_store_ensure_builtin (BothyImageStore *self, GAsyncReadyCallback callback, gpointer user_data)
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
                             "The built-in image %s needs %s: install busybox-static", BOTHY_BUILTIN_ALIAS,
                             BUSYBOX);
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
finish_resolve (BothyImageStore *self, GTask *task)
{
  Resolve *resolve = g_task_get_task_data (task);
  GError *error = NULL;
  BothyImage *image = bothy_image_store_find (self, resolve->user, resolve->name, &error);

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
    finish_resolve (BOTHY_IMAGE_STORE (source), task);
  else
    g_task_return_error (task, error);
}

void
bothy_image_store_resolve (
    BothyImageStore *self, guint32 user, const char *name, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Resolve *resolve = g_new0 (Resolve, 1);

  resolve->user = user;
  resolve->name = g_strdup (name);
  g_task_set_task_data (task, resolve, (GDestroyNotify)resolve_free);
  if (g_str_equal (name, BOTHY_BUILTIN_ALIAS) && !bothy_image_store_find (self, user, name, NULL))
    bothy_image_store_ensure_builtin (self, on_builtin, g_object_ref (task));
  else
    finish_resolve (self, task);
}

BothyImage *
bothy_image_store_resolve_finish (BothyImageStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
