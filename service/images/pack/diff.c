/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "diff.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "images/unpack/sink.h"
#include "images/unpack/tree.h"
#include "images/unpack/whiteout.h"
#include "fd.h"
#include "names.h"
#include "pack.h"

#define BLOCK       (64 * 1024)
#define MAX_CHANGES 1000000u

/* A directory in which there may be changes. They are kept to the end, for those below it say by it that it changed. */
struct place {
  struct place *next;  /* to be walked */
  struct place *older; /* of all */
  struct place *above; /* NULL: it is the root */
  bool is_told;
  uint64_t after, before; /* the layers that show in it: bit 0 is the highest */
  char path[];            /* below the root; "" is that */
};

struct diff {
  struct job *job;
  int sink;
  const int *roots;
  uint64_t shared; /* the layers that both have */
  struct place *next, *all;
  unsigned int n_changes;
  int fds[PACK_MAX_LAYERS]; /* of the directory being read; -1: it is not there */
  size_t filled;
  char buffer[BLOCK];
};

/* One name, as one of the two stacks has it. */
struct found {
  int layer; /* -1: it is not there */
  struct stat st;
  uint64_t layers; /* of a directory: those that show in it */
};

/* ---- telling ---- */

static bool
flush (struct diff *d)
{
  size_t size = d->filled;

  d->filled = 0;
  return size == 0 || sink_write (d->job, d->sink, d->buffer, size);
}

static bool
put_line (struct diff *d, char kind, const char *directory, const char *name)
{
  char line[TREE_MAX_PATH + NAME_MAX + 8];
  int length = snprintf (line, sizeof line, "%c /%s%s%s", kind, directory,
                         *directory != '\0' && *name != '\0' ? "/" : "", name);

  if (length >= (int)sizeof line)
    return job_fail (d->job, UNPACK_IO, ENAMETOOLONG, "%s: the name is too long", job_escape (name));
  if (++d->n_changes > MAX_CHANGES)
    return job_fail (d->job, UNPACK_LIMIT_EXCEEDED, 0, "More than %u files changed", MAX_CHANGES);
  if (d->filled + (size_t)length + 1 > sizeof d->buffer && !flush (d))
    return false;
  memcpy (d->buffer + d->filled, line, (size_t)length + 1);
  d->filled += (size_t)length + 1;
  return true;
}

/* Also that the directories above it changed. */
static bool
tell (struct diff *d, char kind, struct place *place, const char *name)
{
  for (struct place *above = place; above->above != NULL && !above->is_told; above = above->above) {
    above->is_told = true;
    if (!put_line (d, 'C', above->path, ""))
      return false;
  }
  return put_line (d, kind, place->path, name);
}

static bool
push (struct diff *d, struct place *above, const char *name, uint64_t after, uint64_t before, bool is_told)
{
  size_t size = strlen (above != NULL ? above->path : "") + strlen (name) + 2;
  struct place *new = malloc (sizeof *new + size);

  if (new == NULL)
    return job_fail (d->job, UNPACK_IO, ENOMEM, "Out of memory");
  *new = (struct place){ d->next, d->all, above, is_told, after, before };
  snprintf (new->path, size, "%s%s%s", above != NULL ? above->path : "",
            above != NULL && above->path[0] != '\0' ? "/" : "", name);
  d->next = d->all = new;
  return true;
}

/* ---- the same or not ---- */

static bool
is_ours (const char *attribute)
{
  return strncmp (attribute, "user.overlay.", strlen ("user.overlay.")) == 0;
}

/* Whether each attribute of ONE is one of OTHER. */
static bool
has_attributes (int one, int other)
{
  static char names[XATTR_LIST_MAX], values[2][XATTR_SIZE_MAX];
  ssize_t size = flistxattr (one, names, sizeof names);

  for (const char *name = names; size > 0 && name < names + size; name += strlen (name) + 1) {
    ssize_t first = is_ours (name) ? 0 : fgetxattr (one, name, values[0], sizeof values[0]);
    ssize_t second = is_ours (name) ? 0 : fgetxattr (other, name, values[1], sizeof values[1]);

    if (first != second || (first > 0 && memcmp (values[0], values[1], (size_t)first) != 0))
      return false;
  }
  return true;
}

static bool
has_same_content (struct diff *d, int one, int other)
{
  static char blocks[2][BLOCK];
  ssize_t first, second;

  do {
    first = read (one, blocks[0], BLOCK);
    second = read (other, blocks[1], BLOCK);
    if (first != second || first < 0 || memcmp (blocks[0], blocks[1], (size_t)first) != 0)
      return false;
    job_report_progress (d->job);
  } while (first > 0);
  return true;
}

static bool
has_same_target (int one, int other, const char *name)
{
  char targets[2][PATH_MAX];
  ssize_t first = readlinkat (one, name, targets[0], PATH_MAX);
  ssize_t second = readlinkat (other, name, targets[1], PATH_MAX);

  return first >= 0 && first == second && memcmp (targets[0], targets[1], (size_t)first) == 0;
}

/* A layer may have a copy of what lies below it, or of another one: what says nothing new is no change. */
static bool
is_same (struct diff *d, const struct found *a, const struct found *b, const char *name)
{
  const struct stat *x = &a->st, *y = &b->st;
  int one_fd = d->fds[a->layer], other_fd = d->fds[b->layer];
  int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

  if (x->st_mode != y->st_mode || x->st_uid != y->st_uid || x->st_gid != y->st_gid ||
      x->st_rdev != y->st_rdev || (!S_ISDIR (x->st_mode) && x->st_size != y->st_size) ||
      x->st_mtim.tv_sec != y->st_mtim.tv_sec || x->st_mtim.tv_nsec != y->st_mtim.tv_nsec)
    return false;
  if (S_ISLNK (x->st_mode))
    return has_same_target (one_fd, other_fd, name);
  if (S_ISREG (x->st_mode) || S_ISDIR (x->st_mode)) {
    AUTO_FD one = openat (one_fd, name, flags);
    AUTO_FD other = openat (other_fd, name, flags);

    return one >= 0 && other >= 0 && has_attributes (one, other) && has_attributes (other, one) &&
           (S_ISDIR (x->st_mode) || has_same_content (d, one, other));
  }
  return true;
}

/* ---- what a stack shows ---- */

/* NAME as LAYERS show it. */
static struct found
find (const struct diff *d, uint64_t layers, const char *name)
{
  struct found found = { .layer = -1 };

  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++) {
    struct stat st;

    if ((layers & UINT64_C (1) << i) == 0 || d->fds[i] < 0 ||
        fstatat (d->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    if (whiteout_is_at (d->fds[i], name) || (found.layer >= 0 && !S_ISDIR (st.st_mode)))
      return found;
    if (found.layer < 0) {
      found.layer = (int)i;
      found.st = st;
    }
    if (!S_ISDIR (st.st_mode))
      return found;
    found.layers |= UINT64_C (1) << i;
    if (pack_is_opaque (d->fds[i], name))
      return found;
  }
  return found;
}

static bool
is_directory (const struct found *found)
{
  return found->layer >= 0 && S_ISDIR (found->st.st_mode);
}

static bool
compare_name (struct diff *d, struct place *place, const char *name)
{
  struct found after = find (d, place->after, name), before = find (d, place->before, name);
  bool is_told = false;
  uint64_t old = is_directory (&before) ? before.layers : 0;

  if (after.layer < 0 && before.layer < 0)
    return true;
  if (after.layer < 0)
    return tell (d, 'D', place, name);
  if (before.layer < 0)
    is_told = true;
  else if (after.layer != before.layer)
    is_told = !is_same (d, &after, &before, name);
  if (is_told && !tell (d, before.layer < 0 ? 'A' : 'C', place, name))
    return false;
  /* Where both show the same layers, there is no change below. */
  return !is_directory (&after) || after.layers == old || push (d, place, name, after.layers, old, is_told);
}

/* ---- the walk ---- */

static bool
open_place (struct diff *d, const struct place *place, uint64_t listed, struct names *names)
{
  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++) {
    uint64_t bit = UINT64_C (1) << i;

    if (((place->after | place->before) & bit) == 0)
      continue;
    d->fds[i] = tree_open (d->roots[i], place->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    /* A container may run, and go on writing. */
    if (d->fds[i] < 0 && !pack_is_gone_by (errno))
      return job_fail_errno (d->job, place->path, "opening a directory");
    if (d->fds[i] >= 0 && (listed & bit) != 0 && !names_list (d->job, names, d->fds[i], place->path, i))
      return false;
  }
  return true;
}

static bool
compare_place (struct diff *d, struct place *place)
{
  uint64_t all = place->after | place->before;
  /* What both stand on has to be read where it does not show in both. */
  bool is_hidden = (place->after & d->shared) != (place->before & d->shared);
  struct names names = { 0 };
  bool done;

  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++)
    d->fds[i] = -1;
  done = open_place (d, place, is_hidden ? all : all & ~d->shared, &names);
  names_sort (&names);
  for (size_t i = 0; done && i < names.n; i++)
    done = (i > 0 && strcmp (names.list[i].text, names.list[i - 1].text) == 0) ||
           compare_name (d, place, names.list[i].text);
  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++)
    close_fd (&d->fds[i]);
  names_free (&names);
  job_report_progress (d->job);
  return done;
}

static uint64_t
bits (unsigned int first, unsigned int n)
{
  uint64_t all = n >= 64 ? UINT64_MAX : (UINT64_C (1) << n) - 1;

  return n == 0 ? 0 : all << first;
}

bool
diff_layers (struct job *job, const int *roots, unsigned int n, int sink)
{
  static struct diff d;
  unsigned int later = job->request.n_later, earlier = job->request.n_earlier;
  bool done;

  if (n > PACK_MAX_LAYERS || later > n || earlier > n - later)
    return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
  d = (struct diff){ .job = job, .sink = sink, .roots = roots };
  d.shared = bits (later + earlier, n - later - earlier);
  done = push (&d, NULL, "", bits (0, later) | d.shared, bits (later, earlier) | d.shared, false);
  while (done && d.next != NULL) {
    struct place *place = d.next;

    d.next = place->next;
    done = compare_place (&d, place);
  }
  while (d.all != NULL) {
    struct place *place = d.all;

    d.all = place->older;
    free (place);
  }
  return done && flush (&d);
}
