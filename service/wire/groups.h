/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is below a container's control group: supervisor/, which its supervisor is born in,
 * and payload/ for the container itself (cgroups(7), "no internal processes").
 */

#define GROUPS_SUPERVISOR "supervisor"
#define GROUPS_PAYLOAD    "payload"
#define GROUPS_MAX_FDS    16
/* More groups than a whole Debian has services; each takes kernel memory, which no limit of the container's
   counts where there is no controller for it. */
#define GROUPS_MAX_BELOW "4096"

struct groups {
  int fds[GROUPS_MAX_FDS]; /* [0] is supervisor/ itself; all of them are given to the container's root */
  unsigned int n_fds;
};

/* For the cleanup attribute: closes them. */
void groups_close (struct groups *groups);

/* Makes what is below the group that is open as GROUP, and opens what is given away. The group itself
   stays root's. Returns 0 or an errno value. */
int groups_make (int group, struct groups *ret);

/* Hands every controller that GROUP has on to what is below it; without one it still works. No process may be
   in GROUP itself. */
void groups_enable (int group);

/* Writes TEXT into the file NAME of GROUP. Returns 0 or an errno value. */
int groups_write (int group, const char *name, const char *text);
