/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "images/unpack/job.h"

/* A file of a directory, in one of several layers that have it. */
struct name {
  char *text;
  unsigned int layer;
};

/* All of them; {0} is none yet. */
struct names {
  struct name *list;
  size_t n;
};

/* Adds those in the directory FD of LAYER, which is called PATH and is read from its beginning. False: the job failed. */
bool names_list (struct job *job, struct names *names, int fd, const char *path, unsigned int layer);

/* Orders them by their bytes, and those of one name by their layers. */
void names_sort (struct names *names);

/* Frees what is in it. */
void names_free (struct names *names);
