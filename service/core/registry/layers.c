/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/layers.h"

static void
add_layer (struct helper_request *request, enum helper_layer_kind kind, const char *id)
{
  struct helper_layer *layer = &request->layers[request->n_layers++];

  layer->kind = kind;
  g_strlcpy (layer->id, id, sizeof layer->id);
}

void
bothy_layers_add_upper (struct helper_request *request, const BothyUpper *upper)
{
  add_layer (request, upper->is_first ? HELPER_LAYER_CONTAINER_BELOW : HELPER_LAYER_UPPER_BELOW, upper->id);
}

void
bothy_layers_add_image (struct helper_request *request, const BothyImage *image)
{
  for (guint i = g_strv_length (image->layers); i-- > 0;)
    add_layer (request, HELPER_LAYER_IMAGE, image->layers[i]);
}

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GUnixFDList *layers = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (layers)
    g_task_return_pointer (task, layers, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
on_map (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) userns =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (userns)
    bothy_helper_client_call (BOTHY_HELPER_CLIENT (source), g_task_get_task_data (task), userns, on_mounted,
                              g_object_ref (task));
  else
    g_task_return_error (task, error);
}

void
bothy_layers_mount (BothyHelperClient *helper,
                    const struct helper_request *request,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  const struct helper_request map = { .op = HELPER_USERNS,
                                      .owner = BOTHY_NEUTRAL_BASE,
                                      .n_extents = 1,
                                      .extents = {
                                          { BOTHY_NEUTRAL_BASE, BOTHY_NEUTRAL_BASE, BOTHY_RANGE_SIZE } } };
  g_autoptr (GTask) task = g_task_new (helper, NULL, callback, user_data);

  g_task_set_task_data (task, g_memdup2 (request, sizeof *request), g_free);
  bothy_helper_client_call (helper, &map, NULL, on_map, g_object_ref (task));
}

GUnixFDList *
bothy_layers_mount_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
