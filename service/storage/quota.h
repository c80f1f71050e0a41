/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether the file system of FD keeps the bounds of projects, as ext4 and XFS do when they are made and mounted for it. */
gboolean bothy_quota_is_enforced (int fd);

/* What the files of a project take which the file system bounds to MAX_BYTES and MAX_INODES, by what statfs(2) says of
   DIRECTORY, one of theirs that hands the project on. ROOT is another of the same file system, without a project. It takes
   no capability. FALSE: it does not say. */
gboolean bothy_quota_get_usage (
    int directory, int root, guint64 max_bytes, guint64 max_inodes, guint64 *ret_bytes, guint64 *ret_inodes);

/* How many bytes and files of any kind the file system of FD can hold; G_MAXUINT64 for what it does not say,
   and for files where that changes with what is free. */
void bothy_quota_get_capacity (int fd, guint64 *ret_bytes, guint64 *ret_inodes);

/* What an administrator can do so that the file system of FD keeps them: one sentence. (transfer none) */
const char *bothy_quota_advice (int fd);

G_END_DECLS
