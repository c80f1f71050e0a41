/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "core/images/image-store.h"
#include "core/snapshots/upper.h"
#include "platform/helper-client.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/*
 * The files of containers that do not run, as their owners' own: mounted where only the owner comes, at RUNTIME/trees/UID/NAME.
 * What is root's inside is the owner's there; everybody else's has the id that it has when the container runs.
 *
 * Of a container that runs it can not be had: the kernel does not map the ids of an overlay, and what a second overlay makes of
 * a directory into which a first one writes is not defined. So the two never write at the same time. When a container starts, its
 * tree becomes read-only, for whoever keeps it, and is unmounted; as long as a program has a file of it open to write it, the
 * container does not start. What is kept of it counts for its owner, until the kernel tells by inotify(7) that nothing is.
 *
 * Signals: "settled" (): one is not mounted, or nothing keeps it, any more.
 */
#define BOTHY_TYPE_TREES (bothy_trees_get_type ())
G_DECLARE_FINAL_TYPE (BothyTrees, bothy_trees, BOTHY, TREES, GObject)

/* IMAGES and UPPERS say what containers stand on. (transfer full) */
BothyTrees *bothy_trees_new (BothyHelperClient *helper, BothyImageStore *images, BothyUppers *uppers);

/* How many something keeps: a mount, or an open file. */
guint bothy_trees_count (BothyTrees *self);

/* Have the files of CONTAINER mounted at its "tree", if they are not yet. Fails with WRONG_STATE when it runs, or never did;
   BUSY, QUOTA_EXCEEDED, NOT_AUTHORIZED, NO_SUCH_ACCOUNT, or an error of the helper's. */
void bothy_trees_open (BothyTrees *self,
                       BothyContainer *container,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* A list of one fd, a mount of them that is attached nowhere. (transfer full); NULL with an error. */
GUnixFDList *bothy_trees_open_finish (BothyTrees *self, GAsyncResult *result, GError **error);

/* Have the files of CONTAINER, which the caller has begun, unmounted; that they are not mounted is no error. Fails with BUSY when a
   program has one open to write it, or one that was deleted, and nothing has changed then; with FORCE, of one that is being deleted,
   it does not. */
void bothy_trees_close (BothyTrees *self,
                        BothyContainer *container,
                        gboolean force,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
gboolean bothy_trees_close_finish (BothyTrees *self, GAsyncResult *result, GError **error);

/* The same for a container that nobody has begun. Finish with bothy_trees_close_finish(). */
void bothy_trees_unmount (BothyTrees *self,
                          BothyContainer *container,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* OWNER has logged out: have all that is mounted for that user unmounted, but what a program writes into. */
void bothy_trees_close_all (BothyTrees *self, guint32 owner);

/* The container of OWNER that is called NAME. (transfer none); NULL: there is none. */
typedef BothyContainer *(*BothyTreesFind) (guint32 owner, const char *name, gpointer user_data);

/* Take up what an earlier bothyd had mounted, of containers that FIND finds with FIND_DATA; what is of no container is unmounted. */
void bothy_trees_recover (BothyTrees *self, BothyTreesFind find, gpointer find_data);

G_END_DECLS
