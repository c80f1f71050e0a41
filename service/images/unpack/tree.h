/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "attributes.h"
#include "job.h"

/*
 * The tree that is being written: files, one after the other, below one directory.
 * Every path is looked up by the kernel as if the directory were the root
 * (RESOLVE_IN_ROOT): whatever symbolic links an archive plants, the way ends inside.
 */

#define TREE_MAX_PATH    4096
#define TREE_MAX_IMPLIED 3072

/* What a file has beside its content. */
struct tree_attributes {
  uint32_t mode; /* permissions with setuid, setgid, sticky */
  uint32_t uid;
  uint32_t gid;
  struct timespec mtime; /* or UTIME_OMIT */
  struct attributes *extended;
};

/* Of a directory, to be set at the end. */
struct tree_directory {
  char *path;
  struct tree_attributes attributes;
};

struct over;

struct tree {
  struct job *job;
  int root;
  bool
      is_live; /* it is what a container sees, and no layer: nothing is hidden in it, and nothing kept for later */
  struct over *
      over; /* NULL: the tree is a layer by itself, or a whole root; else ROOT shows the layers below as well */
  int parent; /* an O_PATH fd of PARENT_PATH, or -1 */
  char parent_path[TREE_MAX_PATH];
  char parent_real[TREE_MAX_PATH]; /* where there are layers below: the same, without symbolic links */
  char implied
      [TREE_MAX_IMPLIED]; /* directories that were made though no entry said so, with those above them */
  size_t implied_size;    /* strings, each with a NUL at its end */
  size_t implied_last;    /* where the last of them begins */
  bool implied_more;      /* there were others, for which there was no room */
  struct tree_directory *directories; /* whose attributes are set at the end */
  size_t n_directories;
};

/* Starts on the directory ROOT, which stays the caller's. */
void tree_init (struct tree *tree, struct job *job, int root);

/* Frees what tree_init() and the others took. */
void tree_clear (struct tree *tree);

/*
 * Turns the name of an entry into a path for the functions below: without leading
 * "/" or "./"; "" is the root itself. False, and the job failed, for a name with
 * "..", or a name that is too long.
 */
bool tree_normalize (struct tree *tree, const char *name, char ret_path[TREE_MAX_PATH]);

/* Opens PATH as it is from inside the tree. Returns an fd or -1 with errno. */
int tree_open (int root, const char *path, uint64_t flags);

/* As tree_open(), also where another file system is mounted on the way. */
int tree_open_across (int root, const char *path, uint64_t flags);

/* As tree_open(), of a PATH without symbolic links: where there is one now, ELOOP. */
int tree_open_plain (int root, const char *path, uint64_t flags);

/*
 * Turns PATH of a directory into one without symbolic links, as it is from inside the tree. 0, or -1 with errno: ENOENT
 * where something on the way is missing.
 */
int tree_resolve (struct tree *tree, const char *path, char ret_real[TREE_MAX_PATH]);

/*
 * Leaves the names of directories that were made without an entry with the root, where check.c finds them, and says in
 * the job's flags that there are some. False: the job failed.
 */
bool tree_end_implied (struct tree *tree);

/* The attribute of the root for that; overlayfs shows nothing of this name to a container. */
#define TREE_IMPLIED "user.overlay.bothy.implied"

/* ---- what make.c puts files in their places with ---- */

/* Splits PATH; returns the name, with the directory it belongs into as TREE->parent. NULL: failed. */
const char *tree_enter_parent (struct tree *tree, const char *path);

/* Takes away NAME, at PATH, that a new entry is to replace. False: the job failed. */
bool tree_clear_place (struct tree *tree, const char *path, const char *name);

/*
 * Puts an empty directory of MODE in the place of NAME in the directory ABOVE, which is there and is none: nothing of the
 * layers below shows through it, as nothing did through what it replaces. 0, or -1 with errno.
 */
int tree_replace_with_directory (struct tree *tree, int above, const char *name, uint32_t mode);

/* Takes PATH away again, with all that is below it, if it is there. */
bool tree_remove (struct tree *tree, const char *path);
