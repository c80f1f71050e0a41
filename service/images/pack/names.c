/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static bool
add_name (struct job *job, struct names *names, const char *text, unsigned int layer)
{
  size_t n = names->n;

  if ((n & (n - 1)) == 0) { /* doubles */
    struct name *more = reallocarray (names->list, n == 0 ? 1 : n * 2, sizeof *more);

    if (more == NULL)
      return job_fail (job, UNPACK_IO, ENOMEM, "Out of memory");
    names->list = more;
  }
  names->list[n] = (struct name){ strdup (text), layer };
  if (names->list[n].text == NULL)
    return job_fail (job, UNPACK_IO, ENOMEM, "Out of memory");
  names->n++;
  return true;
}

bool
names_list (struct job *job, struct names *names, int fd, const char *path, unsigned int layer)
{
  DIR *directory = fdopendir (fcntl (fd, F_DUPFD_CLOEXEC, 0));
  const struct dirent *entry;
  bool done = directory != NULL;

  while (done && (errno = 0, entry = readdir (directory)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      done = add_name (job, names, entry->d_name, layer);
  if (directory == NULL || errno != 0)
    done = job_fail_errno (job, path, "reading a directory");
  if (directory != NULL)
    closedir (directory);
  return done;
}

static int
compare_names (const void *a, const void *b)
{
  const struct name *x = a;
  const struct name *y = b;
  int order = strcmp (x->text, y->text);

  return order != 0 ? order : (int)x->layer - (int)y->layer;
}

void
names_sort (struct names *names)
{
  if (names->n > 0)
    qsort (names->list, names->n, sizeof *names->list, compare_names);
}

void
names_free (struct names *names)
{
  for (size_t i = 0; i < names->n; i++)
    free (names->list[i].text);
  free (names->list);
}
