/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Where the files of images and containers end. Putting a directory here is a rename:
 * its old name is free at once. The files, which belong to the neutral range, are removed by
 * bothy-unpack afterwards, one directory at a time, and again after a restart. Owners take turns, and a large tree
 * has many of them, so that nobody waits for more than a turn of each of the others.
 */
#define BOTHY_TYPE_TRASH (bothy_trash_get_type ())
G_DECLARE_FINAL_TYPE (BothyTrash, bothy_trash, BOTHY, TRASH, GObject)

/* Remove what is below TREE, a directory of the neutral range, with what REMOVER has for it. TREE stays the caller's.
   CALLBACK gets a GTask of a boolean; FALSE with an error that says why something is left, and without one when it was at
   it long enough: what is left has another turn, after others'. */
typedef void (*BothyTrashRemove) (gpointer remover,
                                  int tree,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);

/* The trash in DIRFD, STATE/trash, which stays the caller's; REMOVER, a GObject, is kept. Begins with what is left
   there. (transfer full) */
BothyTrash *bothy_trash_new (int dirfd, BothyTrashRemove remove, gpointer remover);

/* Move NAME below PARENT, a directory fd, here; its state on disk is settled when this returns TRUE. FALSE with FAILED or
   NO_SPACE: it is where it was. */
gboolean bothy_trash_put (BothyTrash *self, int parent, const char *name, GError **error);

/* Whose files are put into it, and what they may take as long as they are there. */
typedef struct {
  guint32 owner;
  guint32 project;       /* the id that they have, or 0 */
  guint64 bytes, inodes; /* that they count as; 0: as nothing */
} BothyTrashOwner;

/* The same of files of OWNER's. */
gboolean bothy_trash_put_of (
    BothyTrash *self, int parent, const char *name, const BothyTrashOwner *owner, GError **error);

/* Whether there may still be files of PROJECT, or somebody holds it. */
gboolean bothy_trash_has_project (BothyTrash *self, guint32 project);

/* PROJECT is not free, whatever is removed meanwhile: the file system is being told something of it. Each hold needs a release. */
void bothy_trash_hold_project (BothyTrash *self, guint32 project);
void bothy_trash_release_project (BothyTrash *self, guint32 project);

/* Whether something that is not in the trash has files of PROJECT, too, and counts them. */
typedef gboolean (*BothyTrashIsCounted) (guint32 project, gpointer user_data);

/* Add what may be taken by OWNER's files in it to BYTES and INODES, once for each project that IS_COUNTED does not count. */
void bothy_trash_add_bounds (BothyTrash *self,
                             guint32 owner,
                             BothyTrashIsCounted is_counted,
                             gpointer user_data,
                             guint64 *bytes,
                             guint64 *inodes);

/* How much there is of OWNER's. */
guint bothy_trash_count (BothyTrash *self, guint32 owner);

/* Call back when all that is in it of OWNER's now is gone, or could not be removed: that is FALSE with FAILED, for the last
   of it. */
void bothy_trash_empty (BothyTrash *self, guint32 owner, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_trash_empty_finish (BothyTrash *self, GAsyncResult *result, GError **error);

/* Whether something is being removed. */
gboolean bothy_trash_is_busy (BothyTrash *self);

G_END_DECLS
