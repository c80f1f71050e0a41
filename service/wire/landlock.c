/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

#define RESTRICT_ALL_THREADS (1u << 3) /* LANDLOCK_RESTRICT_SELF_TSYNC */

/* struct landlock_ruleset_attr as it is today. */
struct ruleset {
  uint64_t files;
  uint64_t net;
  uint64_t scopes;
};

/* What each version of Landlock's interface added. A kernel takes no size and no bit that it does not know. */
static const struct {
  int version;
  struct ruleset added;
  size_t size;    /* of struct ruleset, from then on */
  uint32_t flags; /* of landlock_restrict_self(2) */
} versions[] = {
  { 2, { .files = (UINT64_C (1) << 14) - 1 }, 8, 0 }, /* Linux 5.19: links between directories */
  { 3, { .files = UINT64_C (1) << 14 }, 8, 0 },       /* 6.2: truncation */
  { 4, { .net = 3 }, 16, 0 },                         /* 6.7: TCP */
  { 5, { .files = UINT64_C (1) << 15 }, 16, 0 },      /* 6.10: ioctl(2) of devices */
  { 6, { .scopes = 3 }, 24, 0 },                      /* 6.12: abstract sockets, signals */
  { 8, { .scopes = 0 }, 24, RESTRICT_ALL_THREADS },   /* 7.0; 7 is about the audit log */
  { 9, { .files = UINT64_C (1) << 16 }, 24, 0 },      /* 7.1: sockets that have a path */
  { 10, { .net = 3 << 2 }, 24, 0 },                   /* 7.2: UDP */
};

static int
create_ruleset (const struct landlock_rules *rules, const struct ruleset *known, size_t size)
{
  struct ruleset wanted = {
    .files = rules->files & known->files,
    .net = rules->net & known->net,
    .scopes = rules->scopes & known->scopes,
  };

  return (int)syscall (SYS_landlock_create_ruleset, &wanted, size, 0);
}

int
landlock_restrict (const struct landlock_rules *rules)
{
  int version = (int)syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  struct ruleset known = { 0 };
  uint32_t flags = 0;
  size_t size = 0;
  AUTO_FD ruleset = -1;

  for (size_t i = 0; i < sizeof versions / sizeof *versions && versions[i].version <= version; i++) {
    known.files |= versions[i].added.files;
    known.net |= versions[i].added.net;
    known.scopes |= versions[i].added.scopes;
    flags |= versions[i].flags;
    size = versions[i].size;
  }
  if (size == 0)
    return 0;
  ruleset = create_ruleset (rules, &known, size);
  if (ruleset < 0)
    return errno;
  for (size_t i = 0; i < rules->n_roots; i++) {
    struct landlock_path_beneath_attr below = { .allowed_access = rules->allowed & rules->files & known.files,
                                                .parent_fd = rules->roots[i] };

    if (syscall (SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
      return errno;
  }
  return syscall (SYS_landlock_restrict_self, ruleset, flags) < 0 ? errno : 0;
}
