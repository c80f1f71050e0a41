/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a program got the socket that it serves. */
enum activation {
  ACTIVATION_NONE,       /* by nobody: it has nothing to serve */
  ACTIVATION_CONNECTION, /* --connection FD: one connection, then the end */
  ACTIVATION_LISTENING,  /* by systemd, as sd_listen_fds(3) describes */
};

/*
 * Looks at the command line and the environment for a socket. RET_FD gets it, made close-on-exec, unless the
 * result is ACTIVATION_NONE: the caller owns it.
 */
enum activation activation_find (int argc, char **argv, int *ret_fd);

/* How many fds systemd kept for this program beside the one of activation_find(); RET_FIRST is the first of them, and they
   follow each other. They become the caller's, and closed on exec. To be called once. */
unsigned int activation_stored (int *ret_first);

/* Leaves a copy of FD with systemd as NAME, for the program's next start; FD stays the caller's. Without systemd nothing
   happens. */
void activation_store (const char *name, int fd);

/* Has systemd close what was stored as NAME. */
void activation_discard (const char *name);
