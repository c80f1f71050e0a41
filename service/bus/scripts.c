/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What takes scripts one call in place of many: methods of org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/names.h"
#include "bus/paths.h"
#include "base/error.h"
#include "core/registry/set-limits.h"

/* ---- GetAllStats ---- */

static void
on_all_stats (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GPtrArray) all = bothy_registry_get_all_stats_finish (BOTHY_REGISTRY (source), result, &error);
  GVariantBuilder builder;

  if (!all) {
    bothy_call_return_error (call, error);
    return;
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(oa{sv})"));
  for (guint i = 0; i < all->len; i++) {
    const BothyContainerStats *stats = all->pdata[i];
    g_autofree char *path = bothy_path_of_container (stats->container->owner, stats->container->spec->name);

    g_variant_builder_add (&builder, "(o@a{sv})", path, stats->stats);
  }
  bothy_call_return (call, g_variant_new ("(a(oa{sv}))", &builder));
}

void
bothy_manager_handle_get_all_stats (BothyCall *call)
{
  /* Who leaves waits for nothing any more. */
  bothy_registry_get_all_stats (call->registry, call->user, call->client->gone, on_all_stats,
                                bothy_call_ref (call));
}

/* ---- objects with their properties ---- */

void
bothy_manager_handle_get_process (BothyCall *call)
{
  const guint32 *pid = call->request;
  g_autoptr (GList) processes = bothy_processes_list (bothy_registry_get_processes (call->registry));

  for (GList *l = processes; l; l = l->next) {
    BothyProcess *process = l->data;
    g_autofree char *path = bothy_path_of_process (process->id);
    BothyNode *node = bothy_objects_lookup (call->objects, path);

    /* A pid is another process's as soon as that of the first one has ended. */
    if (process->pid != *pid || process->ended || !node || !node->is_visible (node->target, call->user))
      continue;
    bothy_call_return (call,
                       g_variant_new ("(o@a{sv})", path, node->get_properties (node->target, call->user)));
    return;
  }
  bothy_call_return_error (call, g_error_new (BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_OBJECT,
                                              "Process %u was put into no container of yours", *pid));
}

/* All of INTERFACE that the caller sees himself: a{oa{sv}}. */
static void
return_objects (BothyCall *call, const char *interface)
{
  g_autoptr (GList) nodes = bothy_objects_list (call->objects);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{oa{sv}}"));
  for (GList *l = nodes; l; l = l->next) {
    BothyNode *node = l->data;

    if (g_str_equal (node->interface->name, interface) && node->is_visible (node->target, call->user))
      g_variant_builder_add (&builder, "{o@a{sv}}", node->path,
                             node->get_properties (node->target, call->user));
  }
  bothy_call_return (call, g_variant_new ("(a{oa{sv}})", &builder));
}

void
bothy_manager_handle_list_images (BothyCall *call)
{
  return_objects (call, BOTHY_IMAGE_INTERFACE);
}

void
bothy_manager_handle_list_bridges (BothyCall *call)
{
  return_objects (call, BOTHY_BRIDGE_INTERFACE);
}
