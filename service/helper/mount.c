/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "privilege.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define PROPAGATION_PRIVATE (1u << 18) /* MS_PRIVATE; <sys/mount.h> and <linux/mount.h> do not mix */
#define PLACE               "/run"     /* exists on every host; covered in our own mount namespace only */

static const struct {
  const char *before, *after; /* the id in the path, below STATE */
  const char *nested;         /* what is wanted in that directory, if it is there */
  bool read_only;
} kinds[] = {
  [HELPER_LAYER_IMAGE] = { "layers/", "/root", NULL, true },
  [HELPER_LAYER_CONTAINER] = { "containers/", "/data", NULL, false },
  [HELPER_LAYER_NEW] = { "layers/.new-", "/root", NULL, false },
  [HELPER_LAYER_UPPER] = { "uppers/", "/data", NULL, false },
  [HELPER_LAYER_CONTAINER_BELOW] = { "containers/", "/data", "/upper", true },
  [HELPER_LAYER_UPPER_BELOW] = { "uppers/", "/data", "/upper", true },
  [HELPER_LAYER_VOLUME] = { "volumes/", "/data", NULL, false },
  [HELPER_LAYER_VOLUME_READ_ONLY] = { "volumes/", "/data", NULL, true },
};

/* No link is followed: what is in the directory is the container's own. */
static int
open_below (int state, const char *path)
{
  struct open_how how = {
    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };

  return (int)syscall (SYS_openat2, state, path, &how, sizeof how);
}

static int
open_layer (int state, const struct helper_layer *layer)
{
  const char *nested = kinds[layer->kind].nested;
  char path[128];
  int length =
      snprintf (path, sizeof path, "%s%s%s", kinds[layer->kind].before, layer->id, kinds[layer->kind].after);
  int fd = -1;

  if (nested != NULL) {
    snprintf (path + length, sizeof path - (size_t)length, "%s", nested);
    fd = open_below (state, path);
    path[length] = 0;
  }
  return fd >= 0 || (nested != NULL && errno != ENOENT) ? fd : open_below (state, path);
}

static int
clone_layer (int state, const struct helper_layer *layer, int userns, struct step_result *ret)
{
  struct mount_attr attributes = {
    .attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                (kinds[layer->kind].read_only ? MOUNT_ATTR_RDONLY : 0),
    .propagation = PROPAGATION_PRIVATE,
    .userns_fd = (uint64_t)userns,
  };
  AUTO_FD directory = open_layer (state, layer);
  int mount;

  if (directory < 0)
    return step_fail (ret, HELPER_STEP_OPEN, errno);
  mount = (int)syscall (SYS_open_tree, directory, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
  if (mount < 0)
    return step_fail (ret, HELPER_STEP_CLONE, errno);
  ret->fds[ret->n_fds++] = mount;
  if (syscall (SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    return step_fail (ret, HELPER_STEP_IDMAP, errno);
  return 0;
}

int
step_lock_flags (int mount, int userns, struct step_result *ret)
{
  struct mount_attr alone = { .propagation = PROPAGATION_PRIVATE };

  if (unshare (CLONE_NEWNS) < 0 ||
      syscall (SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &alone, sizeof alone) < 0 ||
      syscall (SYS_move_mount, mount, "", AT_FDCWD, PLACE, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
      setns (userns, CLONE_NEWUSER) < 0 || unshare (CLONE_NEWNS) < 0)
    return step_fail (ret, HELPER_STEP_FOLDER_LOCK, errno);
  ret->fds[0] = (int)syscall (SYS_open_tree, AT_FDCWD, PLACE, OPEN_TREE_CLONE | O_CLOEXEC);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_FOLDER_LOCK, errno);
  ret->n_fds = 1;
  return 0;
}

int
step_clone_layers (const struct helper_request *request, int userns, struct step_result *ret)
{
  AUTO_FD state = -1;

  /* Asked for here: EINVAL of mount_setattr(2) is to mean one thing only. */
  if (ioctl (userns, NS_GET_NSTYPE) != CLONE_NEWUSER)
    return step_fail (ret, HELPER_STEP_REQUEST, EINVAL);
  state = open (STATE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (state < 0)
    return step_fail (ret, HELPER_STEP_OPEN, errno);
  for (uint32_t i = 0; i < request->n_layers; i++) {
    ret->layer = i;
    int error = clone_layer (state, &request->layers[i], userns, ret);
    if (error != 0)
      return error;
  }
  ret->layer = 0;
  return 0;
}

int
step_mount (const struct packet *packet, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN) | CAPABILITY (CAP_DAC_READ_SEARCH), 0);

  return error != 0 ? step_fail (ret, HELPER_STEP_CAPABILITIES, error)
                    : step_clone_layers (&packet->request, packet->fds[0], ret);
}

int
step_volume (const struct packet *packet, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = step_clone_layers (&packet->request, packet->fds[0], ret);
  /* The mount that was cloned goes with this process. */
  return error != 0 ? error : step_lock_flags (ret->fds[0], packet->fds[0], ret);
}
