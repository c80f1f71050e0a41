/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "job.h"

/* The machine's busybox, and what it says of itself. */
struct busybox {
  unsigned char *binary;
  size_t size;
  char *applets; /* one a line */
  char version[32];
};

/*
 * Reads the binary SOURCE and runs it, in the directory ROOT as its whole world, to
 * learn its applets. So this comes before confine(). False: the job failed.
 */
bool busybox_load (struct job *job, int source, int root, struct busybox *ret);

/* Makes a root file system of it in the directory ROOT. False: the job failed. */
bool busybox_install (struct job *job, const struct busybox *busybox, int root);
