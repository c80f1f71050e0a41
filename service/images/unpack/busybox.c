/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "busybox.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "describe.h"
#include "fd.h"
#include "privilege.h"
#include "make.h"

#define MAX_BINARY  (32u * 1024 * 1024)
#define MAX_LISTING (64u * 1024)

/* Hashed after the binary: to be changed whenever the tree that is made of it changes. */
static const char recipe[] = "bothy busybox root, 2\n";

struct text_file {
  const char *path;
  uint32_t mode;
  const char *text;
};

static const struct text_file text_files[] = {
  { "etc/passwd", 0644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
  { "etc/group", 0644, "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n" },
  { "etc/shadow", 0600, "root:*:::::::\nnobody:*:::::::\n" },
  { "etc/shells", 0644, "/bin/sh\n" },
  { "etc/profile", 0644, "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n" },
  { "etc/hosts", 0644, "127.0.0.1 localhost\n::1 localhost\n" },
  { "etc/inittab", 0644,
    "::askfirst:-/bin/sh\n"
    "::ctrlaltdel:/bin/poweroff\n"
    "::shutdown:/bin/true\n"
    "::restart:/sbin/init\n" },
};

static const struct text_file directories[] = {
  { "", 0755, NULL },        { "bin", 0755, NULL },      { "sbin", 0755, NULL },    { "dev", 0755, NULL },
  { "etc", 0755, NULL },     { "home", 0755, NULL },     { "mnt", 0755, NULL },     { "proc", 0755, NULL },
  { "root", 0700, NULL },    { "run", 0755, NULL },      { "sys", 0755, NULL },     { "tmp", 01777, NULL },
  { "usr/bin", 0755, NULL }, { "usr/sbin", 0755, NULL }, { "usr/lib", 0755, NULL }, { "var/log", 0755, NULL },
  { "var/lib", 0755, NULL }, { "var/tmp", 01777, NULL },
};

static bool
read_all (int fd, unsigned char *data, size_t limit, size_t *ret_size)
{
  *ret_size = 0;
  while (*ret_size < limit) {
    ssize_t part = read (fd, data + *ret_size, limit - *ret_size);

    if (part == 0)
      return true;
    if (part < 0 && errno != EINTR)
      return false;
    if (part > 0)
      *ret_size += (size_t)part;
  }
  errno = EFBIG;
  return false;
}

/* In a child: runs the binary with nothing but the tree, and no capability at all. */
static void
run_binary (struct job *job, int source, int root, int output, const char *option)
{
  char name[] = "busybox";
  char *arguments[] = { name, (char *)(uintptr_t)option, NULL };
  char *environment[] = { NULL };
  struct rlimit seconds = { 5, 5 };

  if (dup2 (output, 1) < 0 || dup2 (output, 2) < 0 || dup2 (source, 3) < 0 || fchdir (root) < 0 ||
      chroot (".") < 0 || syscall (SYS_close_range, 4, ~0u, 0) < 0)
    _exit (126);
  fcntl (3, F_SETFD, FD_CLOEXEC);
  alarm (10);
  if (setrlimit (RLIMIT_CPU, &seconds) < 0 || !confine_limits (job) || privilege_reduce (0, 0) != 0)
    _exit (126);
  /* By fd: the tree's file system may be mounted noexec, and need not hold the binary yet. */
  syscall (SYS_execveat, 3, "", arguments, environment, AT_EMPTY_PATH);
  _exit (126);
}

/* What the binary prints with OPTION, NUL-terminated; NULL: the job failed. */
static char *
capture (struct job *job, int source, int root, const char *option)
{
  char *text = malloc (MAX_LISTING + 1);
  int ends[2] = { -1, -1 };
  size_t size = 0;
  int status = -1;
  pid_t pid = -1;
  bool read_it = false;

  if (text != NULL && pipe2 (ends, O_CLOEXEC) == 0)
    pid = fork ();
  if (pid == 0)
    run_binary (job, source, root, ends[1], option);
  if (ends[1] >= 0)
    close (ends[1]);
  if (pid > 0) {
    read_it = read_all (ends[0], (unsigned char *)text, MAX_LISTING, &size);
    if (!read_it)
      kill (pid, SIGKILL);
    waitpid (pid, &status, 0);
  }
  if (ends[0] >= 0)
    close (ends[0]);
  if (read_it && WIFEXITED (status) && WEXITSTATUS (status) == 0) {
    text[size] = '\0';
    return text;
  }
  free (text);
  job_fail (job, UNPACK_IO, ENOEXEC, "This machine's busybox does not run by itself");
  return NULL;
}

/* "BusyBox v1.35.0 (Debian …) multi-call binary." */
static void
read_version (const char *banner, struct busybox *ret)
{
  const char *number = strstr (banner, " v");
  size_t length = number != NULL ? strspn (number + 2, "0123456789.") : 0;

  if (length == 0 || length >= sizeof ret->version) {
    memcpy (ret->version, "0", sizeof "0");
    return;
  }
  memcpy (ret->version, number + 2, length);
  ret->version[length] = '\0';
}

static void
hash (struct job *job, const struct busybox *busybox)
{
  struct sha256_ctx context;

  sha256_init (&context);
  sha256_update (&context, busybox->size, busybox->binary);
  sha256_update (&context, sizeof recipe - 1, (const uint8_t *)recipe);
  sha256_digest (&context, sizeof job->sha256, job->sha256);
}

bool
busybox_load (struct job *job, int source, int root, struct busybox *ret)
{
  char *banner;

  *ret = (struct busybox){ .binary = malloc (MAX_BINARY) };
  if (ret->binary == NULL || !read_all (source, ret->binary, MAX_BINARY, &ret->size))
    return job_fail_errno (job, "busybox", "reading it");
  atomic_store (&job->bytes_in, ret->size);
  if (!describe_is_static (ret->binary, ret->size))
    return job_fail (job, UNPACK_NOT_STATIC, 0, "This machine's busybox needs shared libraries");
  hash (job, ret);
  ret->applets = capture (job, source, root, "--list");
  banner = ret->applets != NULL ? capture (job, source, root, NULL) : NULL;
  if (banner == NULL)
    return false;
  read_version (banner, ret);
  free (banner);
  return true;
}

static bool
write_file (struct tree *tree, const char *path, uint32_t mode, const void *data, size_t size)
{
  struct tree_attributes attributes = { .mode = mode, .mtime = { .tv_nsec = UTIME_OMIT } };
  AUTO_FD fd = tree_begin_file (tree, path, mode);

  return fd >= 0 && tree_write (tree, fd, path, data, size) && tree_end_file (tree, fd, path, &attributes);
}

static bool
link_applets (struct tree *tree, const char *applets)
{
  const struct tree_attributes attributes = { .mtime = { .tv_nsec = UTIME_OMIT } };
  char path[64];

  while (*applets != '\0') {
    size_t length = strcspn (applets, "\n");
    bool is_name = length > 0 && length < 32 && memchr (applets, '/', length) == NULL && applets[0] != '.';

    if (is_name && !(length == 7 && memcmp (applets, "busybox", 7) == 0)) {
      snprintf (path, sizeof path, "bin/%.*s", (int)length, applets);
      if (!tree_make_symlink (tree, path, "busybox", &attributes))
        return false;
    }
    applets += length + (applets[length] == '\n' ? 1 : 0);
  }
  return tree_make_symlink (tree, "sbin/init", "../bin/busybox", &attributes);
}

static bool
write_os_release (struct tree *tree, const char *version)
{
  char text[256];

  snprintf (text, sizeof text, "ID=busybox\nNAME=BusyBox\nVERSION_ID=%s\nPRETTY_NAME=\"BusyBox %s\"\n",
            version, version);
  return write_file (tree, "etc/os-release", 0644, text, strlen (text));
}

static bool
fill (struct tree *tree, const struct busybox *busybox)
{
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
    struct tree_attributes attributes = { .mode = directories[i].mode, .mtime = { .tv_nsec = UTIME_OMIT } };

    if (!tree_make_directory (tree, directories[i].path, &attributes))
      return false;
  }
  if (!write_file (tree, "bin/busybox", 0755, busybox->binary, busybox->size) ||
      !link_applets (tree, busybox->applets) || !write_os_release (tree, busybox->version))
    return false;
  for (size_t i = 0; i < sizeof text_files / sizeof *text_files; i++)
    if (!write_file (tree, text_files[i].path, text_files[i].mode, text_files[i].text,
                     strlen (text_files[i].text)))
      return false;
  return tree_end_directories (tree);
}

bool
busybox_install (struct job *job, const struct busybox *busybox, int root)
{
  struct tree tree;
  bool done;

  tree_init (&tree, job, root);
  done = fill (&tree, busybox);
  tree_clear (&tree);
  return done;
}
