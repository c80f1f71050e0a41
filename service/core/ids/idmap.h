/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ids/ranges.h"
#include "helper/protocol.h"

G_BEGIN_DECLS

/* The map that somebody wants for a user namespace of his own. */
typedef struct {
  struct helper_extent uids[HELPER_MAX_EXTENTS];
  struct helper_extent gids[HELPER_MAX_EXTENTS];
  guint n_uids;
  guint n_gids;
} BothyIdMap;

/* Read EXTENTS, the a(suuu) of MapUserNamespace, into RET_MAP. FALSE and INVALID_ARGS for what can be nobody's
   map: ids that overlap, do not exist, or leave out uids or gids. */
gboolean bothy_id_map_parse (GVariant *extents, BothyIdMap *ret_map, GError **error);

/* Whether all ids outside the namespace are USER's: of ranges that he holds by hand, or once his own uid, or the
   gid GID of his account. RET_KEEPS says whether one of the latter is there: then setgroups(2) must be denied
   inside. FALSE and NOT_YOURS if not. For the main thread. */
gboolean bothy_id_map_check (const BothyIdMap *self,
                             BothyRanges *ranges,
                             guint32 user,
                             guint32 gid,
                             gboolean *ret_keeps,
                             GError **error);

G_END_DECLS
