/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/diff.h"

#include "base/error.h"
#include "core/images/expiry.h"
#include "core/registry/files.h"
#include "core/registry/layers.h"
#include "core/registry/snapshots.h"
#include "workers/unpack.h"

#define DIFF_MAX_SECONDS 3600 /* whoever reads may be slow */

/* Two states of a container's files, each a stack of layers. */
typedef struct {
  BothyContainer *container;
  BothyImage *base;         /* what it stands on; in use as long as this is */
  BothyUpper *later;        /* the topmost layers of the two, each with a hold */
  BothyUpper *earlier;      /* NULL: the image alone */
  GUnixFDList *output;      /* where it goes */
  guint n_later, n_earlier; /* layers that only one of them has */
  gboolean is_moved; /* the container was deleted as its layers were opened, and they are opened again */
  GCancellable *cancellable;
} Diff;

static void
diff_free (Diff *diff)
{
  g_clear_object (&diff->base);
  g_clear_object (&diff->output);
  g_object_unref (diff->cancellable);
  g_object_unref (diff->container);
  g_free (diff);
}

/* ERROR (taken over) or NULL is the result. */
static void
finish_diff (GTask *task, GError *error)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Diff *diff = g_task_get_task_data (task);

  if (diff->base)
    bothy_image_store_use (bothy_registry_get_images (self), diff->base, -1);
  if (diff->later)
    diff->later->holds--;
  if (diff->earlier)
    diff->earlier->holds--;
  bothy_files_sweep (self);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_compared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) compared = bothy_unpack_finish (result, &error);

  finish_diff (task, error);
}

static void mount_layers (GTask *task);

/* What CONTAINER wrote was moved when it was deleted, for the hold on it: its layers are elsewhere now. */
static gboolean
has_moved (BothyRegistry *self, const BothyContainer *container)
{
  return bothy_containers_find_by_id (bothy_registry_get_containers (self), container->id) != container;
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Diff *diff = g_task_get_task_data (task);
  const struct unpack_request request = { .mode = UNPACK_DIFF,
                                          .max_seconds = DIFF_MAX_SECONDS,
                                          .n_later = diff->n_later,
                                          .n_earlier = diff->n_earlier };
  GError *error = NULL;
  g_autoptr (GUnixFDList) layers = bothy_layers_mount_finish (result, &error);
  int n = 0;
  const int *fds = layers ? g_unix_fd_list_peek_fds (layers, &n) : NULL;

  if (error && !diff->is_moved && has_moved (g_task_get_source_object (task), diff->container)) {
    g_error_free (error);
    diff->is_moved = TRUE;
    mount_layers (task);
    return;
  }
  for (int i = 0; i < n && !error; i++)
    g_unix_fd_list_append (diff->output, fds[i], &error);
  if (error)
    finish_diff (task, error);
  else
    bothy_unpack (BOTHY_HELPER_CLIENT (source), diff->container->owner, &request, -1, diff->output, NULL,
                  NULL, diff->cancellable, on_compared, g_object_ref (task));
}

/* ---- which layers ---- */

/* Whether UPPER is TOP or below it. */
static gboolean
is_below (BothyUppers *uppers, const BothyUpper *upper, const BothyUpper *top)
{
  while (top && top != upper)
    top = bothy_uppers_find (uppers, top->below);
  return top != NULL;
}

/* Adds from TOP on those that are not of OTHER as well. Returns what comes below them; *RET_N is how many they are. */
static const BothyUpper *
add_own (BothyUppers *uppers,
         struct helper_request *request,
         const BothyUpper *top,
         const BothyUpper *other,
         guint *ret_n)
{
  *ret_n = 0;
  for (; top && !is_below (uppers, top, other); top = bothy_uppers_find (uppers, top->below)) {
    bothy_layers_add_upper (request, top);
    (*ret_n)++;
  }
  return top;
}

/* How many both have together. */
static gboolean
check_count (BothyUppers *uppers, const Diff *diff, GError **error)
{
  guint n = g_strv_length (diff->base->layers) + bothy_uppers_count_from (uppers, diff->later->id);

  for (const BothyUpper *upper = diff->earlier; upper && !is_below (uppers, upper, diff->later);
       upper = bothy_uppers_find (uppers, upper->below))
    n++;
  if (n <= HELPER_MAX_LAYERS)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
               "The two states of container %s stand on %u layers of files together, of its image and of "
               "snapshots, and %d "
               "is all that can be compared; compare with a snapshot that is nearer",
               diff->container->spec->name, n, HELPER_MAX_LAYERS);
  return FALSE;
}

static void
mount_layers (GTask *task)
{
  struct helper_request request = { .op = HELPER_MOUNT };
  BothyRegistry *self = g_task_get_source_object (task);
  Diff *diff = g_task_get_task_data (task);
  BothyUppers *uppers = bothy_registry_get_uppers (self);
  const BothyUpper *shared;
  GError *error = NULL;

  if (!check_count (uppers, diff, &error)) {
    finish_diff (task, error);
    return;
  }
  shared = add_own (uppers, &request, diff->later, diff->earlier, &diff->n_later);
  add_own (uppers, &request, diff->earlier, diff->later, &diff->n_earlier);
  for (; shared; shared = bothy_uppers_find (uppers, shared->below))
    bothy_layers_add_upper (&request, shared);
  bothy_layers_add_image (&request, diff->base);
  bothy_layers_mount (bothy_registry_get_helper (self), &request, on_mounted, g_object_ref (task));
}

/* The topmost layer of CONTAINER at SNAPSHOT, or, with "", now; with a hold. NULL with an error. */
static BothyUpper *
take_upper (BothyRegistry *self, BothyContainer *container, const char *snapshot, GError **error)
{
  BothyUpper *top;

  if (*snapshot)
    return bothy_snapshot_take_upper (self, container, snapshot, error);
  top = bothy_uppers_find (bothy_registry_get_uppers (self), container->files.top);
  if (has_moved (self, container))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER, "Container %s was deleted",
                 container->spec->name);
  else if (!top)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "What container %s wrote is gone",
                 container->spec->name);
  else {
    top->holds++;
    return top;
  }
  return NULL;
}

static gboolean
take_states (BothyRegistry *self, Diff *diff, const char *from, const char *to, GError **error)
{
  BothyImageStore *images = bothy_registry_get_images (self);
  BothyImage *base = bothy_image_store_lookup (images, diff->container->spec->image);

  if (!base) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE, "The image that it stands on is gone: %.12s",
                 diff->container->spec->image);
    return FALSE;
  }
  diff->base = g_object_ref (base);
  bothy_image_store_use (images, base, 1);
  diff->later = take_upper (self, diff->container, to, error);
  if (diff->later && *from)
    diff->earlier = take_upper (self, diff->container, from, error);
  return diff->later && (diff->earlier || !*from);
}

void
bothy_registry_diff (BothyRegistry *self,
                     BothyContainer *container,
                     const char *from,
                     const char *to,
                     int output_fd,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Diff *diff = g_new0 (Diff, 1);
  GError *error = NULL;

  diff->container = g_object_ref (container);
  diff->cancellable = g_object_ref (cancellable);
  g_task_set_task_data (task, diff, (GDestroyNotify)diff_free);
  diff->output = bothy_unpack_sources (output_fd, -1, &error);
  if (diff->output && take_states (self, diff, from, to, &error))
    mount_layers (task);
  else
    finish_diff (task, error);
}

gboolean
bothy_registry_diff_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
