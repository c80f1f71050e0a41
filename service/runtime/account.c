/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "account.h"

#include "autofd.h"
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_TABLE (4 * 1024 * 1024) /* the image writes them */
#define MAX_LINE  512
#define TEMPORARY ".bothy-account"

/* One of the tables, as it is. */
struct table {
  int directory;
  const char *name;
  char *text;
  size_t size;
  struct stat st;
};

static int
open_strictly (int directory, const char *path, uint64_t flags)
{
  struct open_how how = { .flags = flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  long fd = syscall (SYS_openat2, directory, path, &how, sizeof how);

  if (fd >= 0)
    return (int)fd;
  return errno == ELOOP || errno == EXDEV || errno == ENOTDIR ? -ENOTSUP : -errno;
}

/* ---- tables ---- */

/* A missing table is an empty one, if it is MADE then; else -ENOENT. */
static int
table_read (struct table *table, int directory, const char *name, bool made)
{
  autofd fd = open_strictly (directory, name, O_RDONLY);

  *table = (struct table){ .directory = directory, .name = name, .st.st_mode = 0644 };
  if (fd < 0 && (fd != -ENOENT || !made))
    return fd;
  if (fd >= 0 && (fstat (fd, &table->st) < 0 || !S_ISREG (table->st.st_mode)))
    return -ENOTSUP;
  if (table->st.st_size > MAX_TABLE)
    return -EFBIG;
  table->text = calloc (1, (size_t)table->st.st_size + 1);
  if (!table->text)
    return -ENOMEM;
  ssize_t size = fd < 0 ? 0 : pread (fd, table->text, (size_t)table->st.st_size, 0);
  if (size < 0)
    return -errno;
  /* Not beyond a NUL: nobody reads that far. */
  table->size = strnlen (table->text, (size_t)size);
  return 0;
}

static void
table_clear (struct table *table)
{
  free (table->text);
}

#define autotable __attribute__ ((cleanup (table_clear))) struct table

/* The field FIELD of LINE, which ends at END. */
static bool
field_is (const char *line, const char *end, unsigned field, const char *value)
{
  size_t length = strlen (value);

  for (; field > 0; field--) {
    line = memchr (line, ':', (size_t)(end - line));
    if (!line)
      return false;
    line++;
  }
  return (size_t)(end - line) >= length && memcmp (line, value, length) == 0 &&
         (line + length == end || line[length] == ':');
}

/* The first line whose field FIELD is VALUE, or NULL. */
static const char *
table_find (const struct table *table, unsigned field, const char *value)
{
  const char *end;

  for (const char *line = table->text; *line; line = *end ? end + 1 : end) {
    end = line + strcspn (line, "\n");
    if (field_is (line, end, field, value))
      return line;
  }
  return NULL;
}

static int
write_all (int fd, const char *text, size_t size)
{
  for (ssize_t n; size > 0; text += n, size -= (size_t)n) {
    n = write (fd, text, size);
    if (n < 0)
      return -errno;
  }
  return 0;
}

/* The table with LINE before PLACE of it (NULL: at its end) takes the table's place. */
static int
table_insert (const struct table *table, const char *place, const char *line)
{
  size_t before = place ? (size_t)(place - table->text) : table->size;
  bool unended = before == table->size && before > 0 && table->text[before - 1] != '\n';

  if (unlinkat (table->directory, TEMPORARY, 0) < 0 && errno != ENOENT)
    return -errno;
  autofd fd =
      openat (table->directory, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return -errno;
  int r = write_all (fd, table->text, before);
  if (r == 0 && unended)
    r = write_all (fd, "\n", 1);
  if (r == 0)
    r = write_all (fd, line, strlen (line));
  if (r == 0)
    r = write_all (fd, table->text + before, table->size - before);
  if (r == 0 &&
      (fchown (fd, table->st.st_uid, table->st.st_gid) < 0 || fchmod (fd, table->st.st_mode & 07777) < 0 ||
       renameat (table->directory, TEMPORARY, table->directory, table->name) < 0))
    r = -errno;
  if (r < 0)
    unlinkat (table->directory, TEMPORARY, 0);
  return r;
}

/* ---- what an account consists of ---- */

/* Ours comes before another's of the same id, so that the id has our name. */
static int
add_group (int etc, const char *name, uint32_t uid, uint32_t *ret_gid)
{
  autotable table;
  char line[MAX_LINE], id[16];
  int r = table_read (&table, etc, "group", true);
  const char *there = r == 0 ? table_find (&table, 0, name) : NULL;
  unsigned gid;

  *ret_gid = uid;
  if (r < 0)
    return r;
  /* NAME:x:GID:… */
  if (there && sscanf (there, "%*[^:\n]:%*[^:\n]:%u", &gid) == 1 && gid <= UINT16_MAX)
    *ret_gid = gid;
  if (there)
    return 0;
  snprintf (id, sizeof id, "%u", uid);
  snprintf (line, sizeof line, "%s:x:%u:\n", name, uid);
  return table_insert (&table, table_find (&table, 2, id), line);
}

/* Locked: who wants a password sets one. An image without the table has no passwords. */
static int
add_shadow (int etc, const char *name)
{
  autotable table;
  char line[MAX_LINE];
  int r = table_read (&table, etc, "shadow", false);

  if (r < 0)
    return r == -ENOENT ? 0 : r;
  snprintf (line, sizeof line, "%s:!:::::::\n", name);
  return table_find (&table, 0, name) ? 0 : table_insert (&table, NULL, line);
}

static int
make_home (int root, const char *name, uint32_t uid, uint32_t gid)
{
  if (mkdirat (root, "home", 0755) < 0 && errno != EEXIST)
    return -errno;
  autofd homes = open_strictly (root, "home", O_RDONLY | O_DIRECTORY);
  if (homes < 0)
    return homes;
  if (mkdirat (homes, name, 0700) < 0)
    return errno == EEXIST ? 0 : -errno;
  return fchownat (homes, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* As from inside: /bin is a link in most images. Nothing is opened, so a link leads nowhere. */
static const char *
choose_shell (int root)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_XDEV };
  autofd fd = (int)syscall (SYS_openat2, root, "bin/bash", &how, sizeof how);
  struct stat st;

  return fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) ? "/bin/bash" : "/bin/sh";
}

int
account_ensure (int root, const char *name, uint32_t uid)
{
  autofd etc = open_strictly (root, "etc", O_RDONLY | O_DIRECTORY);
  autotable passwd = { .text = NULL };
  char line[MAX_LINE], id[16];
  uint32_t gid;

  if (etc < 0)
    return etc;
  int r = table_read (&passwd, etc, "passwd", true);
  if (r < 0 || table_find (&passwd, 0, name))
    return r;
  /* That line comes last: whoever finds it finds all of the account. */
  r = add_group (etc, name, uid, &gid);
  if (r == 0)
    r = add_shadow (etc, name);
  if (r == 0)
    r = make_home (root, name, uid, gid);
  if (r < 0)
    return r;
  snprintf (id, sizeof id, "%u", uid);
  snprintf (line, sizeof line, "%s:x:%u:%u::/home/%s:%s\n", name, uid, gid, name, choose_shell (root));
  return table_insert (&passwd, table_find (&passwd, 2, id), line);
}
