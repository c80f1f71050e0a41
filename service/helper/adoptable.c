/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers of root's that LXC, systemd-nspawn, Incus or LXD made, where these keep them. */
#include "step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "privilege.h"

#define LXC          "/var/lib/lxc"
#define MACHINES     "/var/lib/machines"
#define SETTINGS     "/etc/systemd/nspawn"
#define NSPAWN_LOCKS "/run/systemd/nspawn/locks"
#define LABEL        ".adopted-by-bothy." /* and of whom: the id of a layer */

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

/* ---- whether its own tool has it running ---- */

/* Whether DIAG, one answer of the kernel's of LENGTH bytes, is about a socket called NAME (abstract, SIZE bytes) that root made. */
static bool
is_roots (const struct unix_diag_msg *diag, size_t length, const char *name, size_t size)
{
  const struct rtattr *attribute = (const struct rtattr *)(diag + 1);
  size_t rest = length - sizeof *diag;
  bool named = false, roots = true;

  for (; RTA_OK (attribute, rest); attribute = RTA_NEXT (attribute, rest)) {
    if (attribute->rta_type == UNIX_DIAG_NAME)
      named = RTA_PAYLOAD (attribute) == size && memcmp (RTA_DATA (attribute), name, size) == 0;
    else if (attribute->rta_type == UNIX_DIAG_UID)
      roots = *(const uint32_t *)RTA_DATA (attribute) == 0;
  }
  return named && roots;
}

/* What came of it in LENGTH bytes of BUFFER: 1: such a socket of root's, 0: there are none, -1: it goes on. */
static int
look_through (const char *buffer, ssize_t length, const char *name, size_t size)
{
  const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
  size_t rest = length < 0 ? 0 : (size_t)length;

  if (rest == 0)
    return 1;
  for (; NLMSG_OK (header, rest); header = NLMSG_NEXT (header, rest)) {
    if (header->nlmsg_type == NLMSG_DONE)
      return 0;
    if (header->nlmsg_type == NLMSG_ERROR ||
        header->nlmsg_len < NLMSG_LENGTH (sizeof (struct unix_diag_msg)) ||
        is_roots (NLMSG_DATA (header), header->nlmsg_len - NLMSG_HDRLEN, name, size))
      return 1;
  }
  return -1;
}

/* Whether root listens on the abstract socket NAME of SIZE bytes, or that can not be found out: of one that takes no more
   connections nobody learns by connecting whose it is. */
static bool
root_listens (const char *name, size_t size)
{
  struct {
    struct nlmsghdr header;
    struct unix_diag_req body;
  } request = { { .nlmsg_len = sizeof request,
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                { .sdiag_family = AF_UNIX,
                  .udiag_states = 1U << TCP_LISTEN,
                  .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID } };
  AUTO_FD fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  _Alignas (struct nlmsghdr) char buffer[16384];
  int found = -1;

  if (fd < 0 || send (fd, &request, sizeof request, 0) != sizeof request)
    return true;
  while (found < 0)
    found = look_through (buffer, recv (fd, buffer, sizeof buffer, 0), name, size);
  return found != 0;
}

/* Whether LXC's monitor of it listens: on a socket that has this name. Anybody could have made that, so it counts if root did. */
static bool
lxc_runs (const char *directory, const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  size_t length = 1 + (size_t)snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "%s/%s/command",
                                        directory, name);
  AUTO_FD fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct ucred peer;
  socklen_t size = sizeof peer;

  if (fd < 0)
    return true;
  if (connect (fd, (struct sockaddr *)&address,
               (socklen_t)(offsetof (struct sockaddr_un, sun_path) + length)) < 0)
    return errno == EAGAIN && root_listens (address.sun_path, length);
  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid == 0;
}

/* Whether somebody has the file PATH below TOP locked, in either of the ways of systemd's versions. */
static bool
is_locked (const char *top, const char *path)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  AUTO_FD fd = open_below (top, path, O_RDONLY);

  if (fd < 0)
    return false;
  if (fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
    return true;
  /* It goes with the fd. */
  return flock (fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* systemd-nspawn locks the name of a machine, and its directory, whatever that is called. */
static bool
nspawn_runs (const char *name, int tree)
{
  char path[128];
  struct stat st;

  snprintf (path, sizeof path, ".#%s.lck", name);
  if (is_locked (MACHINES, path))
    return true;
  if (fstat (tree, &st) < 0)
    return true;
  snprintf (path, sizeof path, "inode-%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
  return is_locked (NSPAWN_LOCKS, path);
}

static int
check_stopped (const struct helper_adoptable *adoptable, int tree, struct step_result *ret)
{
  bool runs = adoptable->kind == HELPER_ADOPTABLE_LXC ? lxc_runs (LXC, adoptable->name)
                                                      : nspawn_runs (adoptable->name, tree);

  return runs ? step_fail (ret, HELPER_STEP_HELD, EBUSY) : 0;
}

/* ---- of Incus and LXD ---- */

static const char *const incus[] = { "/var/lib/incus", "/var/lib/lxd", "/var/snap/lxd/common/lxd" };

/* The container NAME of POOL, one of the directory POOLS. 0, or an errno value; ENOENT: it has none, ENOTUNIQ: another was found before. */
static int
open_in_pool (const char *pools, const char *pool, const char *name, struct step_result *ret)
{
  char path[512];

  /* Of which one it is, or which is the second. */
  snprintf (ret->places[ret->n_fds > 0], sizeof ret->places[0], "%.62s/%.64s", pools, pool);
  if (ret->n_fds > 0) {
    snprintf (path, sizeof path, "%s/containers/%s/rootfs", pool, name);
    AUTO_FD second = open_below (pools, path, O_RDONLY | O_DIRECTORY);
    return second >= 0 ? ENOTUNIQ : ENOENT;
  }
  snprintf (path, sizeof path, "%s/containers/%s/rootfs", pool, name);
  ret->fds[0] = open_below (pools, path, O_RDONLY | O_DIRECTORY);
  if (ret->fds[0] < 0)
    return errno == ENOTDIR ? ENOENT : errno;
  ret->n_fds = 1;
  snprintf (path, sizeof path, "%s/containers/%s/backup.yaml", pool, name);
  return add_configuration (pools, path, ret);
}

/* In whichever pool it is. ENOENT: no pool has a second one, and if RET has no fd, none has one. */
static int
open_in_pools (const char *pools, const char *name, struct step_result *ret)
{
  DIR *listing = opendir (pools);
  const struct dirent *entry;
  int error = ENOENT;

  while (listing != NULL && error == ENOENT && (entry = readdir (listing)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    error = open_in_pool (pools, entry->d_name, name, ret);
    if (error == 0)
      error = ENOENT;
  }
  if (listing != NULL)
    closedir (listing);
  return error;
}

static int
open_incus (const char *name, struct step_result *ret)
{
  char path[128];
  int error = ENOENT;

  for (size_t i = 0; error == ENOENT && i < sizeof incus / sizeof *incus; i++) {
    snprintf (path, sizeof path, "%s/containers", incus[i]);
    if (lxc_runs (path, name))
      return step_fail (ret, HELPER_STEP_HELD, EBUSY);
    snprintf (path, sizeof path, "%s/storage-pools", incus[i]);
    error = open_in_pools (path, name, ret);
  }
  /* Of two nobody says which is meant, and one of them may run. */
  return error == ENOENT && ret->n_fds > 0 ? 0 : step_fail (ret, HELPER_STEP_ADOPTABLE, error);
}

/* ---- opened as it is ---- */

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
  if (adoptable->kind == HELPER_ADOPTABLE_INCUS)
    return open_incus (adoptable->name, ret);
  snprintf (tree, sizeof tree, "%s%s", adoptable->name, is_lxc ? "/rootfs" : "");
  snprintf (configuration, sizeof configuration, "%s%s", adoptable->name, is_lxc ? "/config" : ".nspawn");
  ret->fds[0] = open_below (top, tree, O_RDONLY | O_DIRECTORY);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_ADOPTABLE, errno);
  ret->n_fds = 1;
  error = check_stopped (adoptable, ret->fds[0], ret);
  if (error != 0)
    return error;
  error = is_lxc ? 0 : add_configuration (SETTINGS, configuration, ret);
  if (error == 0 && ret->n_fds == 1)
    error = add_configuration (top, configuration, ret);
  return error == 0 ? 0 : step_fail (ret, HELPER_STEP_ADOPTABLE, error);
}

/* ---- labelled ---- */

/*
 * The label is a name of its directory. One that begins with a dot is no container for LXC and its tools, and no machine for
 * machinectl and systemd-nspawn -M; whoever makes another of the plain name makes another directory. One rename makes it so, and
 * one makes it as it was.
 */
struct label {
  int directory; /* which has both names */
  char plain[80], ours[256];
};

/* Whether nobody but root can rename what is in DIRECTORY, or in one that is in it. */
static bool
is_roots_alone (int directory)
{
  struct stat st;

  return fstat (directory, &st) == 0 && st.st_uid == 0 && (st.st_mode & S_IWOTH) == 0 &&
         ((st.st_mode & S_IWGRP) == 0 || st.st_gid == 0);
}

static int
open_label (const struct helper_adoptable *adoptable, struct label *ret_label, struct step_result *ret)
{
  snprintf (ret_label->plain, sizeof ret_label->plain, "%s", adoptable->name);
  snprintf (ret_label->ours, sizeof ret_label->ours, LABEL "%s.%s", adoptable->label, adoptable->name);
  ret_label->directory =
      open_below (adoptable->kind == HELPER_ADOPTABLE_LXC ? LXC : MACHINES, ".", O_RDONLY | O_DIRECTORY);
  if (ret_label->directory < 0)
    return step_fail (ret, HELPER_STEP_ADOPTABLE, errno);
  /* What is given back is root's to look after again. */
  if (adoptable->take || is_roots_alone (ret_label->directory))
    return 0;
  close (ret_label->directory);
  return step_fail (ret, HELPER_STEP_LABEL, EPERM);
}

static bool
has_name (int directory, const char *name)
{
  struct stat st;

  return fstatat (directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
step_open_labelled (const struct helper_adoptable *adoptable, int *ret_fd, struct step_result *ret)
{
  bool is_lxc = adoptable->kind == HELPER_ADOPTABLE_LXC;
  struct label label;
  char path[300];
  int error = open_label (adoptable, &label, ret);
  AUTO_FD directory = error == 0 ? label.directory : -1;

  if (error != 0)
    return error;
  if (!has_name (directory, label.ours))
    return step_fail (ret, HELPER_STEP_LABEL, ENOENT);
  snprintf (path, sizeof path, "%s%s", label.ours, is_lxc ? "/rootfs" : "");
  *ret_fd = open_below (is_lxc ? LXC : MACHINES, path, O_RDONLY | O_DIRECTORY);
  if (*ret_fd < 0)
    return step_fail (ret, HELPER_STEP_ADOPTABLE, errno);
  return check_stopped (adoptable, *ret_fd, ret);
}

/* Nobody runs it who would look for it by its plain name, and what is in LXC's directory of it, the tree, not everybody can put there. */
static int
check_plain (const struct helper_adoptable *adoptable,
             int directory,
             const char *name,
             struct step_result *ret)
{
  AUTO_FD plain = openat (directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;

  if (plain < 0 || fstat (plain, &st) < 0)
    return step_fail (ret, HELPER_STEP_LABEL, errno);
  if (adoptable->kind == HELPER_ADOPTABLE_LXC && (st.st_mode & S_IWOTH) != 0)
    return step_fail (ret, HELPER_STEP_LABEL, EPERM);
  return check_stopped (adoptable, plain, ret);
}

/* Whether nothing is in DIRECTORY, as in one that a file system is mounted on later. */
static bool
is_empty (int directory)
{
  AUTO_FD fd = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = fd < 0 ? NULL : fdopendir (fd);
  const struct dirent *entry;

  if (listing == NULL)
    return true;
  fd = -1;
  while ((entry = readdir (listing)) != NULL &&
         (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0))
    ;
  closedir (listing);
  return entry == NULL;
}

int
step_label (const struct packet *packet, struct step_result *ret)
{
  const struct helper_adoptable *adoptable = &packet->request.adoptable;
  int error = privilege_reduce (CAPABILITY (CAP_DAC_READ_SEARCH), 0);
  struct label label;
  const char *from, *to;

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = open_label (adoptable, &label, ret);
  AUTO_FD directory = error == 0 ? label.directory : -1;
  if (error != 0)
    return error;
  from = adoptable->take ? label.ours : label.plain;
  to = adoptable->take ? label.plain : label.ours;
  if (!has_name (directory, from) &&
      (has_name (directory, to) || (adoptable->take == 2 && !is_empty (directory))))
    return 0;
  error = adoptable->take ? 0 : check_plain (adoptable, directory, from, ret);
  if (error != 0)
    return error;
  if (renameat2 (directory, from, directory, to, RENAME_NOREPLACE) < 0 || fsync (directory) < 0)
    return step_fail (ret, HELPER_STEP_LABEL, errno);
  return 0;
}
