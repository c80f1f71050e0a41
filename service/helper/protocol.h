/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the broker and bothy-helper say to each other: one request or reply per
 * message of a SOCK_SEQPACKET socket whose other end only root can reach. File
 * descriptors travel beside the message (SCM_RIGHTS, unix(7)).
 *
 * The helper never follows a caller's string or path with rights of its own: a tree is named
 * by the uuid or hash that the broker gave it, everything else by number and fd. FOLDER alone
 * takes a path, and becomes the user whose path it is.
 */

#include <stdint.h>

#define HELPER_PROTOCOL_VERSION 11u
#define HELPER_MAX_EXTENTS      5 /* what a uid_map written here may hold */
#define HELPER_MAX_LAYERS       200
#define HELPER_MAX_FDS          208 /* below SCM_MAX_FD, 253 */
#define HELPER_MAX_GROUPS       256
#define HELPER_MAX_PATH         4096 /* PATH_MAX of Linux */
#define HELPER_MAX_DEVICE       128  /* a name below /dev */

/* An identity's lines in uid_map and gid_map; see user_namespaces(7). */
struct helper_extent {
  uint32_t inside;
  uint32_t outside;
  uint32_t count;
};

enum helper_op {
  /* Make a user namespace with the given map, owned by OWNER. CAP_SETUID, CAP_SETGID. Reply: its fd. */
  HELPER_USERNS = 1,
  /* Clone layers as detached idmapped mounts. fd 0: the user namespace that maps them.
     CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH. Reply: one mount fd a layer, in order. */
  HELPER_MOUNT = 2,
  /* Start a program of ours as uid 0 of a user namespace, in the host's mount namespace.
     fd 0: the user namespace; INTO_GROUP: fd 1: the control group that it is born in; the others become fds
     3, 4, … of the program. No capability outside that namespace. Reply: pid, and its pidfd. */
  HELPER_SPAWN = 3,
  /* Give files of root's to another id. fds: directories or files owned by root; to an id of the
     machine's own accounts only control groups. CAP_CHOWN. */
  HELPER_OWN = 4,
  /* Map an existing user namespace, child of the host's and owned by OWNER, as it was never mapped before.
     fd 0: the namespace, or a pidfd of a process in it. OWNER's own ids may be mapped, one of each, with
     DENY_SETGROUPS. CAP_SETUID, CAP_SETGID. At step MAP, EPERM means that it is mapped
     already; at step PARTIAL, any error that it is in half. */
  HELPER_MAP = 5,
  /* Start a process that does nothing but keep a control group from being empty, until its socket is closed.
     fd 0: the socket. No capability. Reply: pid, and its pidfd.
     When somebody has put it into the group, it is sent a uint32_t over that socket. It makes what a container
     has below (wire/groups.h), goes into supervisor/ itself, and answers with a helper_reply with that number as
     its serial, and the fds of struct groups. */
  HELPER_HOLD = 6,
  /* Configure NIC in the network namespace of fd 0, as OWNER, who owns its user namespace, in that.
     CAP_SETUID, CAP_SETGID. */
  HELPER_NIC = 7,
  /* As USERNS, and make a network namespace that belongs to it. Reply: the fds of both. */
  HELPER_NETNS = 8,
  /* Remove what a container made below payload/ of its control group, which its supervisor did not live to do. fd 0:
     the group. What has a process in it stays. CAP_CHOWN, CAP_DAC_READ_SEARCH. */
  HELPER_CLEAR = 9,
  /* Bound what files take. fd 0: a directory of the state's file system; with ASSIGN one of root's own, still empty,
     whose files get the project id PROJECT from then on. With BOUND, all files of PROJECT may together have as much as
     max_bytes and max_inodes say. The reply has what they take. CAP_SYS_ADMIN. */
  HELPER_QUOTA = 10,
  /* Open the directory at the path of FOLDER as a user may: OWNER, with OWNER_GID and FOLDER's groups, without any
     capability. No magic link of /proc is followed. In the host's mount namespace. CAP_SETUID, CAP_SETGID. Reply: its fd. */
  HELPER_FOLDER = 11,
  /* Clone the directory of fd 1, without what is mounted in it, as a detached mount that is idmapped by the user
     namespace of fd 0, in which one uid and one gid are mapped: nosuid, nodev, with FOLDER's read_only that, too, and so
     that nobody in a container takes one of these off again. Root's files may be mapped only read-only. In the host's
     mount namespace. CAP_SYS_ADMIN. Reply: the mount's fd. */
  HELPER_FOLDER_MOUNT = 12,
  /* Clone the directory of fd 1, the tree of a container that another tool made and in which nothing is mounted, in the same way, read-only: for a program of
     ours that reads it as root of the ids that the user namespace of fd 0 maps it to. It never gets to a container. In the
     host's mount namespace. CAP_SYS_ADMIN. Reply: the mount's fd. */
  HELPER_TREE_MOUNT = 13,
  /* Open a container of root's that another tool made: ADOPTABLE. No link is followed. In the host's mount namespace.
     CAP_DAC_READ_SEARCH. Reply: the fd of its tree, a directory, and that of its configuration, if there is one. */
  HELPER_ADOPTABLE = 14,
  /* Clone a volume, the one layer of the request, as a detached mount that is idmapped by the user namespace of fd 0, so that
     nobody in a container takes nosuid, nodev and read-only off again. CAP_SYS_ADMIN. Reply: the mount's fd. */
  HELPER_VOLUME = 15,
  /* Whether a user may open the node that DEVICE names for reading and writing, by its mode and access list: OWNER, with
     OWNER_GID and DEVICE's groups, without any capability. In the host's mount namespace. CAP_SETUID, CAP_SETGID. */
  HELPER_DEVICE_ACCESS = 16,
  /* Make a node of the character device that DEVICE names, for the container DEVICE.id: on a tmpfs of our own, where only
     root comes, as OWNER's, with mode 0600; the host's node is looked at and not touched. What is no device for a container
     is refused. In the host's mount namespace. CAP_SYS_ADMIN, CAP_MKNOD, CAP_CHOWN. Reply: a detached mount of it. */
  HELPER_DEVICE_NODE = 17,
  /* Take away what DEVICE_NODE made for DEVICE.id: the node of DEVICE's number, or with the number 0:0 all of them. Wherever it
     is mounted, nobody can open it any more; what has it open keeps that. CAP_CHOWN. */
  HELPER_DEVICE_REVOKE = 18,
  /* Clone the tree of a container of root's that another tool made, and that bears the label ADOPTABLE.label, as a detached
     mount that is idmapped by the user namespace of fd 0: nosuid, nodev and read-only, so that nobody in a container takes
     one of these off again. Refused while that tool has it running. In the host's mount namespace. CAP_SYS_ADMIN,
     CAP_DAC_READ_SEARCH. Reply: the mount's fd. */
  HELPER_TREE_LAYER = 19,
  /* Label such a container, so that its own tool finds it no more, or with ADOPTABLE.take take the label off again: one rename of
     the directory that root has of it there. What is done already is no error. In the
     host's mount namespace. CAP_DAC_READ_SEARCH. */
  HELPER_LABEL = 20,
  /* Mount the root file system of a container that does not run, from its layers, the last of which is what it writes into, as
     files of OWNER's, with OWNER_GID, at a place that only root can change and that only OWNER gets to, called NAME. EXTENTS and
     GID_EXTENTS say which ids the layers have on disk: the first ones are OWNER's and OWNER_GID's own, which are shown in their
     place. nosuid, nodev, noexec, nosymfollow. In the host's mount namespace. CAP_SETUID, CAP_SETGID, CAP_SYS_ADMIN,
     CAP_DAC_READ_SEARCH. Fd 0 is an inotify(7) instance, which tells when nothing keeps the file system any more. Reply: a detached mount of
     it, and NUMBER, the watch. */
  HELPER_TREE = 21,
  /* Clone what TREE mounted for OWNER as NAME; EROFS: it is about to be taken away. In the host's mount namespace. CAP_SYS_ADMIN.
     Reply: a detached mount of it. */
  HELPER_TREE_CLONE = 22,
  /* Take it away; that it is not there is no error. What is open in it stays open to be read, and can be written no more; while some file
     is open to be written, nothing is done. In the host's mount namespace. CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH. */
  HELPER_TREE_CLOSE = 23,
  /* The same of a container that is being deleted: also while some file is open to be written. */
  HELPER_TREE_DETACH = 24,
};

enum helper_adoptable_kind {
  HELPER_ADOPTABLE_LXC = 1, /* /var/lib/lxc/NAME/rootfs, and config beside it */
  HELPER_ADOPTABLE_NSPAWN =
      2, /* /var/lib/machines/NAME, and NAME.nspawn of /etc/systemd/nspawn, or beside it */
  /* containers/NAME/rootfs of a storage pool of Incus or LXD, and backup.yaml beside it */
  HELPER_ADOPTABLE_INCUS = 3,
};

struct helper_adoptable {
  uint32_t kind;
  char name[68];  /* NUL-terminated; checked: one component of a path */
  char label[68]; /* TREE_LAYER, LABEL: NUL-terminated; checked: hexadecimal digits and dashes only */
  uint32_t take;  /* LABEL: 0: on, 1: off, 2: off, or somebody has removed or given back all of it */
};

enum helper_layer_kind {
  HELPER_LAYER_IMAGE = 1,     /* STATE/layers/<id, 64 hexadecimal digits>/root, mounted read-only */
  HELPER_LAYER_CONTAINER = 2, /* STATE/containers/<id, a uuid>/data: upper/ and work/ */
  HELPER_LAYER_NEW = 3,       /* STATE/layers/.new-<id, a uuid>/root: a layer that is being made */
  HELPER_LAYER_UPPER = 4,     /* STATE/uppers/<id, a uuid>/data: upper/ and work/, as of CONTAINER */
  /* What a container wrote before, and does not write into any more: upper/ of CONTAINER's, or of UPPER's, or "data" itself
     if there is none, because nothing was ever written; mounted read-only. */
  HELPER_LAYER_CONTAINER_BELOW = 5,
  HELPER_LAYER_UPPER_BELOW = 6,
  HELPER_LAYER_VOLUME = 7, /* STATE/volumes/<id, a uuid>/data */
  HELPER_LAYER_VOLUME_READ_ONLY = 8,
};

struct helper_layer {
  uint32_t kind;
  char id[68]; /* NUL-terminated; checked: hexadecimal digits and dashes only */
};

/* NUL-terminated; "" where there is none. The broker made them. */
struct helper_nic {
  char interface[16];
  char address4[64]; /* with prefix length */
  char gateway4[64];
  char address6[64];
  char gateway6[64];
};

enum helper_program {
  HELPER_PROGRAM_SUPERVISOR = 1,
  HELPER_PROGRAM_UNPACK = 2, /* with an empty network namespace, as the next */
  HELPER_PROGRAM_BUNDLE = 3,
  HELPER_PROGRAM_PACK = 4,
};

enum helper_quota_flag {
  HELPER_QUOTA_ASSIGN = 1,
  HELPER_QUOTA_BOUND = 2,
};

struct helper_quota {
  uint32_t flags;
  uint32_t project;
  uint64_t max_bytes; /* 0, here and in the next: no bound */
  uint64_t max_inodes;
};

/* A user's own directory. */
struct helper_folder {
  uint32_t read_only; /* FOLDER_MOUNT: 1: nothing can be written through the mount */
  uint32_t n_groups;
  uint32_t groups[HELPER_MAX_GROUPS]; /* FOLDER: supplementary ones */
  char path[HELPER_MAX_PATH];         /* FOLDER: absolute, NUL-terminated */
};

/* A device of the host's. */
struct helper_device {
  char id[68];                  /* DEVICE_NODE, DEVICE_REVOKE: of the container, a uuid */
  char name[HELPER_MAX_DEVICE]; /* of its node below /dev, NUL-terminated; not of DEVICE_REVOKE */
  uint32_t major;
  uint32_t minor;
  uint32_t n_groups;
  uint32_t groups[HELPER_MAX_GROUPS]; /* DEVICE_ACCESS: supplementary ones */
};

struct helper_request {
  uint32_t version;
  uint32_t serial; /* repeated in the reply; replies may come in any order */
  uint32_t op;
  uint32_t
      owner; /* USERNS, MAP, NIC: uid and gid that own the namespace; OWN: uid and gid to give to; FOLDER, DEVICE_ACCESS, TREE…:
                the user; DEVICE_NODE: the container's root */
  uint32_t n_extents;
  struct helper_extent extents[HELPER_MAX_EXTENTS];
  uint32_t
      owner_gid; /* MAP, NIC: the gid of OWNER, who can get hold of a process that has it; FOLDER, TREE: his gid */
  uint32_t n_gid_extents; /* USERNS, MAP, TREE: of gid_map; 0: it is the same as uid_map */
  struct helper_extent gid_extents[HELPER_MAX_EXTENTS];
  uint32_t deny_setgroups; /* MAP: whoever is inside keeps his groups */
  uint32_t program;
  uint32_t into_group; /* SPAWN: 1: fd 1 is a control group */
  uint32_t n_layers;
  union {
    struct helper_layer layers[HELPER_MAX_LAYERS];
    struct helper_folder folder;
    struct helper_adoptable adoptable;
    struct helper_device device;
  };
  struct helper_nic nic;
  struct helper_quota quota;
  char name[68]; /* TREE…: NUL-terminated; checked: a-z, 0-9 and dashes only */
};

/* Where it went wrong, so that the text is made in one place: the broker. */
enum helper_step {
  HELPER_STEP_NONE = 0,
  HELPER_STEP_REQUEST = 1, /* the request makes no sense */
  HELPER_STEP_FORK = 2,
  HELPER_STEP_CAPABILITIES = 3,
  HELPER_STEP_USERNS = 4, /* unshare(CLONE_NEWUSER) */
  HELPER_STEP_MAP = 5,    /* writing uid_map, gid_map */
  HELPER_STEP_OPEN = 6,   /* opening the layer */
  HELPER_STEP_CLONE = 7,  /* open_tree */
  HELPER_STEP_IDMAP = 8,  /* mount_setattr: EINVAL means that the file system can not */
  HELPER_STEP_OWN = 9,
  HELPER_STEP_DEADLINE = 10, /* the worker was killed */
  HELPER_STEP_JOIN = 11,    /* MAP: it is no user namespace of OWNER's below the host's, or not his process */
  HELPER_STEP_NIC = 12,     /* NIC: in the namespace */
  HELPER_STEP_GROUP = 13,   /* the control group */
  HELPER_STEP_NETNS = 14,   /* unshare(CLONE_NEWNET) */
  HELPER_STEP_PARTIAL = 15, /* MAP: uid_map is written, now or before, and gid_map is not */
  HELPER_STEP_QUOTA = 16,   /* QUOTA: ESRCH means that the file system keeps none */
  HELPER_STEP_FOLDER = 17,  /* FOLDER: opening it as the user; ETIMEDOUT: its file system does not answer */
  HELPER_STEP_FOLDER_CLONE = 18, /* FOLDER_MOUNT: EINVAL means that its mount is not to be bound elsewhere */
  /* FOLDER_MOUNT: EINVAL means that the file system can not be idmapped, EEXIST that the mount is already; the reply
     has the file system's type. */
  HELPER_STEP_FOLDER_IDMAP = 19,
  HELPER_STEP_FOLDER_LOCK = 20,  /* FOLDER_MOUNT: its flags could not be made to stay */
  HELPER_STEP_FOLDERS_BUSY = 21, /* FOLDER: as many of the user's as may be are being opened */
  HELPER_STEP_ADOPTABLE = 22, /* ADOPTABLE: ENOENT: there is no such container; ELOOP: a link is on the way */
  HELPER_STEP_TREE_MOUNTS = 23, /* TREE_MOUNT: EBUSY: something is mounted in it, which would be missed */
  HELPER_STEP_DEVICE =
      24, /* DEVICE_…: ENOENT: it is not there; ESTALE: another one is; EPERM: it is for no container */
  HELPER_STEP_DEVICE_ACCESS = 25, /* DEVICE_ACCESS: EACCES: the user may not open it */
  HELPER_STEP_DEVICE_NODE = 26,   /* DEVICE_NODE, DEVICE_REVOKE: on our own tmpfs */
  /* TREE_LAYER, LABEL: ENOENT: it has not got it, or nothing that could be labelled; EEXIST: something else has its place */
  HELPER_STEP_LABEL = 27,
  HELPER_STEP_TREE = 29,         /* TREE: mounting it; ENOENT: nothing was ever written into it */
  HELPER_STEP_TREE_PLACE = 30,   /* TREE…: where it is mounted */
  HELPER_STEP_TREE_WRITTEN = 31, /* TREE_CLOSE: EBUSY: some file is open to be written, or deleted and open */
  HELPER_STEP_HELD = 28, /* ADOPTABLE, TREE_LAYER, LABEL: EBUSY: the tool that made it has it running */
};

struct helper_reply {
  uint32_t version;
  uint32_t serial;
  int32_t error; /* 0, or an errno value */
  uint32_t step;
  int32_t number; /* SPAWN, HOLD: the process; TREE: the watch */
  uint32_t layer; /* index of the layer that failed */
  uint64_t bytes; /* QUOTA: what the project takes */
  uint64_t inodes;
  char filesystem[32]; /* NUL-terminated; FOLDER_MOUNT */
  char places
      [2]
      [128]; /* NUL-terminated; ADOPTABLE, ENOTUNIQ: directories that both have it, as far as there is room */
};
