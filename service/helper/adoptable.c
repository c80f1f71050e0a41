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

/* PATH, of which no part is a link, in DIRECTORY. Returns an fd or -1 with errno. */
static int
open_in (int directory, const char *path, uint64_t flags)
{
  struct open_how how = { .flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

  return (int)syscall (SYS_openat2, directory, path, &how, sizeof how);
}

/* The same below the directory TOP, which is root's own. */
static int
open_below (const char *top, const char *path, uint64_t flags)
{
  AUTO_FD directory = open (top, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return directory < 0 ? -1 : open_in (directory, path, flags);
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

  /* Where a name was cut off nobody would be found. */
  if (fd < 0 || length >= sizeof address.sun_path)
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

static const char *const incus[] = { "/var/lib/incus", "/var/lib/lxd", "/var/snap/lxd/common/lxd" };

#define N_INCUS (sizeof incus / sizeof *incus)

/* Whichever of them it is of: all of them run containers by LXC's library, whose monitor listens for them, too. */
static bool
incus_runs (const char *name)
{
  char path[128];
  bool runs = false;

  for (size_t i = 0; !runs && i < N_INCUS; i++) {
    snprintf (path, sizeof path, "%s/containers", incus[i]);
    runs = lxc_runs (path, name);
  }
  return runs;
}

static int
check_stopped (const struct helper_adoptable *adoptable, int tree, struct step_result *ret)
{
  bool runs;

  if (adoptable->kind == HELPER_ADOPTABLE_INCUS)
    runs = incus_runs (adoptable->name);
  else
    runs = adoptable->kind == HELPER_ADOPTABLE_LXC ? lxc_runs (LXC, adoptable->name)
                                                   : nspawn_runs (adoptable->name, tree);
  return runs ? step_fail (ret, HELPER_STEP_HELD, EBUSY) : 0;
}

/* ---- of Incus and LXD ---- */

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

  if (incus_runs (name))
    return step_fail (ret, HELPER_STEP_HELD, EBUSY);
  for (size_t i = 0; error == ENOENT && i < N_INCUS; i++) {
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
 * machinectl and systemd-nspawn -M; Incus and LXD look for the plain name; whoever makes another of that name makes another
 * directory. One rename makes it so, and one makes it as it was.
 */
struct label {
  int directory;        /* which has one of both names, or might; -1: of Incus' pools none has one */
  bool is_roots;        /* nobody else can rename what is there */
  unsigned int n_pools; /* of Incus: how many have that name */
  bool is_seen;         /* it seems to be there, with all that is in it: no file system is missing */
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

static bool
has_name (int directory, const char *name)
{
  struct stat st;

  return fstatat (directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
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

/* Look for NAME among the containers of POOL, one of the directory POOLS. */
static void
look_in_pool (int pools, const char *pool, const char *name, struct label *label)
{
  AUTO_FD top = open_in (pools, pool, O_RDONLY | O_DIRECTORY);
  AUTO_FD containers = top < 0 ? -1 : open_in (top, "containers", O_RDONLY | O_DIRECTORY);

  if (top < 0 && errno == ENOTDIR)
    return;
  /* Incus makes that in each of its pools. */
  if (containers < 0)
    label->is_seen = false;
  if (containers < 0 || !has_name (containers, name) || label->n_pools++ > 0)
    return;
  label->is_roots = is_roots_alone (top) && is_roots_alone (containers);
  label->directory = containers;
  containers = -1;
}

/* The same in all that TOP has, which is there. */
static void
look_in_pools (const char *top, const char *name, struct label *label)
{
  AUTO_FD pools = open_below (top, "storage-pools", O_RDONLY | O_DIRECTORY);
  AUTO_FD read = pools < 0 ? -1 : openat (pools, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = read < 0 ? NULL : fdopendir (read);
  const struct dirent *entry;

  if (listing == NULL) {
    label->is_seen = false;
    return;
  }
  read = -1;
  while ((entry = readdir (listing)) != NULL) {
    if (entry->d_name[0] != '.')
      look_in_pool (pools, entry->d_name, name, label);
  }
  closedir (listing);
}

/* Look in all pools for what is called NAME. */
static void
find_in_pools (const char *name, struct label *label)
{
  bool any = false;

  label->directory = -1;
  label->n_pools = 0;
  label->is_seen = true;
  for (size_t i = 0; i < N_INCUS; i++) {
    if (!has_name (AT_FDCWD, incus[i]))
      continue;
    any = true;
    look_in_pools (incus[i], name, label);
  }
  label->is_seen = label->is_seen && any;
}

/* Where it has our name or, if it has that nowhere, the plain one. EEXIST: nobody can say which of several is meant. */
static int
open_pool_label (bool take, struct label *label)
{
  bool ours;

  find_in_pools (label->ours, label);
  ours = label->directory >= 0;
  if (!ours)
    find_in_pools (label->plain, label);
  /* What was given back is one of those, whichever. */
  if (label->n_pools < 2 || (take && !ours))
    return 0;
  close (label->directory);
  return EEXIST;
}

static int
open_label (const struct helper_adoptable *adoptable, struct label *ret_label, struct step_result *ret)
{
  int error;

  snprintf (ret_label->plain, sizeof ret_label->plain, "%s", adoptable->name);
  snprintf (ret_label->ours, sizeof ret_label->ours, LABEL "%s.%s", adoptable->label, adoptable->name);
  if (adoptable->kind == HELPER_ADOPTABLE_INCUS)
    error = open_pool_label (adoptable->take != 0, ret_label);
  else {
    ret_label->directory =
        open_below (adoptable->kind == HELPER_ADOPTABLE_LXC ? LXC : MACHINES, ".", O_RDONLY | O_DIRECTORY);
    error = ret_label->directory < 0 ? errno : 0;
    ret_label->is_roots = error == 0 && is_roots_alone (ret_label->directory);
    ret_label->is_seen = error == 0 && !is_empty (ret_label->directory);
  }
  if (error != 0)
    return step_fail (ret, error == EEXIST ? HELPER_STEP_LABEL : HELPER_STEP_ADOPTABLE, error);
  /* What is given back is root's to look after again. */
  if (adoptable->take || ret_label->directory < 0 || ret_label->is_roots)
    return 0;
  close (ret_label->directory);
  return step_fail (ret, HELPER_STEP_LABEL, EPERM);
}

int
step_open_labelled (const struct helper_adoptable *adoptable, int *ret_fd, struct step_result *ret)
{
  struct label label;
  char path[300];
  int error = open_label (adoptable, &label, ret);
  AUTO_FD directory = error == 0 ? label.directory : -1;

  if (error != 0)
    return error;
  if (directory < 0 || !has_name (directory, label.ours))
    return step_fail (ret, HELPER_STEP_LABEL, ENOENT);
  snprintf (path, sizeof path, "%s%s", label.ours,
            adoptable->kind == HELPER_ADOPTABLE_NSPAWN ? "" : "/rootfs");
  *ret_fd = open_in (directory, path, O_RDONLY | O_DIRECTORY);
  if (*ret_fd < 0)
    return step_fail (ret, HELPER_STEP_ADOPTABLE, errno);
  return check_stopped (adoptable, *ret_fd, ret);
}

/* Nobody runs it who would look for it by its plain name, and what is in LXC's or Incus' directory of it, the tree, not everybody can put there. */
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
  if (adoptable->kind != HELPER_ADOPTABLE_NSPAWN && (st.st_mode & S_IWOTH) != 0)
    return step_fail (ret, HELPER_STEP_LABEL, EPERM);
  return check_stopped (adoptable, plain, ret);
}

/* Whether nothing is to be done: FROM is not in LABEL's directory because it is TO already, or with TAKE as root wanted it. */
static bool
is_done (const struct label *label, uint32_t take, const char *from, const char *to)
{
  if (label->directory >= 0 && has_name (label->directory, from))
    return false;
  if (label->directory >= 0 && has_name (label->directory, to))
    return !take || label->is_seen;
  return take == 2 && label->is_seen;
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
  if (is_done (&label, adoptable->take, from, to))
    return 0;
  if (directory < 0)
    return step_fail (ret, HELPER_STEP_LABEL, ENOENT);
  error = adoptable->take ? 0 : check_plain (adoptable, directory, from, ret);
  if (error != 0)
    return error;
  if (renameat2 (directory, from, directory, to, RENAME_NOREPLACE) < 0 || fsync (directory) < 0)
    return step_fail (ret, HELPER_STEP_LABEL, errno);
  return 0;
}
