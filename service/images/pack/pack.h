/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "images/unpack/job.h"

/* As many layers as fit into a set. */
#define PACK_MAX_LAYERS 64

/* Writes the archive that the request describes, an Incus image unless its flags say something else: what the N directories ROOTS show together, as overlayfs
 * does, the highest first. False: the job failed. */
bool pack_layers (struct job *job, const int *roots, unsigned int n, int sink);

/*
 * Writes an archive of the directory or the regular file FD, of a container that goes on writing it, which is called NAME
 * in it; of other file systems that are mounted below, the empty directory. False: the job failed.
 */
bool pack_live (struct job *job, int fd, const char *name, int sink);

/* Whether the directory NAME of DIRECTORY, in a layer, lets nothing show of what lies below. */
bool pack_is_opaque (int directory, const char *name);

/* Whether NUMBER, an errno, says why a directory of what lives can not be opened any more: it is gone, or another file system's. */
bool pack_is_gone_by (int number);
