/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The verbs, one file each. All take the words that follow them, and return the exit code. */
int cli_adopt (Cli *cli, char **words);
int cli_bridge_create (Cli *cli, char **words);
int cli_bridge_delegate (Cli *cli, char **words);
int cli_bridge_delete (Cli *cli, char **words);
int cli_bridge_import_lxc (Cli *cli, char **words);
int cli_bridge_list (Cli *cli, char **words);
int cli_bridge_revoke (Cli *cli, char **words);
int cli_console (Cli *cli, char **words);
int cli_create (Cli *cli, char **words);
int cli_delete (Cli *cli, char **words);
int cli_df (Cli *cli, char **words);
int cli_doctor (Cli *cli, char **words);
int cli_exec (Cli *cli, char **words);
int cli_freeze (Cli *cli, char **words);
int cli_help (Cli *cli, char **words);
int cli_image_export (Cli *cli, char **words);
int cli_image_tag (Cli *cli, char **words);
int cli_image_untag (Cli *cli, char **words);
int cli_image_build (Cli *cli, char **words);
int cli_image_delete (Cli *cli, char **words);
int cli_image_import (Cli *cli, char **words);
int cli_image_info (Cli *cli, char **words);
int cli_image_list (Cli *cli, char **words);
int cli_image_prune (Cli *cli, char **words);
int cli_image_pull (Cli *cli, char **words);
int cli_image_refresh (Cli *cli, char **words);
int cli_image_search (Cli *cli, char **words);
int cli_info (Cli *cli, char **words);
int cli_kill (Cli *cli, char **words);
int cli_launch (Cli *cli, char **words);
int cli_autostart (Cli *cli, char **words);
int cli_limit (Cli *cli, char **words);
int cli_list (Cli *cli, char **words);
int cli_logs (Cli *cli, char **words);
int cli_monitor (Cli *cli, char **words);
int cli_egress_list (Cli *cli, char **words);
int cli_egress_set (Cli *cli, char **words);
int cli_egress_allow (Cli *cli, char **words);
int cli_egress_deny (Cli *cli, char **words);
int cli_nic_attach (Cli *cli, char **words);
int cli_nic_detach (Cli *cli, char **words);
int cli_history (Cli *cli, char **words);
int cli_cp (Cli *cli, char **words);
int cli_file_edit (Cli *cli, char **words);
int cli_file_push (Cli *cli, char **words);
int cli_file_pull (Cli *cli, char **words);
int cli_mount_add (Cli *cli, char **words);
int cli_mount_remove (Cli *cli, char **words);
int cli_mount_list (Cli *cli, char **words);
int cli_port_add (Cli *cli, char **words);
int cli_port_remove (Cli *cli, char **words);
int cli_port_list (Cli *cli, char **words);
int cli_remote_add (Cli *cli, char **words);
int cli_remote_list (Cli *cli, char **words);
int cli_remote_login (Cli *cli, char **words);
int cli_remote_logout (Cli *cli, char **words);
int cli_remote_remove (Cli *cli, char **words);
int cli_range_list (Cli *cli, char **words);
int cli_range_allocate (Cli *cli, char **words);
int cli_range_release (Cli *cli, char **words);
int cli_range_reclaim (Cli *cli, char **words);
int cli_rename (Cli *cli, char **words);
int cli_restart (Cli *cli, char **words);
int cli_run (Cli *cli, char **words);
int cli_shell (Cli *cli, char **words);
int cli_commit (Cli *cli, char **words);
int cli_copy (Cli *cli, char **words);
int cli_snapshot_create (Cli *cli, char **words);
int cli_snapshot_list (Cli *cli, char **words);
int cli_snapshot_restore (Cli *cli, char **words);
int cli_snapshot_delete (Cli *cli, char **words);
int cli_start (Cli *cli, char **words);
int cli_stop (Cli *cli, char **words);
int cli_thaw (Cli *cli, char **words);
int cli_top (Cli *cli, char **words);
int cli_unshare (Cli *cli, char **words);
int cli_userns_exec (Cli *cli, char **words);
int cli_version (Cli *cli, char **words);
int cli_wait (Cli *cli, char **words);

/** cli_verbs: all of them, ended by one without a name */
extern const CliVerb cli_verbs[];
