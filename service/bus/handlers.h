/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/call.h"

G_BEGIN_DECLS

/* What the door leads to. check_…: arguments, before polkit is asked; handle_…: the
   method itself, once the caller may. dbus/ says what each does. */

gboolean bothy_manager_check_create_container (BothyCall *call, GError **error);
gboolean bothy_manager_check_get_container (BothyCall *call, GError **error);
gboolean bothy_manager_check_import_image (BothyCall *call, GError **error);
void bothy_manager_weigh_create_container (BothyCall *call);
void bothy_manager_handle_create_container (BothyCall *call);
void bothy_manager_handle_get_container (BothyCall *call);
void bothy_manager_handle_get_container_by_pid (BothyCall *call);
void bothy_manager_handle_list_containers (BothyCall *call);
void bothy_manager_handle_import_image (BothyCall *call);
void bothy_manager_handle_get_image (BothyCall *call);
void bothy_manager_handle_list_ranges (BothyCall *call);
void bothy_manager_handle_diagnose (BothyCall *call);

gboolean bothy_manager_check_pull_image (BothyCall *call, GError **error);
gboolean bothy_manager_check_search_images (BothyCall *call, GError **error);
gboolean bothy_manager_check_add_remote (BothyCall *call, GError **error);
gboolean bothy_manager_check_remove_remote (BothyCall *call, GError **error);
gboolean bothy_image_check_refresh (BothyCall *call, GError **error);
void bothy_manager_handle_pull_image (BothyCall *call);
void bothy_manager_handle_search_images (BothyCall *call);
void bothy_manager_handle_list_remotes (BothyCall *call);
void bothy_manager_handle_add_remote (BothyCall *call);
void bothy_manager_handle_remove_remote (BothyCall *call);
void bothy_image_handle_refresh (BothyCall *call);

gboolean bothy_manager_check_allocate_range (BothyCall *call, GError **error);
gboolean bothy_manager_check_map_user_namespace (BothyCall *call, GError **error);
gboolean bothy_manager_check_delegate_cgroup (BothyCall *call, GError **error);
void bothy_manager_handle_allocate_range (BothyCall *call);
void bothy_manager_handle_release_range (BothyCall *call);
void bothy_manager_handle_map_user_namespace (BothyCall *call);
void bothy_manager_weigh_delegate_cgroup (BothyCall *call);
void bothy_manager_handle_delegate_cgroup (BothyCall *call);

gboolean bothy_container_check_start (BothyCall *call, GError **error);
gboolean bothy_container_check_stop (BothyCall *call, GError **error);
gboolean bothy_container_check_kill (BothyCall *call, GError **error);
gboolean bothy_container_check_delete (BothyCall *call, GError **error);
gboolean bothy_container_check_rename (BothyCall *call, GError **error);
gboolean bothy_container_check_exec (BothyCall *call, GError **error);
gboolean bothy_container_check_add_port (BothyCall *call, GError **error);
gboolean bothy_container_check_remove_port (BothyCall *call, GError **error);
gboolean bothy_container_check_set_egress (BothyCall *call, GError **error);
void bothy_container_handle_set_egress (BothyCall *call);
void bothy_container_handle_get_addresses (BothyCall *call);
void bothy_container_handle_add_port (BothyCall *call);
void bothy_container_handle_remove_port (BothyCall *call);
gboolean bothy_container_check_open_shell (BothyCall *call, GError **error);
gboolean bothy_container_check_set_limits (BothyCall *call, GError **error);
void bothy_container_handle_set_limits (BothyCall *call);
void bothy_container_handle_get_stats (BothyCall *call);
void bothy_container_handle_start (BothyCall *call);
void bothy_container_handle_stop (BothyCall *call);
void bothy_container_handle_restart (BothyCall *call);
void bothy_container_handle_freeze (BothyCall *call);
void bothy_container_handle_thaw (BothyCall *call);
void bothy_container_handle_kill (BothyCall *call);
void bothy_container_handle_delete (BothyCall *call);
void bothy_container_handle_rename (BothyCall *call);
void bothy_container_handle_exec (BothyCall *call);
void bothy_container_handle_open_shell (BothyCall *call);
void bothy_container_handle_open_console (BothyCall *call);
void bothy_container_handle_open_log (BothyCall *call);
void bothy_container_handle_get_os_release (BothyCall *call);
void bothy_container_handle_map_from_user (BothyCall *call);
void bothy_container_handle_map_to_user (BothyCall *call);

gboolean bothy_manager_check_create_bridge (BothyCall *call, GError **error);
gboolean bothy_bridge_check_delete (BothyCall *call, GError **error);
gboolean bothy_bridge_check_delegate (BothyCall *call, GError **error);
gboolean bothy_bridge_check_revoke (BothyCall *call, GError **error);
void bothy_manager_handle_create_bridge (BothyCall *call);
void bothy_bridge_handle_delete (BothyCall *call);
void bothy_bridge_handle_delegate (BothyCall *call);
void bothy_bridge_handle_revoke (BothyCall *call);
gboolean bothy_bridge_check_attach_nic (BothyCall *call, GError **error);
gboolean bothy_bridge_check_detach_nic (BothyCall *call, GError **error);
void bothy_bridge_weigh_attach_nic (BothyCall *call);
void bothy_bridge_handle_attach_nic (BothyCall *call);
void bothy_bridge_handle_detach_nic (BothyCall *call);

void bothy_image_handle_remove (BothyCall *call);
gboolean bothy_image_check_export (BothyCall *call, GError **error);
void bothy_image_handle_export (BothyCall *call);
gboolean bothy_image_check_alias (BothyCall *call, GError **error);
void bothy_image_handle_add_alias (BothyCall *call);
void bothy_image_handle_remove_alias (BothyCall *call);
void bothy_operation_handle_cancel (BothyCall *call);
gboolean bothy_process_check_kill (BothyCall *call, GError **error);
void bothy_process_handle_kill (BothyCall *call);
void bothy_process_handle_open_pty (BothyCall *call);

void bothy_standard_handle_introspect (BothyCall *call);
void bothy_standard_handle_get (BothyCall *call);
void bothy_standard_handle_get_all (BothyCall *call);
void bothy_standard_handle_get_managed_objects (BothyCall *call);

/* NULL, or the interface of DBUS_… NAME that every object has. */
const GDBusInterfaceInfo *bothy_standard_get_interface (const char *name);

G_END_DECLS
