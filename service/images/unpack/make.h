/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tree.h"

/*
 * UID and GID, of a file that an archive calls NAME, into ATTRIBUTES. A container has the ids from 0 to 65535; what is beyond them
 * becomes nobody's if that was asked for. False: it was not, and the job failed.
 */
bool tree_take_owner (
    struct job *job, const char *name, int64_t uid, int64_t gid, struct tree_attributes *attributes);

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
