/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/builtin.h"

#include "base/error.h"
#include "core/images/compose.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#define BUSYBOX     "/usr/bin/busybox"
#define BUSYBOX_OLD "/bin/busybox"

struct _BothyBuiltin {
  GObject parent;
  BothyImageStore *images;
  GQueue *waiting; /* GTask */
  gboolean is_making;
};

G_DEFINE_FINAL_TYPE (BothyBuiltin, bothy_builtin, G_TYPE_OBJECT)

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
end_making (BothyBuiltin *self, const GError *error)
{
  GTask *task;

  self->is_making = FALSE;
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
  BothyImageStore *images = BOTHY_IMAGE_STORE (source);
  g_autoptr (GTask) task = user_data;
  Make *make = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_image_store_add_finish (images, result, &error);

  if (image) {
    image->public_alias = (g_free (image->public_alias), g_strdup (BOTHY_BUILTIN_ALIAS));
    image->source = (g_free (image->source), g_strdup (make->stamp));
    bothy_image_store_save (images, image);
    retire_others (images, image);
  }
  bothy_layer_store_release (bothy_image_store_get_layers (images), make->layer);
  end_making (g_task_get_source_object (task), error);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyBuiltin *self = g_task_get_source_object (task);
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
    bothy_image_store_add (self->images, image, on_added, g_object_ref (task));
  else {
    if (make->layer)
      bothy_layer_store_release (BOTHY_LAYER_STORE (source), make->layer);
    end_making (self, error);
  }
}

static void
make_builtin (BothyBuiltin *self, int fd, char *stamp)
{
  const BothyLayerSource source = { .mode = UNPACK_BUSYBOX, .fd = fd };
  g_autoptr (GTask) task = g_task_new (self, NULL, NULL, NULL);
  Make *make = g_new0 (Make, 1);

  make->stamp = stamp;
  g_task_set_task_data (task, make, (GDestroyNotify)make_free);
  self->is_making = TRUE;
  bothy_layer_store_add (bothy_image_store_get_layers (self->images), &source, NULL, NULL, NULL, NULL,
                         on_made, g_object_ref (task));
}

void
bothy_builtin_ensure (BothyBuiltin *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  g_autofree char *stamp = NULL;
  autofd fd = open_busybox (&stamp);
  BothyImage *builtin = find_builtin (self->images);

  if (fd >= 0 && (!builtin || !g_str_equal (builtin->source, stamp))) {
    g_queue_push_tail (self->waiting, task);
    if (!self->is_making)
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
finish_resolve (BothyBuiltin *self, GTask *task)
{
  Resolve *resolve = g_task_get_task_data (task);
  GError *error = NULL;
  BothyImage *image = bothy_image_store_find (self->images, resolve->user, resolve->name, &error);

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
    finish_resolve (BOTHY_BUILTIN (source), task);
  else
    g_task_return_error (task, error);
}

void
bothy_builtin_resolve (
    BothyBuiltin *self, guint32 user, const char *name, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Resolve *resolve = g_new0 (Resolve, 1);

  resolve->user = user;
  resolve->name = g_strdup (name);
  g_task_set_task_data (task, resolve, (GDestroyNotify)resolve_free);
  if (g_str_equal (name, BOTHY_BUILTIN_ALIAS) && !bothy_image_store_find (self->images, user, name, NULL))
    bothy_builtin_ensure (self, on_builtin, g_object_ref (task));
  else
    finish_resolve (self, task);
}

BothyImage *
bothy_builtin_resolve_finish (BothyBuiltin *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- */

static void
bothy_builtin_finalize (GObject *object)
{
  BothyBuiltin *self = BOTHY_BUILTIN (object);

  g_queue_free_full (self->waiting, g_object_unref);
  g_object_unref (self->images);
  G_OBJECT_CLASS (bothy_builtin_parent_class)->finalize (object);
}

static void
bothy_builtin_class_init (BothyBuiltinClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_builtin_finalize;
}

static void
bothy_builtin_init (BothyBuiltin *self)
{
  self->waiting = g_queue_new ();
}

BothyBuiltin *
bothy_builtin_new (BothyImageStore *images)
{
  BothyBuiltin *self = g_object_new (BOTHY_TYPE_BUILTIN, NULL);

  self->images = g_object_ref (images);
  return self;
}
