/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/ceilings.h"
#include "core/container/container.h"
#include "core/ids/ranges.h"
#include "core/images/image-store.h"
#include "core/snapshots/upper.h"
#include "core/volumes/volume.h"
#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * Which containers there are, by id and by owner and name, and which are being made. Each has an id range and an image
 * of its own to stand on: those are its own from bothy_containers_load() on, and let go when it is removed.
 *
 * Signals:
 * "added", "removed" (BothyContainer *): also when it gets another name: then it is removed by the name that it had,
 * and added by the one that it has.
 * "over" (BothyContainer *): a run of it is over, or could not begin, and nothing follows by itself.
 * "beginning" (BothyContainer *, BothySupervisor *), "readdressed", "settled", "ended" (BothyContainer *),
 * "process-found" (BothyContainer *, guint, guint): as the container itself says.
 */
#define BOTHY_TYPE_CONTAINERS (bothy_containers_get_type ())
G_DECLARE_FINAL_TYPE (BothyContainers, bothy_containers, BOTHY, CONTAINERS, GObject)

/* CONTAINERS_FD is STATE/containers; it stays the caller's, as CEILINGS do. UPPERS gets to know the first layers of
   containers. What VOLUMES may take counts beside them. (transfer full) */
BothyContainers *bothy_containers_new (int containers_fd,
                                       BothyCeilings *ceilings,
                                       BothyRanges *ranges,
                                       BothyImageStore *images,
                                       BothyUppers *uppers,
                                       BothyVolumes *volumes,
                                       BothyTrash *trash);

/* What CONTAINER may take of the disk, by LIMIT (DISK or INODES): while that is made lower, which may still fail, what the
   file system was told before. */
guint64 bothy_containers_get_bound (const BothyContainer *container, BothyCgroupLimit limit);

/* Put NAME, the directory of CONTAINER, into the trash, where its files count as what they may take until they are gone. FALSE
   with an error of bothy_trash_put(). */
gboolean bothy_containers_trash (BothyContainers *self,
                                 const BothyContainer *container,
                                 const char *name,
                                 GError **error);

/* Read all records. UNFINISHED is called for the name of each directory that creating left. FALSE: there is something
   that could not be read; it is left alone. */
gboolean bothy_containers_load (BothyContainers *self,
                                void (*unfinished) (const char *name, gpointer user_data),
                                gpointer user_data);

/* ---- which there are ---- */

/* By owner and name. (element-type BothyContainer) (transfer container) */
GList *bothy_containers_list (BothyContainers *self);

/* The container of OWNER's that is called NAME, once it is made. (transfer none); NULL: there is none. */
BothyContainer *bothy_containers_find (BothyContainers *self, guint32 owner, const char *name);

/* The one that is called by ID. (transfer none); NULL: there is none. */
BothyContainer *bothy_containers_find_by_id (BothyContainers *self, const char *id);

/* The one whose control group GROUP is, or is below. (transfer none); NULL: there is none. */
BothyContainer *bothy_containers_find_by_group (BothyContainers *self, const char *group);

/* The one that has the id range from BASE on. (transfer none); NULL: there is none. */
BothyContainer *bothy_containers_find_by_range (BothyContainers *self, guint32 base);

/* What one is called that names the volume ID, also one that is being made, or else (*RET_LEFT) one that runs, and had it in
   this run. (transfer none); NULL: there is none. */
const char *bothy_containers_find_user_of (BothyContainers *self, const char *id, gboolean *ret_left);

/* How many there are, without those that are being made. */
guint bothy_containers_count (BothyContainers *self);

/* STATE/containers, an fd that stays SELF's: each container has a directory there that is called by its id. */
int bothy_containers_get_directory (BothyContainers *self);

/* Whether each is stopped, and nothing is being done to any, nor about to be. */
gboolean bothy_containers_is_idle (BothyContainers *self);

/* ---- making one ---- */

/* A container as SPEC says is being made for OWNER: nobody else gets its name. SPEC stays the caller's, and there, until
   bothy_containers_add() or bothy_containers_cancel(). FALSE with CONTAINER_EXISTS or QUOTA_EXCEEDED. */
gboolean bothy_containers_reserve (BothyContainers *self,
                                   guint32 owner,
                                   const BothyContainerSpec *spec,
                                   GError **error);

/* The one that was reserved for OWNER by SPEC will not be made. */
void bothy_containers_cancel (BothyContainers *self, guint32 owner, const BothyContainerSpec *spec);

/* CONTAINER is made, and on disk; from now on it can be found. Its range was taken and its image is used. */
void bothy_containers_add (BothyContainers *self, BothyContainer *container);

/* Whether somebody but SPEC itself has the address on the bridge that SPEC is to have, or is about to get it. */
gboolean bothy_containers_has_address (BothyContainers *self, const BothyContainerSpec *spec);

/* ---- what is done to one ---- */

/* CONTAINER's files are no more where they were: its name, its range and its image are free. */
void bothy_containers_remove (BothyContainers *self, BothyContainer *container);

/* Call CONTAINER, which does not run, NAME. FALSE with CONTAINER_EXISTS, or when that could not be written down. */
gboolean
bothy_containers_rename (BothyContainers *self, BothyContainer *container, const char *name, GError **error);

/* Write CONTAINER's record. FALSE with an error; then the one before it is still there. */
gboolean bothy_containers_save (BothyContainers *self, BothyContainer *container, GError **error);

/* CONTAINER's limits are LIMITS: let hold of them what the administrator's ceilings leave. */
void bothy_containers_set_limits (BothyContainers *self,
                                  BothyContainer *container,
                                  const BothyCgroupLimits *limits);

/* Whether OWNER may have CONTAINER (or NULL: one more, or a volume) with LIMITS, beside all his others and his volumes: what they
   may take of the disk together is bounded. FALSE with QUOTA_EXCEEDED. */
gboolean bothy_containers_check_disk (BothyContainers *self,
                                      guint32 owner,
                                      const BothyContainer *container,
                                      const BothyCgroupLimits *limits,
                                      GError **error);

/* Emit "over" for CONTAINER. */
void bothy_containers_emit_over (BothyContainers *self, BothyContainer *container);

/* What CONTAINER's console said. Returns an fd for reading that is the caller's, or -1 with an error. */
int bothy_containers_open_log (BothyContainers *self, BothyContainer *container, GError **error);

G_END_DECLS
