/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/door.h"

#include "bus/authority.h"
#include "bus/handlers.h"
#include "bus/names.h"

#define MANAGER   BOTHY_MANAGER_INTERFACE
#define CONTAINER BOTHY_CONTAINER_INTERFACE
#define ADOPT     BOTHY_ACTION_ADOPT
#define CREATE    BOTHY_ACTION_CREATE
#define INSPECT   BOTHY_ACTION_INSPECT
#define MANAGE    BOTHY_ACTION_MANAGE
#define EXCEED    BOTHY_ACTION_EXCEED
#define PULL      BOTHY_ACTION_PULL
#define REMOTES   BOTHY_ACTION_REMOTES
#define BRIDGE    BOTHY_BRIDGE_INTERFACE
#define BRIDGES   BOTHY_ACTION_BRIDGES
#define DELEGATE  BOTHY_ACTION_DELEGATE
#define USE       BOTHY_ACTION_USE_BRIDGE
#define MOVE      BOTHY_ACTION_MOVE
#define ANYBODY   BOTHY_RULE_ANYBODY
#define ACTION    BOTHY_RULE_ACTION
#define OWNER     BOTHY_RULE_OWNER
#define VIEWER    BOTHY_RULE_VIEWER

static const BothyRow rows[] = {
  { MANAGER, "CreateContainer", ACTION, CREATE, &bothy_manager_create_container_request,
    bothy_manager_check_create_container, bothy_manager_handle_create_container, EXCEED,
    bothy_manager_weigh_create_container, USE },
  { MANAGER, "GetContainer", VIEWER, INSPECT, &bothy_manager_get_container_request,
    bothy_manager_check_get_container, bothy_manager_handle_get_container },
  { MANAGER, "GetContainerByPID", VIEWER, INSPECT, &bothy_request_number, NULL,
    bothy_manager_handle_get_container_by_pid },
  { MANAGER, "ListContainers", VIEWER, INSPECT, NULL, NULL, bothy_manager_handle_list_containers },
  { MANAGER, "ListAllContainers", VIEWER, INSPECT, NULL, bothy_manager_check_list_all_containers,
    bothy_manager_handle_list_all_containers },
  { MANAGER, "ListAdoptable", ACTION, ADOPT, NULL, bothy_manager_check_list_adoptable,
    bothy_manager_handle_list_adoptable, .reads = TRUE },
  { MANAGER, "PlanAdoption", ACTION, CREATE, &bothy_manager_plan_adoption_request,
    bothy_manager_check_plan_adoption, bothy_manager_handle_plan_adoption, NULL,
    bothy_manager_weigh_plan_adoption, ADOPT, .reads = TRUE },
  { MANAGER, "AdoptContainer", ACTION, CREATE, &bothy_manager_adopt_container_request,
    bothy_manager_check_adopt_container, bothy_manager_handle_adopt_container, NULL,
    bothy_manager_weigh_adopt_container, ADOPT },
  { MANAGER, "ImportImage", ACTION, CREATE, &bothy_manager_import_image_request,
    bothy_manager_check_import_image, bothy_manager_handle_import_image },
  { MANAGER, "GetImage", ANYBODY, NULL, &bothy_request_text, NULL, bothy_manager_handle_get_image,
    .reads = TRUE },
  { MANAGER, "PullImage", ACTION, PULL, &bothy_manager_pull_image_request, bothy_manager_check_pull_image,
    bothy_manager_handle_pull_image },
  { MANAGER, "SearchImages", ACTION, PULL, &bothy_manager_search_images_request,
    bothy_manager_check_search_images, bothy_manager_handle_search_images, .reads = TRUE },
  { MANAGER, "ListRemotes", ANYBODY, NULL, NULL, NULL, bothy_manager_handle_list_remotes, .reads = TRUE },
  { MANAGER, "AddRemote", ACTION, REMOTES, &bothy_manager_add_remote_request, bothy_manager_check_add_remote,
    bothy_manager_handle_add_remote },
  { MANAGER, "RemoveRemote", ACTION, REMOTES, &bothy_manager_remove_remote_request,
    bothy_manager_check_remove_remote, bothy_manager_handle_remove_remote },
  { MANAGER, "ListRanges", VIEWER, INSPECT, NULL, NULL, bothy_manager_handle_list_ranges },
  { MANAGER, "AllocateRange", ACTION, CREATE, &bothy_manager_allocate_range_request,
    bothy_manager_check_allocate_range, bothy_manager_handle_allocate_range, EXCEED },
  { MANAGER, "ReleaseRange", ANYBODY, NULL, &bothy_request_number, NULL, bothy_manager_handle_release_range },
  { MANAGER, "ReclaimRange", ACTION, BOTHY_ACTION_RECLAIM, &bothy_request_number,
    bothy_manager_check_reclaim_range, bothy_manager_handle_reclaim_range },
  { MANAGER, "MapUserNamespace", ANYBODY, NULL, &bothy_manager_map_user_namespace_request, NULL,
    bothy_manager_handle_map_user_namespace },
  { MANAGER, "DelegateCgroup", ACTION, CREATE, &bothy_manager_delegate_cgroup_request,
    bothy_manager_check_delegate_cgroup, bothy_manager_handle_delegate_cgroup, NULL,
    bothy_manager_weigh_delegate_cgroup, MOVE },
  { MANAGER, "CreateBridge", ACTION, BRIDGES, &bothy_manager_create_bridge_request,
    bothy_manager_check_create_bridge, bothy_manager_handle_create_bridge },
  { MANAGER, "CreateVolume", ACTION, CREATE, &bothy_manager_create_volume_request,
    bothy_manager_check_create_volume, bothy_manager_handle_create_volume },
  { MANAGER, "DeleteVolume", ANYBODY, NULL, &bothy_manager_volume_request, NULL,
    bothy_manager_handle_delete_volume },
  { MANAGER, "GetVolume", ANYBODY, NULL, &bothy_manager_volume_request, NULL, bothy_manager_handle_get_volume,
    .reads = TRUE },
  { MANAGER, "ListVolumes", ANYBODY, NULL, NULL, NULL, bothy_manager_handle_list_volumes, .reads = TRUE },
  { MANAGER, "Diagnose", ANYBODY, NULL, NULL, NULL, bothy_manager_handle_diagnose, .reads = TRUE },
  { MANAGER, "ListDevices", ANYBODY, NULL, NULL, NULL, bothy_manager_handle_list_devices, .reads = TRUE },
  { MANAGER, "OpenFirewalls", ACTION, BOTHY_ACTION_FIREWALL, NULL, NULL,
    bothy_manager_handle_open_firewalls },

  { CONTAINER, "Start", OWNER, MANAGE, &bothy_container_start_request, NULL, bothy_container_handle_start },
  { CONTAINER, "Stop", OWNER, MANAGE, &bothy_container_stop_request, NULL, bothy_container_handle_stop },
  { CONTAINER, "Restart", OWNER, MANAGE, &bothy_container_stop_request, NULL,
    bothy_container_handle_restart },
  { CONTAINER, "Freeze", OWNER, MANAGE, NULL, NULL, bothy_container_handle_freeze },
  { CONTAINER, "Thaw", OWNER, MANAGE, NULL, NULL, bothy_container_handle_thaw },
  { CONTAINER, "Kill", OWNER, MANAGE, &bothy_container_kill_request, NULL, bothy_container_handle_kill },
  { CONTAINER, "Delete", OWNER, MANAGE, &bothy_container_delete_request, NULL,
    bothy_container_handle_delete },
  { CONTAINER, "Rename", OWNER, MANAGE, &bothy_container_rename_request, NULL,
    bothy_container_handle_rename },
  { CONTAINER, "Exec", OWNER, MANAGE, &bothy_container_exec_request, NULL, bothy_container_handle_exec },
  { CONTAINER, "ExecAndWait", OWNER, MANAGE, &bothy_container_exec_and_wait_request, NULL,
    bothy_container_handle_exec_and_wait },
  { CONTAINER, "CopyFrom", OWNER, MANAGE, &bothy_container_copy_from_request, NULL,
    bothy_container_handle_copy_from },
  { CONTAINER, "CopyTo", OWNER, MANAGE, &bothy_container_copy_to_request, NULL,
    bothy_container_handle_copy_to },
  { CONTAINER, "OpenShell", OWNER, MANAGE, &bothy_container_open_shell_request, NULL,
    bothy_container_handle_open_shell },
  { CONTAINER, "OpenConsole", OWNER, MANAGE, NULL, NULL, bothy_container_handle_open_console },
  { CONTAINER, "OpenLog", OWNER, MANAGE, NULL, NULL, bothy_container_handle_open_log, .reads = TRUE },
  { CONTAINER, "ReadLog", OWNER, MANAGE, &bothy_container_read_log_request, NULL,
    bothy_container_handle_read_log, .reads = TRUE },
  { CONTAINER, "SetLimits", OWNER, MANAGE, &bothy_container_set_limits_request,
    bothy_container_check_set_limits, bothy_container_handle_set_limits, EXCEED },
  { CONTAINER, "SetAutostart", OWNER, MANAGE, &bothy_container_set_autostart_request,
    bothy_container_check_set_autostart, bothy_container_handle_set_autostart, EXCEED },
  { CONTAINER, "AddPort", OWNER, MANAGE, &bothy_container_add_port_request, bothy_container_check_add_port,
    bothy_container_handle_add_port, BOTHY_ACTION_PORT },
  { CONTAINER, "RemovePort", OWNER, MANAGE, &bothy_container_remove_port_request, NULL,
    bothy_container_handle_remove_port },
  { CONTAINER, "AddMount", OWNER, MANAGE, &bothy_container_add_mount_request, bothy_container_check_add_mount,
    bothy_container_handle_add_mount },
  { CONTAINER, "AddVolume", OWNER, MANAGE, &bothy_container_add_volume_request,
    bothy_container_check_add_mount, bothy_container_handle_add_mount },
  { CONTAINER, "RemoveMount", OWNER, MANAGE, &bothy_container_remove_mount_request, NULL,
    bothy_container_handle_remove_mount },
  { CONTAINER, "AddDevice", OWNER, MANAGE, &bothy_container_add_device_request,
    bothy_container_check_add_device, bothy_container_handle_add_device, NULL,
    bothy_container_weigh_add_device, BOTHY_ACTION_DEVICE },
  { CONTAINER, "RemoveDevice", OWNER, MANAGE, &bothy_container_remove_device_request, NULL,
    bothy_container_handle_remove_device },
  { CONTAINER, "Snapshot", OWNER, MANAGE, &bothy_container_snapshot_request, NULL,
    bothy_container_handle_snapshot },
  { CONTAINER, "Restore", OWNER, MANAGE, &bothy_container_restore_request, NULL,
    bothy_container_handle_restore },
  { CONTAINER, "RemoveSnapshot", OWNER, MANAGE, &bothy_container_restore_request, NULL,
    bothy_container_handle_remove_snapshot },
  { CONTAINER, "DiffSnapshot", OWNER, MANAGE, &bothy_container_diff_snapshot_request, NULL,
    bothy_container_handle_diff_snapshot, .reads = TRUE },
  { CONTAINER, "Clone", OWNER, MANAGE, &bothy_container_clone_request, bothy_container_check_clone,
    bothy_container_handle_clone, EXCEED, bothy_container_weigh_clone, CREATE },
  { CONTAINER, "Commit", OWNER, MANAGE, &bothy_container_commit_request, bothy_container_check_commit,
    bothy_container_handle_commit, NULL, bothy_container_weigh_commit, CREATE },
  { CONTAINER, "Export", OWNER, MANAGE, &bothy_container_export_request, NULL,
    bothy_container_handle_export },
  { CONTAINER, "SetEgress", OWNER, MANAGE, &bothy_container_set_egress_request, NULL,
    bothy_container_handle_set_egress },
  { CONTAINER, "GetAddresses", OWNER, INSPECT, NULL, NULL, bothy_container_handle_get_addresses },
  { CONTAINER, "GetStats", OWNER, INSPECT, NULL, NULL, bothy_container_handle_get_stats },
  { CONTAINER, "GetHistory", OWNER, INSPECT, NULL, NULL, bothy_container_handle_get_history },
  { CONTAINER, "GetOSRelease", OWNER, INSPECT, NULL, NULL, bothy_container_handle_get_os_release },
  { CONTAINER, "MapFromUser", OWNER, INSPECT, &bothy_request_number, NULL,
    bothy_container_handle_map_from_user },
  { CONTAINER, "MapToUser", OWNER, INSPECT, &bothy_request_number, NULL, bothy_container_handle_map_to_user },

  { BRIDGE, "Delegate", ACTION, DELEGATE, &bothy_bridge_delegate_request, bothy_bridge_check_delegate,
    bothy_bridge_handle_delegate },
  { BRIDGE, "Revoke", ACTION, DELEGATE, &bothy_bridge_revoke_request, bothy_bridge_check_revoke,
    bothy_bridge_handle_revoke },
  { BRIDGE, "AttachNic", ANYBODY, NULL, &bothy_bridge_attach_nic_request, bothy_bridge_check_attach_nic,
    bothy_bridge_handle_attach_nic, NULL, bothy_bridge_weigh_attach_nic, USE },
  { BRIDGE, "DetachNic", ANYBODY, NULL, &bothy_bridge_detach_nic_request, NULL,
    bothy_bridge_handle_detach_nic },
  { BRIDGE, "Delete", ACTION, BRIDGES, NULL, bothy_bridge_check_delete, bothy_bridge_handle_delete },

  { BOTHY_IMAGE_INTERFACE, "Remove", ANYBODY, NULL, NULL, NULL, bothy_image_handle_remove },
  { BOTHY_IMAGE_INTERFACE, "Export", ANYBODY, NULL, &bothy_image_export_request, NULL,
    bothy_image_handle_export, .reads = TRUE },
  { BOTHY_IMAGE_INTERFACE, "AddAlias", ANYBODY, NULL, &bothy_image_alias_request, NULL,
    bothy_image_handle_add_alias },
  { BOTHY_IMAGE_INTERFACE, "RemoveAlias", ANYBODY, NULL, &bothy_image_alias_request, NULL,
    bothy_image_handle_remove_alias },
  { BOTHY_IMAGE_INTERFACE, "Refresh", ACTION, PULL, &bothy_image_refresh_request, bothy_image_check_refresh,
    bothy_image_handle_refresh },
  { BOTHY_OPERATION_INTERFACE, "Cancel", ANYBODY, NULL, NULL, NULL, bothy_operation_handle_cancel },
  { BOTHY_PROCESS_INTERFACE, "Kill", ANYBODY, NULL, &bothy_process_kill_request, NULL,
    bothy_process_handle_kill },
  { BOTHY_PROCESS_INTERFACE, "OpenPTY", ANYBODY, NULL, NULL, NULL, bothy_process_handle_open_pty,
    .reads = TRUE },

  { DBUS_INTROSPECTABLE_INTERFACE, "Introspect", VIEWER, INSPECT, NULL, NULL,
    bothy_standard_handle_introspect },
  { DBUS_PROPERTIES_INTERFACE, "Get", OWNER, INSPECT, &bothy_standard_get_request, NULL,
    bothy_standard_handle_get },
  { DBUS_PROPERTIES_INTERFACE, "Set", OWNER, INSPECT, &bothy_standard_set_request, NULL,
    bothy_standard_handle_set },
  { DBUS_PROPERTIES_INTERFACE, "GetAll", OWNER, INSPECT, &bothy_request_text, NULL,
    bothy_standard_handle_get_all },
  { DBUS_OBJECT_MANAGER_INTERFACE, "GetManagedObjects", VIEWER, INSPECT, NULL, NULL,
    bothy_standard_handle_get_managed_objects },
  { NULL, NULL, BOTHY_RULE_NOBODY, NULL, NULL, NULL, NULL },
};

const BothyRow *
bothy_door_get_rows (void)
{
  return rows;
}
