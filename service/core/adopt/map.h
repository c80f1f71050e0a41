/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "helper/protocol.h"

G_BEGIN_DECLS

/* Which ids of the host's the files of a tree have, and which these are inside: "outside" is the host's, of inside 0 to
   65535 alone. None of uids: nothing is known. */
typedef struct {
  struct helper_extent uids[HELPER_MAX_EXTENTS];
  struct helper_extent gids[HELPER_MAX_EXTENTS];
  guint n_uids, n_gids;
} BothyAdoptMap;

/* COUNT ids from INSIDE on are those from OUTSIDE on, of uids ('u'), gids ('g') or both ('b'). FALSE: there are more such
   than a map can have, or what is KIND. What is inside above 65535 is left out. */
gboolean bothy_adopt_map_add (BothyAdoptMap *self, char kind, guint32 inside, guint32 outside, guint32 count);

/*
 * What a tree has of which nothing is known but that its root belongs to UID and GID: with root's, all ids as they are; of
 * OWNER's own, whose the container will be and who has the gid OWNER_GID, these two are root inside; else the 65536 ids from
 * there on, which may not begin among the machine's own accounts. FALSE with NOT_YOURS.
 */
gboolean bothy_adopt_map_guess (
    BothyAdoptMap *self, guint32 uid, guint32 gid, guint32 owner, guint32 owner_gid, GError **error);

/* Who is root inside, as a uid of the host's. FALSE: nobody. */
gboolean bothy_adopt_map_get_root (const BothyAdoptMap *self, guint32 *ret_uid);

/* Whether both a user and a group are root inside: without these there is no mount. */
gboolean bothy_adopt_map_has_roots (const BothyAdoptMap *self);

/* Whether files have the host's own ids, 0 among them. */
gboolean bothy_adopt_map_is_privileged (const BothyAdoptMap *self);

/* "0-65535 are 100000-165535", or more of it, of the uids. (transfer full) */
char *bothy_adopt_map_describe (const BothyAdoptMap *self);

/*
 * Find out whether all ids outside are USER's: by subuid(5) and subgid(5), wherever these come from, or his uid and his
 * account's gid, each alone. Name services are asked in a thread. Fails with NOT_YOURS.
 */
void bothy_adopt_map_check (const BothyAdoptMap *self,
                            guint32 user,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean bothy_adopt_map_check_finish (GAsyncResult *result, GError **error);

/*
 * Find out whether nobody but root can change files that have these ids: none is an account's or somebody's by subuid(5)
 * and subgid(5), and none of them is one alone, which is a user's. The host's own ids, from 0 on, are root's here: what else has them
 * is kept out by the directory that the tree is in. Name services are asked in a thread. Fails with NOT_YOURS and others.
 */
void
bothy_adopt_map_check_roots (const BothyAdoptMap *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_adopt_map_check_roots_finish (GAsyncResult *result, GError **error);

/* Fill in REQUEST, a HELPER_USERNS, so that a mount with it shows the files to root of the neutral range as they are inside;
   with SHIFT each id is so much higher, and those that are above 65535 then are none. A map that has not got both
   roots makes a request that the helper refuses. */
void bothy_adopt_map_fill (const BothyAdoptMap *self, guint32 shift, struct helper_request *request);

G_END_DECLS
