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

/* The same of a container of OWNER's, whose files have the project id PROJECT, or 0. */
gboolean bothy_trash_put_container (
    BothyTrash *self, int parent, const char *name, guint32 owner, guint32 project, GError **error);

/* Whether there may still be files of PROJECT. */
gboolean bothy_trash_has_project (BothyTrash *self, guint32 project);

/* How much there is of OWNER's. */
guint bothy_trash_count (BothyTrash *self, guint32 owner);

/* Call back when all that is in it of OWNER's now is gone, or could not be removed: that is FALSE with FAILED, for the last
   of it. */
void bothy_trash_empty (BothyTrash *self, guint32 owner, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_trash_empty_finish (BothyTrash *self, GAsyncResult *result, GError **error);

/* Whether something is being removed. */
gboolean bothy_trash_is_busy (BothyTrash *self);

G_END_DECLS
