/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <unistd.h>

/* An int that is closed when it leaves its scope; -1 is none. (g_autofd, from GLib 2.76 on.) */
static inline void
bothy_clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

/* A duplicate of FD, closed on exec, which is the caller's. -1 with LIMITS_EXCEEDED: no more can be open; with FAILED
   for other reasons, such as an FD that is none. */
int bothy_fd_dup (int fd, GError **error);

#define autofd __attribute__ ((cleanup (bothy_clear_fd))) int
