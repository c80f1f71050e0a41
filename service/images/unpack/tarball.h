/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "job.h"

struct over;

/*
 * Unpacks the tar archive that SOURCE gives, compressed or not, into the directory ROOT; or over other layers, OVER,
 * which is NULL if there are none. False: the job failed.
 */
bool tarball_unpack (struct job *job, int source, int root, struct over *over);

/*
 * Unpacks it into DIRECTORY of a tree that a container sees, among what is there. NAME, if it is not NULL, is put in the
 * place of the first part of every name. False: the job failed.
 */
bool tarball_copy (struct job *job, int source, int directory, const char *name);
