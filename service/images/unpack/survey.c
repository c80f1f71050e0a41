/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "survey.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "tree.h"

#define NOBODY    65534u /* what the kernel says of whoever has no id here; an id like others inside */
#define N_SHOWN   8
#define MAX_SHOWN 400 /* bytes of a path */
#define MAX_NAMES 65536

/* How many of something there are, and where the first of them. */
struct finding {
  uint64_t n;
  char paths[N_SHOWN][MAX_SHOWN];
};

/* A directory that is still to be read. */
struct pending {
  struct pending *next;
  char path[]; /* below the root; "" is that */
};

struct survey {
  struct job *job;
  int root, shifted;
  struct pending *pending;
  uint64_t setuid, capabilities, acls, links, devices, sockets;
  struct finding foreign, immutable;
  char names[MAX_NAMES];
  char value[MAX_NAMES];
};

/* An entry of an ACL as the kernel keeps it after four bytes of version; little endian. */
struct acl_entry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id;
};

static void
note (struct finding *finding, const char *path)
{
  if (finding->n < N_SHOWN)
    snprintf (finding->paths[finding->n], MAX_SHOWN, "/%s", path);
  finding->n++;
}

static bool
push (struct survey *s, const char *path)
{
  size_t size = strlen (path) + 1;
  struct pending *new = malloc (sizeof *new + size);

  if (new == NULL)
    return job_fail (s->job, UNPACK_IO, ENOMEM, "Out of memory");
  memcpy (new->path, path, size);
  new->next = s->pending;
  s->pending = new;
  return true;
}

/* ---- whose it is ---- */

/* Whether the file PATH, which seems to be nobody's, is of that user or group inside: then it is the next one's in the other
   mount. */
static bool
is_of_nobody (const struct survey *s, const char *path, const struct stat *st)
{
  AUTO_FD fd = s->shifted < 0 ? -1 : tree_open_plain (s->shifted, path, O_PATH | O_NOFOLLOW);
  struct stat seen;

  if (fd < 0 || fstat (fd, &seen) < 0)
    return false;
  return (st->st_uid != NOBODY || seen.st_uid != NOBODY) && (st->st_gid != NOBODY || seen.st_gid != NOBODY);
}

static bool
is_foreign (const struct survey *s, const char *path, const struct stat *st)
{
  return (st->st_uid == NOBODY || st->st_gid == NOBODY) && !is_of_nobody (s, path, st);
}

/* Whether the ACL names somebody who has no id here: the kernel says so by an id that is none. */
static bool
has_foreign_ids (const char *acl, ssize_t size)
{
  struct acl_entry entry;

  for (ssize_t at = 4; at + (ssize_t)sizeof entry <= size; at += (ssize_t)sizeof entry) {
    memcpy (&entry, acl + at, sizeof entry);
    if ((le16toh (entry.tag) == 0x02 || le16toh (entry.tag) == 0x08) && le32toh (entry.id) > UINT16_MAX)
      return true;
  }
  return false;
}

/* ---- what it has ---- */

static bool
count_attribute (struct survey *s, int fd, const char *name, const char *path)
{
  bool is_capability = strcmp (name, "security.capability") == 0;
  ssize_t size;

  if (!is_capability && strncmp (name, "system.posix_acl_", strlen ("system.posix_acl_")) != 0)
    return true;
  size = fgetxattr (fd, name, s->value, sizeof s->value);
  /* EOVERFLOW: a capability of another root's, who is none inside. */
  if (size < 0 && errno == EOVERFLOW)
    note (&s->foreign, path);
  else if (size < 0)
    return job_fail_errno (s->job, path, name);
  else if (is_capability)
    s->capabilities++;
  else if (has_foreign_ids (s->value, size))
    note (&s->foreign, path);
  else
    s->acls++;
  return true;
}

static bool
count_attributes (struct survey *s, int directory, const char *name, const char *path)
{
  AUTO_FD fd = openat (directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : flistxattr (fd, s->names, sizeof s->names);
  bool done = true;

  if (size < 0)
    return (fd >= 0 && errno == EOPNOTSUPP) || job_fail_errno (s->job, path, "reading it");
  for (const char *n = s->names; done && n < s->names + size; n += strlen (n) + 1)
    done = count_attribute (s, fd, n, path);
  return done;
}

static void
count_flags (struct survey *s, int directory, const char *name, const char *path)
{
  struct statx found;

  if (statx (directory, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &found) == 0 &&
      (found.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0)
    note (&s->immutable, path);
}

static bool
count_file (struct survey *s, int directory, const char *name, const char *path, const struct stat *st)
{
  if (is_foreign (s, path, st)) {
    note (&s->foreign, path);
    return true;
  }
  count_flags (s, directory, name, path);
  if (S_ISSOCK (st->st_mode))
    s->sockets++;
  else if (S_ISCHR (st->st_mode) || S_ISBLK (st->st_mode))
    s->devices++;
  else if (!job_count_inode (s->job))
    return false;
  if (!S_ISREG (st->st_mode) && !S_ISDIR (st->st_mode))
    return true;
  s->setuid += (st->st_mode & (S_ISUID | S_ISGID)) != 0 && S_ISREG (st->st_mode);
  s->links += st->st_nlink > 1 && S_ISREG (st->st_mode);
  if (S_ISREG (st->st_mode) && !job_count_bytes (s->job, (uint64_t)st->st_blocks * 512))
    return false;
  job_report_progress (s->job);
  return count_attributes (s, directory, name, path) && (!S_ISDIR (st->st_mode) || push (s, path));
}

static bool
count_entry (struct survey *s, int directory, const char *above, const char *name)
{
  char path[TREE_MAX_PATH];
  struct stat st;

  if (snprintf (path, sizeof path, "%s%s%s", above, *above != '\0' ? "/" : "", name) >= (int)sizeof path)
    return job_fail (s->job, UNPACK_BAD_ARCHIVE, ENAMETOOLONG, "%s: the name is too long", job_escape (path));
  if (fstatat (directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
    return job_fail_errno (s->job, path, "looking at it");
  return count_file (s, directory, name, path, &st);
}

static bool
count_directory (struct survey *s, const char *path)
{
  AUTO_FD fd = tree_open_plain (s->root, path, O_RDONLY | O_DIRECTORY);
  DIR *listing = fd < 0 ? NULL : fdopendir (fcntl (fd, F_DUPFD_CLOEXEC, 3));
  const struct dirent *entry;
  bool done = listing != NULL;

  while (done && (errno = 0, entry = readdir (listing)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      done = count_entry (s, fd, path, entry->d_name);
  if (listing == NULL || (done && errno != 0))
    done = job_fail_errno (s->job, *path != '\0' ? path : "/", "reading a directory");
  if (listing != NULL)
    closedir (listing);
  return done;
}

/* ---- what is said of it ---- */

static size_t
write_number (char *text, size_t used, const char *key, uint64_t n)
{
  return used +
         (size_t)snprintf (text + used, SURVEY_MAX_TEXT - used, "%s=%llu\n", key, (unsigned long long)n);
}

static size_t
write_finding (char *text, size_t used, const char *key, const struct finding *finding)
{
  used = write_number (text, used, key, finding->n);
  for (uint64_t i = 0; i < finding->n && i < N_SHOWN; i++)
    used += (size_t)snprintf (text + used, SURVEY_MAX_TEXT - used, "%s.path=%s\n", key,
                              job_escape (finding->paths[i]));
  return used;
}

static size_t
write_survey (const struct survey *s, char text[SURVEY_MAX_TEXT])
{
  const struct {
    const char *key;
    uint64_t n;
  } numbers[] = {
    { "setuid", s->setuid }, { "capabilities", s->capabilities }, { "acls", s->acls },
    { "links", s->links },   { "devices", s->devices },           { "sockets", s->sockets },
  };
  size_t used = 0;

  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    used = write_number (text, used, numbers[i].key, numbers[i].n);
  used = write_finding (text, used, "immutable", &s->immutable);
  return write_finding (text, used, "foreign", &s->foreign);
}

size_t
survey_tree (struct job *job, int root, int shifted, char ret_text[SURVEY_MAX_TEXT])
{
  static struct survey survey;
  struct stat st;
  bool done;

  survey = (struct survey){ .job = job, .root = root, .shifted = shifted };
  if (fstat (root, &st) < 0) {
    job_fail_errno (job, "/", "looking at it");
    return 0;
  }
  done = count_file (&survey, root, ".", "", &st);
  while (survey.pending != NULL) {
    struct pending *directory = survey.pending;

    survey.pending = directory->next;
    done = done && count_directory (&survey, directory->path);
    free (directory);
  }
  return done ? write_survey (&survey, ret_text) : 0;
}
