/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fault.h"

/* The container's tree while it is being built; -1 what is not there. */
struct rootfs {
  int root;            /* the overlay */
  int proc;            /* the empty directory proc */
  int sys;             /* the mounted sysfs */
  int pts;             /* the mounted devpts: stays, terminals come from it */
  int console;         /* master of /dev/console: stays */
  bool fresh;          /* nothing was written yet into the topmost layer */
  bool image_resolver; /* /etc/resolv.conf is what the image has there, be it nothing */
};

#define ROOTFS_NONE ((struct rootfs){ -1, -1, -1, -1, -1, false, false })

/* What the container's tree is made of: detached mounts. */
struct rootfs_layers {
  const int *lower; /* N_LOWER of them, topmost first */
  unsigned n_lower;
  unsigned n_own;   /* of these, the topmost that the container wrote before; the others are the image's */
  int upper;        /* holds upper/ and work/ */
  bool is_volatile; /* see rootfs_build() */
};

/*
 * Mounts an overlay of LAYERS (upper/ and work/ are made if they are missing), below a tmpfs over /run of this mount namespace, and /sys and /dev in it; /run and /tmp are made where the image
 * has nothing of that name. SHM_SIZE: bytes of /dev/shm, "": what the kernel gives a tmpfs.
 * With is_volatile: without waiting for the disk, neither in fsync(2) nor when it is unmounted (the whole
 * file system would be written out then); see "Volatile mount" in the kernel's overlayfs.rst.
 * Faults: STEP_LAYER, STEP_OVERLAY, STEP_ROOT, STEP_MOUNT, STEP_CONSOLE.
 */
struct fault rootfs_build (struct rootfs *rootfs, const struct rootfs_layers *layers, const char *shm_size);

/*
 * Finishes it from inside the pid and cgroup namespaces, while the host's /proc is still mounted
 * (the kernel gives a user namespace a new proc only where it sees a whole one): /proc, masked
 * unless NESTING, with SYSCTLS (NAME=VALUE, ended by NULL) set, and /sys/fs/cgroup. Faults: STEP_MOUNT, STEP_SYSCTL.
 */
struct fault
rootfs_finish (const struct rootfs *rootfs, bool nesting, bool with_cgroup, char *const *sysctls);

/*
 * Covers /run with a tmpfs that has the image's /run in it, as systemd as init wants it: what an earlier run left there
 * would be taken for this one's; and tells systemd who manages it and, unless NESTING, that there are no user namespaces. Faults: STEP_ROOT (it is no directory of the tree's own), STEP_MOUNT.
 */
struct fault rootfs_cover_run (const struct rootfs *rootfs, bool nesting);

/*
 * Shares the mounts of the root, which is entered, with the mount namespaces that are made of this one, as systemd as init counts on: in
 * a container it leaves that to whoever made it, and without it no service finds its credentials. Fault: STEP_MOUNT.
 */
struct fault rootfs_share (void);

/* Makes it the root of this mount namespace and lets go of the host's. Faults: STEP_ROOT. */
struct fault rootfs_enter (const struct rootfs *rootfs);

/* Closes what only building needed. */
void rootfs_drop_building (struct rootfs *rootfs);
