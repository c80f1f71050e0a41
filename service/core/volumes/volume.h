/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/per-user.h"
#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * Volumes: directories of Bothy's own that a user gave names, to be mounted in his containers. They outlive these. Each is a
 * directory of STATE/volumes that is called by its id, with its record and, in data/, its files; on disk these have the neutral
 * ids, as a container's. Which containers name one, their records say.
 */

typedef struct {
  char *id;   /* uuid */
  char *name; /* its owner's */
  guint32 owner;
  guint32 project;       /* the project id of its files; 0: its file system counts none */
  guint64 bytes, inodes; /* what it may take; 0: no bound */
  gint64 created_at;     /* µs since 1970 */
  gboolean
      fresh; /* nothing was put into it: what mounts it first, and may write, copies what is at that place */
  gconstpointer filler; /* whose supervisor does that now, or NULL */
  gboolean made;        /* it is on disk; else it is being made, and nobody sees it */
} BothyVolume;

#define BOTHY_TYPE_VOLUMES (bothy_volumes_get_type ())
G_DECLARE_FINAL_TYPE (BothyVolumes, bothy_volumes, BOTHY, VOLUMES, GObject)

/* Those in DIRFD, STATE/volumes, which stays the caller's, as TRASH does; a user may have MAX_EACH. What making one left there
   when bothyd was killed goes into the trash. (transfer full); *RET_DEGRADED says whether one could not be read. */
BothyVolumes *bothy_volumes_new (int dirfd, BothyTrash *trash, guint max_each, gboolean *ret_degraded);

/* OWNER's that is called NAME. (transfer none); NULL with NO_SUCH_VOLUME. */
BothyVolume *bothy_volumes_find (BothyVolumes *self, guint32 owner, const char *name, GError **error);

/* The one called ID. (transfer none); NULL: there is none. */
BothyVolume *bothy_volumes_find_by_id (BothyVolumes *self, const char *id);

/* OWNER's, or (BOTHY_NO_USER) everybody's, by name. (element-type BothyVolume) (transfer container) */
GPtrArray *bothy_volumes_list (BothyVolumes *self, guint32 owner);

/* Add to *BYTES and *INODES what those of OWNER may take, also while they are made. */
void bothy_volumes_add_bounds (BothyVolumes *self, guint32 owner, guint64 *bytes, guint64 *inodes);

/* A project id that no volume has, nor one in the trash, and another each time: a file of a deleted one may be open still. 0: there
   is none. */
guint32 bothy_volumes_choose_project (BothyVolumes *self);

/* ---- making one ---- */

typedef struct {
  BothyVolume *volume; /* (transfer none) */
  char *directory;     /* its name while it is made; NULL: it is placed */
  int data;            /* where its files will be: an empty directory of root's */
} BothyNewVolume;

/* Begin to make one of OWNER's called NAME, with PROJECT or 0, that may take BYTES and INODES. (transfer full); NULL with
   VOLUME_EXISTS, QUOTA_EXCEEDED, or why the disk did not take it. */
BothyNewVolume *bothy_volumes_begin (BothyVolumes *self,
                                     guint32 owner,
                                     const char *name,
                                     guint32 project,
                                     guint64 bytes,
                                     guint64 inodes,
                                     GError **error);

/* Write down NEW, whose directory is the neutral range's by now, and place it. Blocks on the disk: to be called in a thread. FALSE
   with an error. */
gboolean bothy_volumes_place (BothyVolumes *self, BothyNewVolume *new, GError **error);

/* Let go of NEW (transfer full): it is there from now on; one that was not placed goes into the trash. */
void bothy_volumes_end (BothyVolumes *self, BothyNewVolume *new);

/* ---- what becomes of one ---- */

/* FILLER, whose supervisor it is, begins to fill VOLUME, or (NULL) nobody does any more: then "unfilled" (const char *id) is
   emitted. */
void bothy_volumes_set_filler (BothyVolumes *self, BothyVolume *volume, gconstpointer filler);

/* It has been filled, also after a power cut: nothing is copied into VOLUME any more. */
void bothy_volumes_set_filled (BothyVolumes *self,
                               BothyVolume *volume,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* FALSE with an error: the disk did not take it, and it is as before. */
gboolean bothy_volumes_set_filled_finish (BothyVolumes *self, GAsyncResult *result, GError **error);

/* VOLUME, which nothing names, goes into the trash. FALSE with an error: it is there as before. */
gboolean bothy_volumes_remove (BothyVolumes *self, BothyVolume *volume, GError **error);

G_END_DECLS
