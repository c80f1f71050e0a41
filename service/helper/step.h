/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packet.h"

/*
 * The privileged steps. Each runs in a worker of its own, reduces it to the
 * capabilities of its row in protocol.h and acts on PACKET, which request_check()
 * accepted. It returns 0 with RET's fds filled in, or an errno value with RET's
 * STEP (and LAYER) saying where. The fds are closed by the worker's exit.
 */

struct step_result {
  uint32_t step;
  uint32_t layer;
  int fds[HELPER_MAX_FDS];
  unsigned int n_fds;
  int watch;
  uint64_t bytes;
  uint64_t inodes;
  char filesystem[32];
  char places[2][128];
};

/* Makes a user namespace and maps it; for HELPER_NETNS, also a network namespace in it. */
int step_userns (const struct packet *packet, struct step_result *ret);

/* Maps a user namespace that its owner made. */
int step_map (const struct packet *packet, struct step_result *ret);

/* Clones layers as detached idmapped mounts. */
int step_mount (const struct packet *packet, struct step_result *ret);

/* Clones a volume as a detached idmapped mount whose flags stay. */
int step_volume (const struct packet *packet, struct step_result *ret);

/* Gives root's files to another id. */
int step_own (const struct packet *packet, struct step_result *ret);

/* Removes what is below the payload of a control group. */
int step_clear (const struct packet *packet, struct step_result *ret);

/* Bounds what the files of a project take. */
int step_quota (const struct packet *packet, struct step_result *ret);

/* Opens a directory as its user. */
int step_folder (const struct packet *packet, struct step_result *ret);

/* Clones a user's directory as a detached idmapped mount. */
int step_folder_mount (const struct packet *packet, struct step_result *ret);

/* Clones the tree of a container that another tool made, to be read. */
int step_tree_mount (const struct packet *packet, struct step_result *ret);

/* Opens the tree and the configuration of such a container of root's. */
int step_adoptable (const struct packet *packet, struct step_result *ret);

/* Clones the tree of one that is labelled, for containers of ours. */
int step_tree_layer (const struct packet *packet, struct step_result *ret);

/* Labels one, or takes its label off. */
int step_label (const struct packet *packet, struct step_result *ret);

/* Opens the tree of ADOPTABLE, which bears its label, and which nobody runs, as RET_FD. Needs CAP_DAC_READ_SEARCH. */
int step_open_labelled (const struct helper_adoptable *adoptable, int *ret_fd, struct step_result *ret);

/*
 * The root of a container owns its mount namespace, and could take read-only, nosuid and nodev off the detached mount MOUNT
 * again. The kernel locks them when a mount namespace is copied for another user namespace; so MOUNT goes into a namespace
 * of our own, that is copied for USERNS, and RET gets what is cloned there, which keeps the locks. This process is in
 * USERNS afterwards, and ends with it.
 */
int step_lock_flags (int mount, int userns, struct step_result *ret);

/* Makes a user namespace of OWNER's, which is mapped as REQUEST says, as RET's first fd. Needs CAP_SETUID and CAP_SETGID, and
   OWNER as the uid of this process. */
int step_make_userns (const struct helper_request *request, struct step_result *ret);

/* Clones REQUEST's layers, one after the other, as detached mounts that USERNS maps, into RET's fds. Needs CAP_SYS_ADMIN and
   CAP_DAC_READ_SEARCH. */
int step_clone_layers (const struct helper_request *request, int userns, struct step_result *ret);

/* Mounts a container's root file system as files of its owner's. */
int step_tree (const struct packet *packet, struct step_result *ret);

/* Clones such a mount. */
int step_tree_clone (const struct packet *packet, struct step_result *ret);

/* Takes it away. */
int step_tree_close (const struct packet *packet, struct step_result *ret);

/* Whether a user may open a device. */
int step_device_access (const struct packet *packet, struct step_result *ret);

/* Makes a node of a device for a container. */
int step_device_node (const struct packet *packet, struct step_result *ret);

/* Takes nodes of a container's away. */
int step_device_revoke (const struct packet *packet, struct step_result *ret);

/* Becomes UID with GID and N_GROUPS GROUPS, in every id and without any capability. 0, or an errno value. */
int step_become_user (uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t n_groups);

/* Configures an interface in a network namespace of somebody's. */
int step_nic (const struct packet *packet, struct step_result *ret);

/* Turns this process into the program that PACKET asks for; returns only when that failed. */
void step_spawn (const struct packet *packet);

/* Holds a control group; returns only when that failed, or is over. */
void step_hold (const struct packet *packet);

/* What every program starts with: no handler, no mask, no session of ours, no protection from the kernel. */
void step_reset_process (void);

/* Fails at STEP with ERROR: fills in RET, returns ERROR. */
static inline int
step_fail (struct step_result *ret, enum helper_step step, int error)
{
  ret->step = step;
  return error;
}
