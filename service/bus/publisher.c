/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/publisher.h"

#include "bus/paths.h"
#include "bus/names.h"
#include "bus/properties.h"
#include "interface-info.h"

#define INFO(interface) ((const GDBusInterfaceInfo *)&interface)

char *
bothy_publisher_image_path (BothyImage *image)
{
  g_autofree char *label = bothy_path_escape (image->fingerprint);

  return g_strconcat (BOTHY_IMAGE_PATH "/", label, NULL);
}

char *
bothy_publisher_bridge_path (const char *name)
{
  g_autofree char *label = bothy_path_escape (name);

  return g_strconcat (BOTHY_BRIDGE_PATH "/", label, NULL);
}

char *
bothy_publisher_operation_path (BothyOperation *operation)
{
  return g_strdup_printf (BOTHY_OPERATION_PATH "/%u", operation->id);
}

char *
bothy_publisher_process_path (BothyProcess *process)
{
  return g_strdup_printf (BOTHY_PROCESS_PATH "/%u", process->id);
}

static char *
container_path (BothyContainer *container)
{
  return bothy_path_of_container (container->owner, container->spec->name);
}

/* ---- containers ---- */

static void
on_container_changed (BothyContainer *container, BothyRouter *router)
{
  g_autofree char *path = container_path (container);

  bothy_router_changed (router, path);
}

static void
on_container_out_of_memory (BothyContainer *container, guint64 kills, BothyRouter *router)
{
  g_autofree char *path = container_path (container);

  bothy_router_emit (router, path, "OutOfMemory", g_variant_new ("(t)", kills));
}

static void
on_container_added (BothyContainers *containers, BothyContainer *container, BothyRouter *router)
{
  g_autofree char *path = container_path (container);
  BothyNode *node = bothy_node_new (path, INFO (org_bothy_bothy1_container_interface), G_OBJECT (container),
                                    bothy_properties_container_visible, bothy_properties_of_container);

  node->is_same_for_all = TRUE;
  bothy_router_add (router, node);
  g_signal_connect_object (container, "changed", G_CALLBACK (on_container_changed), router, 0);
  g_signal_connect_object (container, "out-of-memory", G_CALLBACK (on_container_out_of_memory), router, 0);
}

static void
on_container_removed (BothyContainers *containers, BothyContainer *container, BothyRouter *router)
{
  g_autofree char *path = container_path (container);

  g_signal_handlers_disconnect_by_func (container, on_container_changed, router);
  g_signal_handlers_disconnect_by_func (container, on_container_out_of_memory, router);
  bothy_router_remove (router, path);
}

/* ---- images ---- */

static void
on_image_changed (BothyImage *image, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_image_path (image);

  bothy_router_changed (router, path);
  bothy_router_invalidated (router, path, "Aliases");
}

static void
on_image_shown (BothyImage *image, guint user, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_image_path (image);

  bothy_router_show (router, path, user);
}

static void
on_image_hidden (BothyImage *image, guint user, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_image_path (image);

  bothy_router_hide (router, path, user);
}

static void
on_image_added (BothyImageStore *images, BothyImage *image, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_image_path (image);

  bothy_router_add (router, bothy_node_new (path, INFO (org_bothy_bothy1_image_interface), G_OBJECT (image),
                                            bothy_properties_image_visible, bothy_properties_of_image));
  g_signal_connect_object (image, "changed", G_CALLBACK (on_image_changed), router, 0);
  g_signal_connect_object (image, "shown", G_CALLBACK (on_image_shown), router, 0);
  g_signal_connect_object (image, "hidden", G_CALLBACK (on_image_hidden), router, 0);
}

static void
on_image_removed (BothyImageStore *images, BothyImage *image, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_image_path (image);

  g_signal_handlers_disconnect_by_data (image, router);
  bothy_router_remove (router, path);
}

/* ---- bridges ---- */

static void
on_bridge_changed (BothyKnownBridge *bridge, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_bridge_path (bridge->facts->name);

  bothy_router_changed (router, path);
}

static void
on_bridge_added (BothyBridges *bridges, BothyKnownBridge *bridge, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_bridge_path (bridge->facts->name);
  BothyNode *node = bothy_node_new (path, INFO (org_bothy_bothy1_bridge_interface), G_OBJECT (bridge),
                                    bothy_properties_bridge_visible, bothy_properties_of_bridge);

  node->is_same_for_all = TRUE;
  bothy_router_add (router, node);
  g_signal_connect_object (bridge, "changed", G_CALLBACK (on_bridge_changed), router, 0);
}

static void
on_bridge_removed (BothyBridges *bridges, BothyKnownBridge *bridge, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_bridge_path (bridge->facts->name);

  g_signal_handlers_disconnect_by_func (bridge, on_bridge_changed, router);
  bothy_router_remove (router, path);
}

/* ---- operations ---- */

static void
on_operation_changed (BothyOperation *operation, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_operation_path (operation);

  bothy_router_changed (router, path);
}

static void
on_operation_completed (BothyOperation *operation, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_operation_path (operation);
  g_autofree char *error = bothy_properties_error_text (operation->error);

  bothy_router_emit (router, path, "Completed",
                     g_variant_new ("(bsv)", operation->error == NULL, error, g_variant_new_string ("")));
}

static void
on_operation_added (BothyOperations *operations, BothyOperation *operation, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_operation_path (operation);

  bothy_router_add (router,
                    bothy_node_new (path, INFO (org_bothy_bothy1_operation_interface), G_OBJECT (operation),
                                    bothy_properties_operation_visible, bothy_properties_of_operation));
  g_signal_connect_object (operation, "changed", G_CALLBACK (on_operation_changed), router, 0);
  g_signal_connect_object (operation, "completed", G_CALLBACK (on_operation_completed), router, 0);
}

static void
on_operation_removed (BothyOperations *operations, BothyOperation *operation, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_operation_path (operation);

  bothy_router_remove (router, path);
}

/* ---- processes ---- */

static void
on_process_exited (BothyProcess *process, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_process_path (process);

  bothy_router_emit (router, path, "Exited", g_variant_new ("(ii)", process->code, process->signal));
}

static void
on_process_added (BothyProcesses *processes, BothyProcess *process, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_process_path (process);

  bothy_router_add (router,
                    bothy_node_new (path, INFO (org_bothy_bothy1_process_interface), G_OBJECT (process),
                                    bothy_properties_process_visible, bothy_properties_of_process));
  g_signal_connect_object (process, "exited", G_CALLBACK (on_process_exited), router, 0);
}

static void
on_process_removed (BothyProcesses *processes, BothyProcess *process, BothyRouter *router)
{
  g_autofree char *path = bothy_publisher_process_path (process);

  bothy_router_remove (router, path);
}

/* ---- */

static void
publish_present (BothyRouter *router, BothyRegistry *registry)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (registry));
  g_autoptr (GList) images = bothy_image_store_list (bothy_registry_get_images (registry));
  g_autoptr (GList) processes = bothy_processes_list (bothy_registry_get_processes (registry));
  g_autoptr (GList) bridges = bothy_bridges_list (bothy_registry_get_bridges (registry));

  for (GList *l = containers; l; l = l->next)
    on_container_added (NULL, l->data, router);
  for (GList *l = images; l; l = l->next)
    on_image_added (NULL, l->data, router);
  for (GList *l = processes; l; l = l->next)
    on_process_added (NULL, l->data, router);
  for (GList *l = bridges; l; l = l->next)
    on_bridge_added (NULL, l->data, router);
}

void
bothy_publisher_start (BothyRouter *router, BothyRegistry *registry)
{
  BothyImageStore *images = bothy_registry_get_images (registry);
  BothyBridges *bridges = bothy_registry_get_bridges (registry);
  BothyContainers *containers = bothy_registry_get_containers (registry);
  BothyOperations *operations = bothy_registry_get_operations (registry);
  BothyProcesses *processes = bothy_registry_get_processes (registry);

  bothy_router_add (router, bothy_node_new (BOTHY_BUS_PATH, INFO (org_bothy_bothy1_manager_interface),
                                            G_OBJECT (registry), bothy_properties_manager_visible,
                                            bothy_properties_of_manager));
  publish_present (router, registry);
  g_signal_connect_object (containers, "added", G_CALLBACK (on_container_added), router, 0);
  g_signal_connect_object (containers, "removed", G_CALLBACK (on_container_removed), router, 0);
  g_signal_connect_object (operations, "added", G_CALLBACK (on_operation_added), router, 0);
  g_signal_connect_object (operations, "removed", G_CALLBACK (on_operation_removed), router, 0);
  g_signal_connect_object (processes, "added", G_CALLBACK (on_process_added), router, 0);
  g_signal_connect_object (processes, "removed", G_CALLBACK (on_process_removed), router, 0);
  g_signal_connect_object (images, "added", G_CALLBACK (on_image_added), router, 0);
  g_signal_connect_object (images, "removed", G_CALLBACK (on_image_removed), router, 0);
  g_signal_connect_object (bridges, "added", G_CALLBACK (on_bridge_added), router, 0);
  g_signal_connect_object (bridges, "removed", G_CALLBACK (on_bridge_removed), router, 0);
}
