/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/publisher.h"

#include "bus/paths.h"
#include "bus/names.h"
#include "bus/properties.h"
#include "interface-info.h"

#define INFO(interface) ((const GDBusInterfaceInfo *)&interface)

static char *
container_path (BothyContainer *container)
{
  return bothy_path_of_container (container->owner, container->spec->name);
}

/* ---- containers ---- */

static void
on_container_changed (BothyContainer *container, BothyObjects *objects)
{
  g_autofree char *path = container_path (container);

  bothy_objects_changed (objects, path);
}

static void
on_container_out_of_memory (BothyContainer *container, guint64 kills, BothyObjects *objects)
{
  g_autofree char *path = container_path (container);

  bothy_objects_emit (objects, path, "OutOfMemory", g_variant_new ("(t)", kills));
}

static void
on_container_added (BothyContainers *containers, BothyContainer *container, BothyObjects *objects)
{
  g_autofree char *path = container_path (container);
  BothyNode *node = bothy_node_new (path, INFO (org_bothy_bothy1_container_interface), G_OBJECT (container),
                                    bothy_properties_container_visible, bothy_properties_of_container);

  node->is_same_for_all = TRUE;
  bothy_objects_add (objects, node);
  g_signal_connect_object (container, "changed", G_CALLBACK (on_container_changed), objects, 0);
  g_signal_connect_object (container, "out-of-memory", G_CALLBACK (on_container_out_of_memory), objects, 0);
}

static void
on_container_removed (BothyContainers *containers, BothyContainer *container, BothyObjects *objects)
{
  g_autofree char *path = container_path (container);

  g_signal_handlers_disconnect_by_func (container, on_container_changed, objects);
  g_signal_handlers_disconnect_by_func (container, on_container_out_of_memory, objects);
  bothy_objects_remove (objects, path);
}

/* ---- images ---- */

static void
on_image_changed (BothyImage *image, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_image (image->fingerprint);

  bothy_objects_changed (objects, path);
  /* What each reader has a value of his own of. */
  bothy_objects_invalidated (objects, path, "Aliases");
  bothy_objects_invalidated (objects, path, "Newer");
}

static void
on_image_shown (BothyImage *image, guint user, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_image (image->fingerprint);

  bothy_objects_show (objects, path, user);
}

static void
on_image_hidden (BothyImage *image, guint user, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_image (image->fingerprint);

  bothy_objects_hide (objects, path, user);
}

static void
on_image_added (BothyImageStore *images, BothyImage *image, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_image (image->fingerprint);

  bothy_objects_add (objects, bothy_node_new (path, INFO (org_bothy_bothy1_image_interface), G_OBJECT (image),
                                              bothy_properties_image_visible, bothy_properties_of_image));
  g_signal_connect_object (image, "changed", G_CALLBACK (on_image_changed), objects, 0);
  g_signal_connect_object (image, "shown", G_CALLBACK (on_image_shown), objects, 0);
  g_signal_connect_object (image, "hidden", G_CALLBACK (on_image_hidden), objects, 0);
}

static void
on_image_removed (BothyImageStore *images, BothyImage *image, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_image (image->fingerprint);

  g_signal_handlers_disconnect_by_data (image, objects);
  bothy_objects_remove (objects, path);
}

/* ---- bridges ---- */

static void
on_bridge_changed (BothyKnownBridge *bridge, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_bridge (bridge->facts->name);

  bothy_objects_changed (objects, path);
}

static void
on_bridge_added (BothyBridges *bridges, BothyKnownBridge *bridge, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_bridge (bridge->facts->name);
  BothyNode *node = bothy_node_new (path, INFO (org_bothy_bothy1_bridge_interface), G_OBJECT (bridge),
                                    bothy_properties_bridge_visible, bothy_properties_of_bridge);

  node->is_same_for_all = TRUE;
  bothy_objects_add (objects, node);
  g_signal_connect_object (bridge, "changed", G_CALLBACK (on_bridge_changed), objects, 0);
}

static void
on_bridge_removed (BothyBridges *bridges, BothyKnownBridge *bridge, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_bridge (bridge->facts->name);

  g_signal_handlers_disconnect_by_func (bridge, on_bridge_changed, objects);
  bothy_objects_remove (objects, path);
}

/* ---- operations ---- */

static void
on_operation_changed (BothyOperation *operation, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_operation (operation->id);

  bothy_objects_changed (objects, path);
}

static void
on_operation_completed (BothyOperation *operation, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_operation (operation->id);
  const GError *error = operation->error;

  bothy_objects_emit (objects, path, "Completed",
                      g_variant_new ("(bssv)", error == NULL, bothy_properties_error_name (error),
                                     error ? error->message : "",
                                     g_variant_new_object_path (operation->object_path)));
}

static void
on_operation_added (BothyOperations *operations, BothyOperation *operation, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_operation (operation->id);

  bothy_objects_add (objects,
                     bothy_node_new (path, INFO (org_bothy_bothy1_operation_interface), G_OBJECT (operation),
                                     bothy_properties_operation_visible, bothy_properties_of_operation));
  g_signal_connect_object (operation, "changed", G_CALLBACK (on_operation_changed), objects, 0);
  g_signal_connect_object (operation, "completed", G_CALLBACK (on_operation_completed), objects, 0);
}

static void
on_operation_removed (BothyOperations *operations, BothyOperation *operation, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_operation (operation->id);

  bothy_objects_remove (objects, path);
}

/* ---- processes ---- */

static void
on_process_exited (BothyProcess *process, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_process (process->id);

  bothy_objects_emit (objects, path, "Exited", g_variant_new ("(ii)", process->code, process->signal));
}

static void
on_process_added (BothyProcesses *processes, BothyProcess *process, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_process (process->id);

  bothy_objects_add (objects,
                     bothy_node_new (path, INFO (org_bothy_bothy1_process_interface), G_OBJECT (process),
                                     bothy_properties_process_visible, bothy_properties_of_process));
  g_signal_connect_object (process, "exited", G_CALLBACK (on_process_exited), objects, 0);
}

static void
on_process_removed (BothyProcesses *processes, BothyProcess *process, BothyObjects *objects)
{
  g_autofree char *path = bothy_path_of_process (process->id);

  bothy_objects_remove (objects, path);
}

/* ---- devices of the machine's, which are no objects ---- */

static void
on_devices_changed (BothyPlugs *plugs, BothyObjects *objects)
{
  bothy_objects_emit (objects, BOTHY_BUS_PATH, "DevicesChanged", g_variant_new ("()"));
}

/* ---- */

static void
publish_present (BothyObjects *objects, BothyRegistry *registry)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (registry));
  g_autoptr (GList) images = bothy_image_store_list (bothy_registry_get_images (registry));
  g_autoptr (GList) processes = bothy_processes_list (bothy_registry_get_processes (registry));
  g_autoptr (GList) bridges = bothy_bridges_list (bothy_registry_get_bridges (registry));

  for (GList *l = containers; l; l = l->next)
    on_container_added (NULL, l->data, objects);
  for (GList *l = images; l; l = l->next)
    on_image_added (NULL, l->data, objects);
  for (GList *l = processes; l; l = l->next)
    on_process_added (NULL, l->data, objects);
  for (GList *l = bridges; l; l = l->next)
    on_bridge_added (NULL, l->data, objects);
}

void
bothy_publisher_start (BothyObjects *objects, BothyRegistry *registry)
{
  BothyImageStore *images = bothy_registry_get_images (registry);
  BothyBridges *bridges = bothy_registry_get_bridges (registry);
  BothyContainers *containers = bothy_registry_get_containers (registry);
  BothyOperations *operations = bothy_registry_get_operations (registry);
  BothyProcesses *processes = bothy_registry_get_processes (registry);
  BothyPlugs *plugs = bothy_runner_get_plugs (bothy_registry_get_runner (registry));

  bothy_objects_add (objects, bothy_node_new (BOTHY_BUS_PATH, INFO (org_bothy_bothy1_manager_interface),
                                              G_OBJECT (registry), bothy_properties_manager_visible,
                                              bothy_properties_of_manager));
  publish_present (objects, registry);
  g_signal_connect_object (containers, "added", G_CALLBACK (on_container_added), objects, 0);
  g_signal_connect_object (containers, "removed", G_CALLBACK (on_container_removed), objects, 0);
  g_signal_connect_object (operations, "added", G_CALLBACK (on_operation_added), objects, 0);
  g_signal_connect_object (operations, "removed", G_CALLBACK (on_operation_removed), objects, 0);
  g_signal_connect_object (processes, "added", G_CALLBACK (on_process_added), objects, 0);
  g_signal_connect_object (processes, "removed", G_CALLBACK (on_process_removed), objects, 0);
  g_signal_connect_object (images, "added", G_CALLBACK (on_image_added), objects, 0);
  g_signal_connect_object (images, "removed", G_CALLBACK (on_image_removed), objects, 0);
  g_signal_connect_object (bridges, "added", G_CALLBACK (on_bridge_added), objects, 0);
  g_signal_connect_object (bridges, "removed", G_CALLBACK (on_bridge_removed), objects, 0);
  g_signal_connect_object (plugs, "changed", G_CALLBACK (on_devices_changed), objects, 0);
}
