/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzes what looks up a user in an image's passwd(5) and group(5). The input is the
 * name, the first file and the second one, with a NUL between them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A file that holds the N bytes at DATA; its path, which is valid until the next call with SLOT. */
static const char *
make_file (unsigned slot, const uint8_t *data, size_t n)
{
  static int fds[2] = { -1, -1 };
  static char paths[2][32];

  if (fds[slot] < 0 && (fds[slot] = memfd_create ("table", MFD_CLOEXEC)) < 0)
    abort ();
  if (ftruncate (fds[slot], 0) < 0 || pwrite (fds[slot], data, n, 0) != (ssize_t)n)
    abort ();
  snprintf (paths[slot], sizeof paths[slot], "/proc/self/fd/%d", fds[slot]);
  return paths[slot];
}

static void
check (const struct user *user)
{
  if (user->uid == UINT32_MAX || user->gid == UINT32_MAX || user->n_groups > USER_MAX_GROUPS)
    abort ();
  for (size_t i = 0; i < user->n_groups; i++)
    if (user->groups[i] == UINT32_MAX)
      abort ();
  if (strlen (user->name) >= USER_MAX_PATH || strlen (user->home) >= USER_MAX_PATH ||
      strlen (user->shell) >= USER_MAX_PATH)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const uint8_t *first = memchr (data, '\0', size);
  const uint8_t *end = data + size;
  const uint8_t *second;
  struct user user;

  if (!first)
    return 0;
  second = memchr (first + 1, '\0', (size_t)(end - first - 1));
  if (!second)
    second = end;
  const char *passwd = make_file (0, first + 1, (size_t)(second - first - 1));
  const char *group =
      make_file (1, second < end ? second + 1 : end, second < end ? (size_t)(end - second - 1) : 0);
  memset (&user, 0xff, sizeof user);
  if (user_lookup ((const char *)data, passwd, group, &user) == 0)
    check (&user);
  return 0;
}
