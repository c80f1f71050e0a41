/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "platform/helper-client.h"

G_BEGIN_DECLS

/*
 * Where a layer's files are that are not in the store: the tree of a container of root's that another tool made, where that tool has
 * it. Nothing of it is ever written, so giving it back is forgetting it. It stays where it is and is not moved into the store: a move
 * ends at the edge of a file system, and who looks for the tree finds it. What makes that sound is a label, which the helper
 * puts there: the tool that made the container does not find it any more, so that nobody starts, destroys or changes it by
 * mistake; and no container of ours gets the tree as a layer unless the label of that layer is there. A layer that has a
 * place has its record before the label is put and until it is taken off: whatever is killed in between, the next bothyd finds a
 * layer that no image names, and takes its label off.
 */
typedef struct {
  enum helper_adoptable_kind kind;
  char *name;                                    /* what the other tool calls it */
  struct helper_extent uids[HELPER_MAX_EXTENTS]; /* whose ids are whose inside: see BothyAdoptMap */
  struct helper_extent gids[HELPER_MAX_EXTENTS];
  guint n_uids, n_gids;
} BothyPlace;

/* (transfer full) */
BothyPlace *bothy_place_copy (const BothyPlace *self);

/* SELF may not be NULL. */
void bothy_place_free (BothyPlace *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyPlace, bothy_place_free)

/* "lxc:web", as bothy adopt takes it. (transfer full) */
char *bothy_place_describe (const BothyPlace *self);

/* Write SELF into GROUP of RECORD. */
void bothy_place_to_record (const BothyPlace *self, GKeyFile *record, const char *group);

/* What GROUP of RECORD has of one (transfer full); NULL without an error: it has none; with DEGRADED: that makes no sense. */
BothyPlace *bothy_place_from_record (GKeyFile *record, const char *group, GError **error);

typedef enum {
  BOTHY_PLACE_PUT,
  BOTHY_PLACE_TAKE_OFF,
  BOTHY_PLACE_FORGET, /* as TAKE_OFF; what root has removed or given back himself is no error, if its file system seems to be there */
} BothyPlaceLabelling;

/* Label it for the layer ID, or take that label off. What is done already is no error. */
void bothy_place_label (BothyHelperClient *helper,
                        const BothyPlace *self,
                        const char *id,
                        BothyPlaceLabelling labelling,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/* FALSE with WRONG_STATE: it runs, or has another's label; NO_SUCH_CONTAINER: it is not there, maybe because its file system is
   not mounted; or others. */
gboolean bothy_place_label_finish (GAsyncResult *result, GError **error);

/* Mount the tree, which has the label of the layer ID, read-only and so that its files have the ids from BASE on that they have
   inside. */
void bothy_place_mount (BothyHelperClient *helper,
                        const BothyPlace *self,
                        const char *id,
                        guint32 base,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/* The mount, alone in a list. (transfer full); NULL with the errors of bothy_place_label_finish() or MOUNT_FAILED. */
GUnixFDList *bothy_place_mount_finish (GAsyncResult *result, GError **error);

G_END_DECLS
