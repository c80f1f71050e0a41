/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ids/idmap.h"

#include "base/error.h"
#include "core/ids/conflicts.h"

#include <string.h>

/* Both are below 2^32, and the last id, (uid_t) -1, is nobody's. */
static gboolean
fits (guint32 first, guint32 count)
{
  return count > 0 && (guint64)first + count <= G_MAXUINT32;
}

static gboolean
overlaps (guint32 a, guint32 b, guint32 count_a, guint32 count_b)
{
  return (guint64)a < (guint64)b + count_b && (guint64)b < (guint64)a + count_a;
}

static gboolean
refuse_extent (GError **error, const struct helper_extent *extent, const char *why)
{
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%u:%u:%u: %s", extent->inside, extent->outside,
               extent->count, why);
  return FALSE;
}

static gboolean
append_extent (struct helper_extent *extents, guint *n, const struct helper_extent *extent, GError **error)
{
  if (!fits (extent->inside, extent->count) || !fits (extent->outside, extent->count))
    return refuse_extent (error, extent, "at least one id, and none above 4294967294, is wanted");
  if (*n == HELPER_MAX_EXTENTS)
    return refuse_extent (error, extent, "a map has at most 5 parts for uids, and 5 for gids");
  for (guint i = 0; i < *n; i++) {
    if (overlaps (extents[i].inside, extent->inside, extents[i].count, extent->count) ||
        overlaps (extents[i].outside, extent->outside, extents[i].count, extent->count))
      return refuse_extent (error, extent, "an id of it is in another part of the map already");
  }
  extents[(*n)++] = *extent;
  return TRUE;
}

gboolean
bothy_id_map_parse (GVariant *extents, BothyIdMap *ret_map, GError **error)
{
  gsize n = g_variant_n_children (extents);

  memset (ret_map, 0, sizeof *ret_map);
  for (gsize i = 0; i < n; i++) {
    struct helper_extent extent;
    const char *kind;

    g_variant_get_child (extents, i, "(&suuu)", &kind, &extent.inside, &extent.outside, &extent.count);
    if (!*kind || !strchr ("ugb", *kind) || kind[1])
      return refuse_extent (error, &extent, "its kind has to be \"u\", \"g\" or \"b\"");
    if (*kind != 'g' && !append_extent (ret_map->uids, &ret_map->n_uids, &extent, error))
      return FALSE;
    if (*kind != 'u' && !append_extent (ret_map->gids, &ret_map->n_gids, &extent, error))
      return FALSE;
  }
  /* It can not be completed later. */
  if (ret_map->n_uids > 0 && ret_map->n_gids > 0)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "The map needs both uids and gids");
  return FALSE;
}

static gboolean
check_extents (const struct helper_extent *extents,
               guint n,
               BothyRanges *ranges,
               guint32 user,
               guint32 own,
               gboolean *keeps,
               GError **error)
{
  for (guint i = 0; i < n; i++) {
    const struct helper_extent *e = &extents[i];

    if (bothy_ranges_are_by_hand (ranges, user, e->outside, e->count)) {
      /* It is his, but somebody may have written another's line over it. */
      if (!bothy_conflicts_check_listed (e->outside, e->count, error))
        return FALSE;
      continue;
    }
    if (own == 0 || e->outside != own || e->count != 1) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS,
                   "%u:%u:%u: not all of these ids are of a range that you hold by hand; \"bothy range "
                   "list\" shows them",
                   e->inside, e->outside, e->count);
      return FALSE;
    }
    *keeps = TRUE;
  }
  return TRUE;
}

gboolean
bothy_id_map_check (const BothyIdMap *self,
                    BothyRanges *ranges,
                    guint32 user,
                    guint32 gid,
                    gboolean *ret_keeps,
                    GError **error)
{
  *ret_keeps = FALSE;
  return check_extents (self->uids, self->n_uids, ranges, user, user, ret_keeps, error) &&
         check_extents (self->gids, self->n_gids, ranges, user, gid, ret_keeps, error);
}
