/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* An option of a new file system; VALUE NULL: a flag. A list ends with a NULL key. */
struct mount_option {
  const char *key;
  const char *value;
};

/*
 * Makes a mount of a new file system TYPE that is attached nowhere yet. ATTRIBUTES are MOUNT_ATTR_*
 * (mount_setattr(2)). Returns its fd, or a negative errno value of fsopen(2), fsconfig(2) or fsmount(2).
 */
int mount_new (const char *type, const struct mount_option *options, unsigned attributes);

/*
 * Clones the mount at PATH below DIRECTORY ("": DIRECTORY itself), without what is
 * mounted below it. Returns the clone's fd, or a negative errno value of open_tree(2).
 */
int mount_clone (int directory, const char *path);

/* Attaches the detached mount MOUNT on what TARGET refers to. 0, or a negative errno value of move_mount(2).
 */
int mount_attach (int mount, int target);

/*
 * As mount_new(), and attaches it on what TARGET refers to. Returns the mount's fd, or a negative errno value, also of
 * move_mount(2).
 */
int mount_new_on (int target, const char *type, const struct mount_option *options, unsigned attributes);

/*
 * Opens PATH inside the tree ROOT: a link anywhere on the way is an error (ELOOP), and
 * nothing leads out. The image wrote that tree. See openat2(2). Returns an fd or a negative errno value.
 */
int open_inside (int root, const char *path, int flags);

/* Opens the directory NAME, one component, directly below ROOT; made if missing. fd or negative errno. */
int open_directory_inside (int root, const char *name, mode_t mode);

/* Makes the empty file NAME below DIRECTORY, to mount on; it must not exist. O_PATH fd or negative errno. */
int make_mount_point (int directory, const char *name);
