/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tree.h"

/*
 * A layer that means something only over those below: a link to a file of theirs, a path through a symbolic link of
 * theirs. It is unpacked over an overlay of all of them, so that each entry finds what it would find if layer after
 * layer were unpacked with tar; what overlayfs wrote is the layer, and is mounted over the same ones later.
 *
 * As with docker and containerd, an entry for a directory takes the place of a symbolic link or a file; a directory
 * that only stands in the path of another entry does not, and is what it is below.
 */
struct over {
  int tree;                 /* what is to become the layer */
  int merged;               /* the root of the overlay */
  int upper;                /* what the overlay writes */
  struct over_path *copied; /* files of layers below that a link brought into this one */
  struct over_path *hidden; /* directories that lie below and are gone */
  bool has_hidden;          /* something was hidden by its name */
  struct over_path *opaque; /* directories in which nothing shows through */
};

/*
 * Mounts the N detached mounts LAYERS, the highest first, below TREE, another one and empty, in a mount namespace of the
 * process's own in which is nothing else. It takes all that a root of a user namespace can do. False: the job failed.
 */
bool over_mount (struct job *job, int tree, const int *layers, unsigned int n, struct over *ret);

/* NAME, at PATH, in the directory TREE->parent, is gone below; what the layer itself brings stays. False: the job failed. */
bool over_hide (struct tree *tree, const char *path, const char *name);

/* Nothing of the layers below shows through TREE->parent, at PATH. False: the job failed. */
bool over_hide_all (struct tree *tree, const char *path);

/*
 * NAME in DIRECTORY, a path, is going to be linked to, and has the size and the kind of ST: counts what overlayfs has to
 * copy for that. False: the job failed.
 */
bool over_count_link (struct tree *tree, const char *directory, const char *name, const struct stat *st);

/* The link of over_count_link() was made: what overlayfs copied for it is the copy, and no later file of its name. */
void over_note_copy (struct tree *tree);

/* Makes what was unpacked the content of OVER->tree, and nothing else. False: the job failed. */
bool over_end (struct job *job, struct over *over);
