/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/*
 * What is below a container's control group: supervisor/, which its supervisor is born in,
 * payload/ for the container itself (cgroups(7), "no internal processes"), and copies/, root's, for what works on its files
 * from outside: that counts as the container's, goes on while it is frozen, and ends with it.
 */

#define GROUPS_SUPERVISOR "supervisor"
#define GROUPS_PAYLOAD    "payload"
#define GROUPS_COPIES     "copies"
#define GROUPS_MAX_FDS    16
/* More groups than a whole Debian has services; each takes kernel memory, which no limit of the container's
   counts where there is no controller for it. */
#define GROUPS_MAX_BELOW "4096"

struct groups {
  int fds[GROUPS_MAX_FDS]; /* [0] is supervisor/ itself; all of them are given to the container's root */
  unsigned int n_fds;
};

/* Closes the fds of GROUPS, which then has none; for the cleanup attribute. */
void groups_close (struct groups *groups);

/*
 * Makes what is below the group that is open as GROUP, and opens what of it is given to the container's root;
 * GROUP itself stays root's. RET, which has to be empty, gets fds that the caller closes with groups_close(),
 * also after an error. Returns 0 or an errno value of mkdirat(2), openat(2) or write(2).
 */
int groups_make (int group, struct groups *ret);

/*
 * Hands every controller that GROUP has on to what is below it. No process may be in GROUP itself. A
 * controller that cannot be handed on is left out: a container works without it.
 */
void groups_enable (int group);

/* Writes TEXT into the file NAME of GROUP in one piece. Returns 0 or an errno value of openat(2) or write(2). */
int groups_write (int group, const char *name, const char *text);

/*
 * Removes the control groups below the one that is open as GROUP, as far as no process is in them. TAKE: what
 * is looked into is made this process's own first, for who may do that (CAP_CHOWN, CAP_DAC_READ_SEARCH) but
 * is not its owner. What cannot be removed stays, without an error.
 */
void groups_clear (int group, bool take);
