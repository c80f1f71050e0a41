/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * What containers wrote, layer upon layer. A container writes into one, its top, which is its own. What a top stands on is
 * never changed again, so that several may stand on it: the container's snapshots, and copies of it. The lowest of them
 * stands on the container's image.
 *
 * The first that a container has lies in the container's own directory, and is called as the container is; the others are
 * directories of STATE/uppers. On disk, a layer says what it stands on; that a container has it, its record says. One that
 * nothing needs goes into the trash.
 */

typedef struct {
  char *id;    /* uuid; the container's, of the first of a container */
  char *below; /* the id of the one that it stands on; "": the image */
  guint32 owner;
  guint32 project; /* the project id of its files, or 0 */
  guint64 bytes,
      inodes;        /* of one whose container is gone: what it may have taken, and counts as its owner's */
  gboolean is_first; /* it lies in STATE/containers */
  gboolean is_waste; /* nothing needs it, and the trash could not take it yet */
  guint holds;       /* what is under way needs it */
} BothyUpper;

#define BOTHY_TYPE_UPPERS (bothy_uppers_get_type ())
G_DECLARE_FINAL_TYPE (BothyUppers, bothy_uppers, BOTHY, UPPERS, GObject)

/* Those in DIRFD, STATE/uppers, which stays the caller's, as TRASH does. What making one left there when bothyd was killed goes
   into the trash. (transfer full); *RET_DEGRADED says whether one could not be read. */
BothyUppers *bothy_uppers_new (int dirfd, BothyTrash *trash, gboolean *ret_degraded);

/* The one called ID. (transfer none); NULL: there is none. */
BothyUpper *bothy_uppers_find (BothyUppers *self, const char *id);

/* One that stands on the one called ID, if it is not waste. (transfer none); NULL: there is none. */
const BothyUpper *bothy_uppers_find_above (BothyUppers *self, const char *id);

/* How many there are from the one called ID down to the image, itself among them; 0 for "". */
guint bothy_uppers_count_from (BothyUppers *self, const char *id);

/* Whether a file of one may have PROJECT. */
gboolean bothy_uppers_has_project (BothyUppers *self, guint32 project);

/* Whether there is a container whose files have PROJECT. */
typedef gboolean (*BothyUppersHasContainer) (guint32 project, gpointer user_data);

/* Add to *BYTES and *INODES what those of OWNER may have taken whose container is gone. */
void bothy_uppers_add_orphans (BothyUppers *self,
                               guint32 owner,
                               BothyUppersHasContainer has_container,
                               gpointer user_data,
                               guint64 *bytes,
                               guint64 *inodes);

/* The directory in which UPPER's files are, in upper/ of it: an O_PATH fd, since it is not root's. CONTAINERS_FD is STATE/containers.
   -1 with an error. */
int bothy_uppers_open (BothyUppers *self, const BothyUpper *upper, int containers_fd, GError **error);

/* ---- the first one of a container ---- */

/* The container ID of OWNER's is there; its first one stands on BELOW ("": its image). */
void
bothy_uppers_add_first (BothyUppers *self, const char *id, const char *below, guint32 owner, guint32 project);

/* The container ID is deleted, whose files could have taken BYTES and INODES, and of whose layers those in WANTED (a set of
   ids; see bothy_uppers_sweep()) are still needed. *RET_MOVED: the first is, so the container's directory below CONTAINERS_FD
   is one of the others' now; else it can go, and then comes bothy_uppers_forget_first(). FALSE with an error: the container
   is there as before. */
gboolean bothy_uppers_orphan (BothyUppers *self,
                              const char *id,
                              GHashTable *wanted,
                              int containers_fd,
                              guint64 bytes,
                              guint64 inodes,
                              gboolean *ret_moved,
                              GError **error);

/* The directory of the container ID is gone, and with it its first one. */
void bothy_uppers_forget_first (BothyUppers *self, const char *id);

/* ---- making one ---- */

/* One that is being made; nobody sees it until it is placed. */
typedef struct {
  BothyUpper is;   /* what it will be */
  char *directory; /* its name while it is made; NULL: it is placed */
  int data;        /* where its files will be: an empty directory of root's */
} BothyNewUpper;

/* Begin to make one of OWNER's, with PROJECT, that stands on BELOW. (transfer full); NULL with an error. */
BothyNewUpper *
bothy_uppers_begin (BothyUppers *self, const char *below, guint32 owner, guint32 project, GError **error);

/* Write down NEW, whose directory is the neutral range's by now, and place it. Blocks on the disk: to be called in a thread. FALSE
   with an error. */
gboolean bothy_uppers_place (BothyUppers *self, BothyNewUpper *new, GError **error);

/* NEW has been placed and is one of them, with a hold, which the caller lets go. (transfer none) */
BothyUpper *bothy_uppers_add (BothyUppers *self, const BothyNewUpper *new);

/* Let go of NEW (transfer full); one that was not placed goes into the trash. */
void bothy_uppers_end (BothyUppers *self, BothyNewUpper *new);

/* ---- what is needed ---- */

/* Put what the one called ID stands on into WANTED (a set of ids, which are not copied), and ID. */
void bothy_uppers_add_wanted (BothyUppers *self, GHashTable *wanted, const char *id);

/* Put all that are held into WANTED, with what they stand on. */
void bothy_uppers_add_held (BothyUppers *self, GHashTable *wanted);

/* Those that are not in WANTED go into the trash. */
void bothy_uppers_sweep (BothyUppers *self, GHashTable *wanted);

G_END_DECLS
