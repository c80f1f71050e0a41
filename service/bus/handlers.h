/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/call.h"
#include "core/remotes/credentials.h"

G_BEGIN_DECLS

/*
 * What the rows of the door lead to. dbus/ says what each method does; these are the steps that they all have:
 *
 * REQUEST: bothy_OBJECT_METHOD_request, how the method's arguments are parsed. The parser sees nothing but the
 *   arguments and does nothing; it returns a request of a type that the other steps of the method know, or NULL with
 *   an error for the caller, most often INVALID_ARGS.
 *
 * CHECK: bothy_OBJECT_check_METHOD (call, error), whether call->request can be fulfilled for call->node as it is now.
 *   It says in call->details what polkit shows and rules of polkit go by, and may set call->is_own, is_foreign and
 *   exceeds; otherwise it does nothing. FALSE with an error for the caller.
 *
 * WEIGH: bothy_OBJECT_weigh_METHOD (call), whether the row's second action has to be authorized as well. It ends with
 *   bothy_call_weighed() or with an error for the caller, at once or later; for later it takes a reference.
 *
 * HANDLE: bothy_OBJECT_handle_METHOD (call), the method itself, once the caller may. It replies once, at once or
 *   later; for later it takes a reference. call->request is its own to keep; call->node is there until it returns.
 */
#define REQUEST(object, method) extern const BothyRequestType bothy_##object##_##method##_request
#define CHECK(object, method)   gboolean bothy_##object##_check_##method (BothyCall *call, GError **error)
#define WEIGH(object, method)   void bothy_##object##_weigh_##method (BothyCall *call)
#define HANDLE(object, method)  void bothy_##object##_handle_##method (BothyCall *call)

/* manager.c */
REQUEST (manager, get_container);
CHECK (manager, get_container);
HANDLE (manager, get_container);
HANDLE (manager, get_container_by_pid);
HANDLE (manager, list_containers);
CHECK (manager, list_all_containers);
HANDLE (manager, list_all_containers);
HANDLE (manager, list_ranges);
HANDLE (manager, get_image);
HANDLE (manager, diagnose);
HANDLE (manager, open_firewalls);

/* create.c */
REQUEST (manager, create_container);
CHECK (manager, create_container);
WEIGH (manager, create_container);
HANDLE (manager, create_container);
REQUEST (manager, launch);
CHECK (manager, launch);
WEIGH (manager, launch);
HANDLE (manager, launch);

/* users.c */
HANDLE (manager, ceilings);
CHECK (manager, list_users);
HANDLE (manager, list_users);
REQUEST (manager, set_user_ceilings);
CHECK (manager, set_user_ceilings);
HANDLE (manager, set_user_ceilings);

/* scripts.c */
HANDLE (manager, get_all_stats);
HANDLE (manager, get_process);
HANDLE (manager, list_images);
HANDLE (manager, list_bridges);

/* adopt.c */
CHECK (manager, list_adoptable);
HANDLE (manager, list_adoptable);
REQUEST (manager, plan_adoption);
CHECK (manager, plan_adoption);
WEIGH (manager, plan_adoption);
HANDLE (manager, plan_adoption);
REQUEST (manager, adopt_container);
CHECK (manager, adopt_container);
WEIGH (manager, adopt_container);
HANDLE (manager, adopt_container);
REQUEST (container, undo_adoption);
HANDLE (container, undo_adoption);

/* import.c */
REQUEST (manager, import_image);
CHECK (manager, import_image);
HANDLE (manager, import_image);

/* pull.c */
REQUEST (manager, pull_image);
CHECK (manager, pull_image);
HANDLE (manager, pull_image);
REQUEST (image, refresh);
CHECK (image, refresh);
HANDLE (image, refresh);
REQUEST (manager, search_images);
CHECK (manager, search_images);
HANDLE (manager, search_images);
REQUEST (manager, check_for_updates);
CHECK (manager, check_for_updates);
HANDLE (manager, check_for_updates);
HANDLE (manager, list_remotes);
REQUEST (manager, add_remote);
CHECK (manager, add_remote);
HANDLE (manager, add_remote);
REQUEST (manager, remove_remote);
CHECK (manager, remove_remote);
HANDLE (manager, remove_remote);

/* byhand.c */
REQUEST (manager, allocate_range);
CHECK (manager, allocate_range);
HANDLE (manager, allocate_range);
HANDLE (manager, release_range);
CHECK (manager, reclaim_range);
HANDLE (manager, reclaim_range);
REQUEST (manager, map_user_namespace);
HANDLE (manager, map_user_namespace);
REQUEST (manager, delegate_cgroup);
CHECK (manager, delegate_cgroup);
WEIGH (manager, delegate_cgroup);
HANDLE (manager, delegate_cgroup);

/* container.c; restart has the request of stop */
REQUEST (container, start);
HANDLE (container, start);
REQUEST (container, stop);
HANDLE (container, stop);
HANDLE (container, restart);
HANDLE (container, freeze);
HANDLE (container, thaw);
REQUEST (container, kill);
HANDLE (container, kill);
REQUEST (container, delete);
HANDLE (container, delete);
REQUEST (container, rename);
HANDLE (container, rename);
HANDLE (container, open_console);
HANDLE (container, open_log);
REQUEST (container, read_log);
HANDLE (container, read_log);
HANDLE (container, get_os_release);
HANDLE (container, map_from_user);
HANDLE (container, map_to_user);

/* capture.c */
REQUEST (container, exec_and_wait);
HANDLE (container, exec_and_wait);

/* files.c */
REQUEST (container, copy_from);
HANDLE (container, copy_from);
REQUEST (container, copy_to);
HANDLE (container, copy_to);

/* exec.c */
REQUEST (container, exec);
HANDLE (container, exec);
REQUEST (container, open_shell);
HANDLE (container, open_shell);

/* limits.c */
REQUEST (container, set_limits);
CHECK (container, set_limits);
HANDLE (container, set_limits);
HANDLE (container, get_stats);
HANDLE (container, get_history);

/* autostart.c */
REQUEST (container, set_autostart);
CHECK (container, set_autostart);
HANDLE (container, set_autostart);

/* port.c */
REQUEST (container, add_port);
CHECK (container, add_port);
HANDLE (container, add_port);
REQUEST (container, remove_port);
HANDLE (container, remove_port);

/* device.c */
REQUEST (container, add_device);
CHECK (container, add_device);
WEIGH (container, add_device);
HANDLE (container, add_device);
REQUEST (container, remove_device);
HANDLE (container, remove_device);
HANDLE (manager, list_devices);

/* mount.c */
REQUEST (container, add_mount);
CHECK (container, add_mount);
HANDLE (container, add_mount);
REQUEST (container, remove_mount);
HANDLE (container, remove_mount);

/* tree.c; mount_tree has the request and the check of open_tree */
REQUEST (container, open_tree);
CHECK (container, open_tree);
HANDLE (container, open_tree);
HANDLE (container, mount_tree);
HANDLE (container, unmount_tree);

/* volume.c; delete_volume and get_volume have one request */
REQUEST (manager, create_volume);
CHECK (manager, create_volume);
HANDLE (manager, create_volume);
REQUEST (manager, volume);
HANDLE (manager, delete_volume);
HANDLE (manager, get_volume);
HANDLE (manager, list_volumes);
REQUEST (container, add_volume);

/* snapshot.c; remove_snapshot has the request of restore */
REQUEST (container, snapshot);
HANDLE (container, snapshot);
REQUEST (container, restore);
HANDLE (container, restore);
HANDLE (container, remove_snapshot);
REQUEST (container, diff_snapshot);
HANDLE (container, diff_snapshot);

/* copy.c */
REQUEST (container, clone);
CHECK (container, clone);
WEIGH (container, clone);
HANDLE (container, clone);

/* commit.c */
REQUEST (container, commit);
CHECK (container, commit);
WEIGH (container, commit);
HANDLE (container, commit);

/* egress.c */
REQUEST (container, set_egress);
HANDLE (container, set_egress);
HANDLE (container, get_addresses);

/* bridge.c */
REQUEST (manager, create_bridge);
CHECK (manager, create_bridge);
HANDLE (manager, create_bridge);
CHECK (bridge, delete);
HANDLE (bridge, delete);
REQUEST (bridge, delegate);
CHECK (bridge, delegate);
HANDLE (bridge, delegate);
REQUEST (bridge, revoke);
CHECK (bridge, revoke);
HANDLE (bridge, revoke);
REQUEST (bridge, attach_nic);
CHECK (bridge, attach_nic);
WEIGH (bridge, attach_nic);
HANDLE (bridge, attach_nic);
REQUEST (bridge, detach_nic);
HANDLE (bridge, detach_nic);

/* image.c and export.c; both aliases have one request */
HANDLE (image, remove);
REQUEST (image, alias);
HANDLE (image, add_alias);
HANDLE (image, remove_alias);
REQUEST (image, export);
HANDLE (image, export);
REQUEST (container, export);
HANDLE (container, export);

/* operation.c and process.c */
HANDLE (operation, cancel);
REQUEST (process, kill);
HANDLE (process, kill);
HANDLE (process, open_pty);

/* standard.c */
HANDLE (standard, introspect);
REQUEST (standard, get);
HANDLE (standard, get);
REQUEST (standard, set);
HANDLE (standard, set);
HANDLE (standard, get_all);
HANDLE (standard, get_managed_objects);

#undef REQUEST
#undef CHECK
#undef WEIGH
#undef HANDLE

/* MOUNTS (a(hsa{sv})), the option "mounts" of CreateContainer; see mount.c. (transfer full); NULL with INVALID_ARGS. */
GPtrArray *bothy_mounts_parse (BothyArguments *arguments, GVariant *mounts, GError **error);

/* Put VOLUMES (a(ssa{sv})), the option "volumes" of CreateContainer, into MOUNTS; see volume.c. FALSE with INVALID_ARGS, or
   MOUNT_FAILED: two are at one place. */
gboolean bothy_volumes_parse (GPtrArray *mounts, GVariant *volumes, GError **error);

/* OPTION (a{sh}, NULL: it was not given), the option "credentials" of Launch, PullImage and others: of each server's URL a file, which is
   duplicated; see pull.c. (RET_CREDENTIALS: transfer full) FALSE with INVALID_ARGS. */
gboolean bothy_credentials_parse (BothyArguments *arguments,
                                  GVariant *option,
                                  BothyCredentials **ret_credentials,
                                  GError **error);

/* The description of the standard interface NAME (org.freedesktop.DBus.…) that every object has; it is static.
   NULL: NAME, which may be NULL, is none. */
const GDBusInterfaceInfo *bothy_standard_get_interface (const char *name);

G_END_DECLS
