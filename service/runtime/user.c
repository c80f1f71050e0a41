/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "user.h"

#include "autofd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_FILE   (4 * 1024 * 1024) /* of passwd and group; the image writes them */
#define MAX_FIELDS 8

bool
user_parse_id (const char *text, uint32_t *id)
{
  uint64_t value = 0;

  if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
    return false;
  for (const char *c = text; *c; c++) {
    if (*c < '0' || *c > '9')
      return false;
    value = value * 10 + (uint64_t)(*c - '0');
    if (value >= UINT32_MAX)
      return false;
  }
  *id = (uint32_t)value;
  return true;
}

/* Cuts LINE at its colons. */
static size_t
split_fields (char *line, char *fields[MAX_FIELDS])
{
  size_t n = 0;

  line[strcspn (line, "\n")] = '\0';
  while (line && n < MAX_FIELDS)
    fields[n++] = strsep (&line, ":");
  return n;
}

/*
 * Opens a file that the image wrote: perhaps a FIFO or a device, perhaps huge; below ROOT, as who is inside that tree
 * sees it, unless ROOT is -1. *RET is NULL when there is none.
 */
static int
open_table (int root, const char *path, FILE **ret)
{
  struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                          .resolve = root < 0 ? 0 : RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
  struct stat st;
  autofd fd = (int)syscall (SYS_openat2, root < 0 ? AT_FDCWD : root, path, &how, sizeof how);

  *ret = NULL;
  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
  if (fstat (fd, &st) < 0)
    return -errno;
  if (!S_ISREG (st.st_mode) || st.st_size > MAX_FILE)
    return -EINVAL;
  *ret = fdopen (fd, "re");
  if (!*ret)
    return -ENOMEM;
  (void)steal_fd (&fd);
  return 0;
}

static void
close_table (FILE **table)
{
  if (*table)
    fclose (*table);
}

static bool
copy_field (char to[USER_MAX_PATH], const char *from)
{
  return snprintf (to, USER_MAX_PATH, "%s", from) < USER_MAX_PATH;
}

/* Takes a line of passwd(5) if it is that of NAME, or of ID when NAME is NULL. */
static bool
match_user (char *line, const char *name, uint32_t id, struct user *user)
{
  char *fields[MAX_FIELDS];
  uint32_t uid, gid;

  if (split_fields (line, fields) != 7 || fields[0][0] == '\0')
    return false;
  if (!user_parse_id (fields[2], &uid) || !user_parse_id (fields[3], &gid))
    return false;
  if (name ? strcmp (name, fields[0]) != 0 : uid != id)
    return false;
  if (!copy_field (user->name, fields[0]) || !copy_field (user->home, fields[5]) ||
      !copy_field (user->shell, fields[6]))
    return false;
  user->uid = uid;
  user->gid = gid;
  return true;
}

/* 0, 1 if there is no such line, or a negative errno value. */
static int
find_user (int root, const char *path, const char *name, uint32_t id, struct user *user)
{
  __attribute__ ((cleanup (close_table))) FILE *table = NULL;
  autofree char *line = NULL;
  size_t room = 0;
  int r = open_table (root, path, &table);

  if (r < 0)
    return r;
  while (table && getline (&line, &room, table) >= 0)
    if (match_user (line, name, id, user))
      return 0;
  return 1;
}

static bool
has_member (char *members, const char *name)
{
  for (char *member; (member = strsep (&members, ","));)
    if (strcmp (member, name) == 0)
      return true;
  return false;
}

/* The id of the group NAME: 0, -ENOENT or a negative errno value. */
static int
find_group (int root, const char *path, const char *name, gid_t *gid)
{
  __attribute__ ((cleanup (close_table))) FILE *table = NULL;
  autofree char *line = NULL;
  char *fields[MAX_FIELDS];
  size_t room = 0;
  int r = open_table (root, path, &table);

  if (r < 0)
    return r;
  while (table && getline (&line, &room, table) >= 0)
    if (split_fields (line, fields) == 4 && strcmp (fields[0], name) == 0 && user_parse_id (fields[2], gid))
      return 0;
  return -ENOENT;
}

/* Adds the groups that list USER's name, as initgroups(3) does. */
static int
add_groups (int root, const char *path, struct user *user)
{
  __attribute__ ((cleanup (close_table))) FILE *table = NULL;
  autofree char *line = NULL;
  char *fields[MAX_FIELDS];
  size_t room = 0;
  uint32_t gid;
  int r = open_table (root, path, &table);

  if (r < 0)
    return r;
  while (table && user->n_groups < USER_MAX_GROUPS && getline (&line, &room, table) >= 0)
    if (split_fields (line, fields) == 4 && user_parse_id (fields[2], &gid) && gid != user->gid &&
        has_member (fields[3], user->name))
      user->groups[user->n_groups++] = gid;
  return 0;
}

/* Who has no line in passwd(5) is in root's group: images that take any number as their user rest on that. */
static void
set_unknown (struct user *user, uint32_t id)
{
  user->uid = id;
  user->gid = 0;
  user->name[0] = user->shell[0] = '\0';
  copy_field (user->home, "/");
}

static int
lookup_user (int root, const char *name, const char *passwd_path, struct user *user)
{
  uint32_t id = 0;
  bool numeric = user_parse_id (name, &id);
  int r = find_user (root, passwd_path, numeric ? NULL : name, id, user);

  if (r <= 0)
    return r;
  /* "01" or "+1" is neither a number nor, in any image that means well, a name. */
  if (numeric)
    set_unknown (user, id);
  else if (strcmp (name, "root") == 0)
    set_unknown (user, 0);
  else
    return -ENOENT;
  return 0;
}

static int
look_up (int root, const char *spec, const char *passwd_path, const char *group_path, struct user *user)
{
  char name[USER_MAX_PATH];

  memset (user, 0, sizeof *user);
  if (!copy_field (name, spec))
    return -EINVAL;
  char *group = strchr (name, ':');
  if (group)
    *group++ = '\0';
  if (group && strchr (group, ':'))
    return -EINVAL;
  int r = lookup_user (root, name[0] ? name : "root", passwd_path, user);
  if (r < 0)
    return r;
  bool given = group && group[0];
  if (given && !user_parse_id (group, &user->gid)) {
    r = find_group (root, group_path, group, &user->gid);
    if (r < 0)
      return r == -ENOENT ? -ESRCH : r;
  }
  user->groups[user->n_groups++] = user->gid;
  return given || !user->name[0] ? 0 : add_groups (root, group_path, user);
}

int
user_lookup (const char *spec, const char *passwd_path, const char *group_path, struct user *user)
{
  return look_up (-1, spec, passwd_path, group_path, user);
}

int
user_lookup_in (int root, const char *spec, struct user *user)
{
  return look_up (root, spec, "etc/passwd", "etc/group", user);
}
