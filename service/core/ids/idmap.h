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

/* Take EXTENTS, a(suuu) as MapUserNamespace has them, apart. FALSE with INVALID_ARGS for what can be nobody's
 * map. */
gboolean bothy_id_map_parse (GVariant *extents, BothyIdMap *ret_map, GError **error);

/* Whether the ids outside are USER's: of ranges that he holds by hand, or his own uid and his GID, one of
   each. RET_KEEPS: one of the latter is there. FALSE with NOT_YOURS. */
gboolean bothy_id_map_check (const BothyIdMap *self,
                             BothyRanges *ranges,
                             guint32 user,
                             guint32 gid,
                             gboolean *ret_keeps,
                             GError **error);

G_END_DECLS
