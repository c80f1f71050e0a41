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

#define TREE_MAX_PATH 4096

struct tree {
  struct job *job;
  int root;
  int parent; /* an O_PATH fd of PARENT_PATH, or -1 */
  char parent_path[TREE_MAX_PATH];
  struct tree_directory *directories; /* whose attributes are set at the end */
  size_t n_directories;
};

/* What a file has beside its content. */
struct tree_attributes {
  uint32_t mode; /* permissions with setuid, setgid, sticky */
  uint32_t uid;
  uint32_t gid;
  struct timespec mtime; /* or UTIME_OMIT */
  struct attributes *extended;
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

/*
 * Each of these makes PATH, and directories on the way to it that are missing, in the
 * place of what was there. False: the job failed.
 */

/* A directory. An existing one stays. Takes over ATTRIBUTES->extended. */
bool tree_make_directory (struct tree *tree, const char *path, const struct tree_attributes *attributes);

/* An empty regular file, open for writing; to be ended with tree_end_file(). -1: failed. */
int tree_begin_file (struct tree *tree, const char *path, uint32_t mode);

/* Writes all of DATA at the fd's position. */
bool tree_write (struct tree *tree, int fd, const char *path, const void *data, size_t size);

/* Sets what the file has beside its content. */
bool tree_end_file (struct tree *tree, int fd, const char *path, const struct tree_attributes *attributes);

/* A symbolic link. */
bool tree_make_symlink (struct tree *tree,
                        const char *path,
                        const char *target,
                        const struct tree_attributes *attributes);

/* A named pipe. */
bool tree_make_fifo (struct tree *tree, const char *path, const struct tree_attributes *attributes);

/* Another name of TARGET, a path like PATH. */
bool tree_make_hard_link (struct tree *tree, const char *path, const char *target);

/* Says that PATH of the layers below is gone; what this one has there itself, stays. */
bool tree_make_whiteout (struct tree *tree, const char *path);

/* Lets nothing of the layers below show through the directory PATH. */
bool tree_make_opaque (struct tree *tree, const char *path);

/* Sets what the directories have: last, because a new file changes its directory's time. */
bool tree_end_directories (struct tree *tree);

/* Opens PATH as it is from inside the tree. Returns an fd or -1 with errno. */
int tree_open (int root, const char *path, uint64_t flags);
