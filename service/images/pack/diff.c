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

/* Bytes that are compared in all. Files of holes may be said to be of any size, and what is left then counts as changed. */
#define MAX_COMPARED (UINT64_C (32) << 30)

/* Bytes of directories that wait for their turn, or for those below them: more than that are told by no container but one that
   was made to have them. */
#define MAX_WAITING (UINT64_C (256) << 20)

/* A directory in which there may be changes. It is kept as long as one below it is, which says by it that it changed. */
struct place {
  struct place *next;  /* to be walked */
  struct place *above; /* NULL: it is the root */
  unsigned int n_kept; /* it as long as it waits, and those below it */
  bool is_told;
  struct layers after, before; /* those that show in it */
  char path[];                 /* below the root; "" is that */
};

struct diff {
  struct job *job;
  int sink;
  const int *roots;
  struct layers shared; /* that both have */
  struct place *next;
  unsigned int n_changes;
  uint64_t n_waiting;       /* bytes of places */
  uint64_t n_compared;      /* bytes */
  int fds[PACK_MAX_LAYERS]; /* of the directory being read; -1: it is not there */
  size_t filled;
  char buffer[BLOCK];
};

/* One name, as one of the two stacks has it. */
struct found {
  int layer; /* -1: it is not there */
  struct stat st;
  struct layers layers; /* of a directory: those that show in it */
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

  /* Nobody could open that by its path. That what is above it changed was told. */
  if (length >= (int)sizeof line)
    return true;
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
push (struct diff *d,
      struct place *above,
      const char *name,
      const struct layers *after,
      const struct layers *before,
      bool is_told)
{
  size_t size = strlen (above != NULL ? above->path : "") + strlen (name) + 2;
  struct place *new = d->n_waiting < MAX_WAITING ? malloc (sizeof *new + size) : NULL;

  if (new == NULL && d->n_waiting >= MAX_WAITING)
    return job_fail (d->job, UNPACK_LIMIT_EXCEEDED, 0, "More directories changed than can be compared");
  if (new == NULL)
    return job_fail (d->job, UNPACK_IO, ENOMEM, "Out of memory");
  *new = (struct place){ d->next, above, 1, is_told, *after, *before };
  d->n_waiting += sizeof *new + size;
  if (above != NULL)
    above->n_kept++;
  snprintf (new->path, size, "%s%s%s", above != NULL ? above->path : "",
            above != NULL && above->path[0] != '\0' ? "/" : "", name);
  d->next = new;
  return true;
}

/* It was walked; those above it may have been kept for it alone. */
static void
let_go (struct diff *d, struct place *place)
{
  while (place != NULL && --place->n_kept == 0) {
    struct place *above = place->above;

    d->n_waiting -= sizeof *place + strlen (place->path) + 1;
    free (place);
    place = above;
  }
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
    if (first != second || first < 0 || d->n_compared >= MAX_COMPARED ||
        memcmp (blocks[0], blocks[1], (size_t)first) != 0)
      return false;
    d->n_compared += (uint64_t)first;
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
find (const struct diff *d, const struct layers *layers, const char *name)
{
  struct found found = { .layer = -1 };

  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++) {
    struct stat st;

    if (!layers->has[i] || d->fds[i] < 0 || fstatat (d->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    if (whiteout_is_at (d->fds[i], name) || (found.layer >= 0 && !S_ISDIR (st.st_mode)))
      return found;
    if (found.layer < 0) {
      found.layer = (int)i;
      found.st = st;
    }
    if (!S_ISDIR (st.st_mode))
      return found;
    found.layers.has[i] = true;
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
are_equal (const struct layers *a, const struct layers *b)
{
  return memcmp (a, b, sizeof *a) == 0;
}

static bool
compare_name (struct diff *d, struct place *place, const char *name)
{
  struct found after = find (d, &place->after, name), before = find (d, &place->before, name);
  bool is_told = false;

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
  if (!is_directory (&after) || are_equal (&after.layers, &before.layers))
    return true;
  /* Nor can anybody open what is so deep by its path: of all below it only this is said. */
  if (strlen (place->path) + strlen (name) + 2 > TREE_MAX_PATH)
    return is_told || tell (d, 'C', place, name);
  return push (d, place, name, &after.layers, &before.layers, is_told);
}

/* ---- the walk ---- */

static bool
open_place (struct diff *d, const struct place *place, bool with_shared, struct names *names)
{
  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++) {
    bool is_listed = with_shared || !d->shared.has[i];

    if (!place->after.has[i] && !place->before.has[i])
      continue;
    d->fds[i] = tree_open (d->roots[i], place->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    /* A container may run, and go on writing. */
    if (d->fds[i] < 0 && !pack_is_gone_by (errno))
      return job_fail_errno (d->job, place->path, "opening a directory");
    if (d->fds[i] >= 0 && is_listed && !names_list (d->job, names, d->fds[i], place->path, i))
      return false;
  }
  return true;
}

static bool
compare_place (struct diff *d, struct place *place)
{
  bool is_hidden = false;
  struct names names = { 0 };
  bool done;

  /* What both stand on has to be read where it does not show in both. */
  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++) {
    d->fds[i] = -1;
    is_hidden = is_hidden || (d->shared.has[i] && place->after.has[i] != place->before.has[i]);
  }
  done = open_place (d, place, is_hidden, &names);
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

/* The request's layers: the later ones, then the earlier ones, then what both stand on. */
static void
divide (struct diff *d, unsigned int n, struct layers *ret_after, struct layers *ret_before)
{
  unsigned int later = d->job->request.n_later, earlier = d->job->request.n_earlier;

  for (unsigned int i = 0; i < n; i++) {
    d->shared.has[i] = i >= later + earlier;
    ret_after->has[i] = i < later || d->shared.has[i];
    ret_before->has[i] = i >= later;
  }
}

bool
diff_layers (struct job *job, const int *roots, unsigned int n, int sink)
{
  static struct diff d;
  struct layers after = { 0 }, before = { 0 };
  unsigned int later = job->request.n_later, earlier = job->request.n_earlier;
  bool done;

  if (n > PACK_MAX_LAYERS || later > n || earlier > n - later)
    return job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
  d = (struct diff){ .job = job, .sink = sink, .roots = roots };
  divide (&d, n, &after, &before);
  done = push (&d, NULL, "", &after, &before, false);
  while (d.next != NULL) {
    struct place *place = d.next;

    d.next = place->next;
    done = done && compare_place (&d, place);
    let_go (&d, place);
  }
  return done && flush (&d);
}
