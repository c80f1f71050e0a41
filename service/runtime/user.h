/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define USER_MAX_GROUPS 64
#define USER_MAX_PATH   256

/* Who a program inside runs as. NAME, HOME and SHELL are "" where the image knows none. */
struct user {
  uid_t uid;
  gid_t gid;
  gid_t groups[USER_MAX_GROUPS];
  size_t n_groups;
  char name[USER_MAX_PATH];
  char home[USER_MAX_PATH];
  char shell[USER_MAX_PATH];
};

/*
 * Reads TEXT as an id: decimal digits only, the whole string, no leading zero, below
 * 2³²−1 (which means "no id" to the kernel). Nothing falls back to 0. Returns false if it is not one.
 */
bool user_parse_id (const char *text, uint32_t *id);

/*
 * Finds SPEC as docker does: USER, USER:GROUP, :GROUP; each a name or a number, and no USER is root. They are looked up in
 * the image's passwd(5) and group(5), named by their paths. A number need not be in them: the user's group is then 0.
 * Without GROUP the supplementary groups are those of the group file; with it there are none.
 * Returns 0, -EINVAL if SPEC is malformed, -ENOENT if there is no such user, -ESRCH if there is no such group,
 * or a negative errno value of open(2).
 */
int user_lookup (const char *spec, const char *passwd_path, const char *group_path, struct user *user);

/* The same by the files in /etc of the tree ROOT, a directory: links there lead nowhere out of it. */
int user_lookup_in (int root, const char *spec, struct user *user);
