/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What Landlock can take away from a process; see landlock(7) and the kernel's landlock.rst. The numbers are
 * the kernel's. They stand here because the headers that we build with are older than what kernels can do.
 */

#define LANDLOCK_FILES_EXECUTE   (UINT64_C (1) << 0)
#define LANDLOCK_FILES_READ_FILE (UINT64_C (1) << 2)
#define LANDLOCK_FILES_READ_DIR  (UINT64_C (1) << 3)
#define LANDLOCK_FILES_IOCTL_DEV (UINT64_C (1) << 15)
#define LANDLOCK_FILES_CONNECT   (UINT64_C (1) << 16) /* to a socket that has a path */
#define LANDLOCK_FILES_ALL       ((UINT64_C (1) << 17) - 1)

#define LANDLOCK_NET_LISTEN_TCP (UINT64_C (1) << 0)
#define LANDLOCK_NET_ALL        ((UINT64_C (1) << 4) - 1) /* bind and connect; TCP and UDP */

#define LANDLOCK_SCOPES_ALL UINT64_C (3) /* abstract sockets and signals reach no process but our own */

struct landlock_rules {
  uint64_t files;   /* LANDLOCK_FILES_… that are taken away, */
  uint64_t allowed; /* but for these, below the */
  const int *roots; /* directories that are open as these fds */
  size_t n_roots;
  uint64_t net;    /* LANDLOCK_NET_… that are taken away */
  uint64_t scopes; /* LANDLOCK_SCOPES_… that are closed */
};

/*
 * Takes away from all threads of this process, for good, what of RULES the running kernel knows how to: where
 * it has no Landlock, or only its first version, nothing. (That version cannot allow links between
 * directories.) Needs no_new_privs. Returns 0, or an errno value of the three landlock_ calls: then nothing was
 * taken away.
 */
int landlock_restrict (const struct landlock_rules *rules);
