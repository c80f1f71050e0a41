/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

/* A seccomp program, as seccomp_export_bpf(3) writes it. */
struct filter {
  struct sock_filter *code;
  unsigned short length;
};

/* Reads FILTER from FD. 0, -EINVAL if it is not whole instructions (1…BPF_MAXINSNS), or a negative errno
 * value. */
int filter_read (struct filter *filter, int fd);

/*
 * Loads FILTER for this process and all that it starts. Without no_new_privs, since setuid programs inside
 * are to work: it takes CAP_SYS_ADMIN in the user namespace (seccomp(2)). 0 or a negative errno value.
 */
int filter_load (const struct filter *filter);

/*
 * Takes the capabilities that make no sense in a container out of the bounding set for good and makes
 * all other sets explicit: inheritable and ambient empty. 0 or a negative errno value; see capabilities(7).
 */
int capabilities_limit (void);
