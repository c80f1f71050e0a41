/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers of root's that LXC or systemd-nspawn made, where these keep them. */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "privilege.h"

#define LXC      "/var/lib/lxc"
#define MACHINES "/var/lib/machines"
#define SETTINGS "/etc/systemd/nspawn"

/* PATH, of which no part is a link, below the directory TOP, which is root's own. Returns an fd or -1 with errno. */
static int
open_below (const char *top, const char *path, uint64_t flags)
{
  struct open_how how = { .flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
  AUTO_FD directory = open (top, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return directory < 0 ? -1 : (int)syscall (SYS_openat2, directory, path, &how, sizeof how);
}

/* The configuration at PATH below TOP, if a file is there. 0, or an errno value: there is one, and it can not be read. */
static int
add_configuration (const char *top, const char *path, struct step_result *ret)
{
  int fd = open_below (top, path, O_RDONLY);
  struct stat st;

  if (fd < 0)
    return errno == ENOENT ? 0 : errno;
  ret->fds[ret->n_fds++] = fd;
  return fstat (fd, &st) == 0 && S_ISREG (st.st_mode) ? 0 : EINVAL;
}

int
step_adoptable (const struct packet *packet, struct step_result *ret)
{
  const struct helper_adoptable *adoptable = &packet->request.adoptable;
  bool is_lxc = adoptable->kind == HELPER_ADOPTABLE_LXC;
  const char *top = is_lxc ? LXC : MACHINES;
  char tree[128], configuration[128];
  int error = privilege_reduce (CAPABILITY (CAP_DAC_READ_SEARCH), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  snprintf (tree, sizeof tree, "%s%s", adoptable->name, is_lxc ? "/rootfs" : "");
  snprintf (configuration, sizeof configuration, "%s%s", adoptable->name, is_lxc ? "/config" : ".nspawn");
  ret->fds[0] = open_below (top, tree, O_RDONLY | O_DIRECTORY);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_ADOPTABLE, errno);
  ret->n_fds = 1;
  error = is_lxc ? 0 : add_configuration (SETTINGS, configuration, ret);
  if (error == 0 && ret->n_fds == 1)
    error = add_configuration (top, configuration, ret);
  return error == 0 ? 0 : step_fail (ret, HELPER_STEP_ADOPTABLE, error);
}
