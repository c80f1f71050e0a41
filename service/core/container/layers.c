/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/layers.h"

#include "base/error.h"
#include "core/images/import-place.h"

static void
add_layer (struct helper_request *request, enum helper_layer_kind kind, const char *id)
{
  struct helper_layer *layer = &request->layers[request->n_layers++];

  layer->kind = kind;
  g_strlcpy (layer->id, id, sizeof layer->id);
}

/* What the container wrote before, the topmost first: all that its top stands on. */
static gboolean
list_own_layers (BothyUppers *uppers,
                 const BothyUpper *top,
                 struct helper_request *request,
                 BothyContainerStack *stack,
                 GError **error)
{
  for (const char *id = top->below; *id; stack->n_own++) {
    const BothyUpper *upper = bothy_uppers_find (uppers, id);

    if (!upper || request->n_layers == HELPER_MAX_LAYERS) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                   "A layer of files that it wrote is gone: %s; a snapshot may still have it all", id);
      return FALSE;
    }
    add_layer (request, upper->is_first ? HELPER_LAYER_CONTAINER_BELOW : HELPER_LAYER_UPPER_BELOW, id);
    id = upper->below;
  }
  return TRUE;
}

/* What something stands on is never written into. It is on disk that nothing does before the top of a container is; but a disk that lost
   what it had said to have may be full of surprises. */
static gboolean
check_top (const BothyContainer *container, BothyUppers *uppers, const BothyUpper *top, GError **error)
{
  const BothyUpper *above = top ? bothy_uppers_find_above (uppers, top->id) : NULL;

  if (!top)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                 "What it wrote is gone: %s; restore a snapshot of it", container->files.top);
  else if (above)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
        "What it would write into is what layer %s of files stands on, of a snapshot or a copy; \"bothy "
        "snapshot create %s\" has it write elsewhere",
        above->id, container->spec->name);
  return top && !above;
}

gboolean
bothy_container_list_layers (const BothyContainer *container,
                             BothyUppers *uppers,
                             BothyImageStore *images,
                             struct helper_request *request,
                             BothyContainerStack *ret_stack,
                             GError **error)
{
  const BothyImage *image = bothy_image_store_lookup (images, container->spec->image);
  const BothyUpper *top = bothy_uppers_find (uppers, container->files.top);
  guint n = image ? g_strv_length (image->layers) : 0;

  *ret_stack = (BothyContainerStack){ 0 };
  if (!check_top (container, uppers, top, error) || !list_own_layers (uppers, top, request, ret_stack, error))
    return FALSE;
  if (n == 0 || request->n_layers + n >= HELPER_MAX_LAYERS) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE, "The image that it stands on is gone: %.12s",
                 container->spec->image);
    return FALSE;
  }
  ret_stack->is_placed = bothy_image_store_get_place (images, image) != NULL;
  for (guint i = 0; i < n && !ret_stack->is_placed; i++)
    add_layer (request, HELPER_LAYER_IMAGE, image->layers[n - 1 - i]);
  ret_stack->n_lower = request->n_layers + (ret_stack->is_placed ? 1 : 0);
  add_layer (request, top->is_first ? HELPER_LAYER_CONTAINER : HELPER_LAYER_UPPER, top->id);
  return TRUE;
}
