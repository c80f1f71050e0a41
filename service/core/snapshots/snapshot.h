/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BOTHY_MAX_SNAPSHOTS 64 /* of one container */

/* What a container's files were like at some time. */
typedef struct {
  char *name;
  char *upper;        /* the id of the topmost layer that the container had written by then: a BothyUpper */
  gint64 created_at;  /* µs since 1970 */
  gboolean automatic; /* nobody asked for it: it has what was there when another one was restored */
  gboolean unnamed;   /* whoever asked for it left the name to us */
  gboolean personal;  /* see BothyContainer */
} BothySnapshot;

/* A snapshot made now. (transfer full) */
BothySnapshot *
bothy_snapshot_new (const char *name, const char *upper, gboolean automatic, gboolean personal);

/* SNAPSHOT may not be NULL. */
void bothy_snapshot_free (BothySnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothySnapshot, bothy_snapshot_free)

/* ---- those of a container: (element-type BothySnapshot), the oldest first ---- */

/* An empty list. (transfer full) */
GPtrArray *bothy_snapshots_new (void);

/* A list of copies of SNAPSHOTS. (transfer full) */
GPtrArray *bothy_snapshots_copy (GPtrArray *snapshots);

/* The one called NAME. (transfer none); NULL: there is none. */
BothySnapshot *bothy_snapshots_find (GPtrArray *snapshots, const char *name);

/* A name for one made now that none of SNAPSHOTS has: PREFIX, the day and the time (UTC). (transfer full) */
char *bothy_snapshots_make_name (GPtrArray *snapshots, const char *prefix);

/* Whether N more may be there, one of them called NAME. FALSE with SNAPSHOT_EXISTS or QUOTA_EXCEEDED. */
gboolean bothy_snapshots_check (GPtrArray *snapshots, const char *name, guint n, GError **error);

/* Let at most KEEP of those be there that somebody asked for without a name: the oldest of them go. */
void bothy_snapshots_prune (GPtrArray *snapshots, guint keep);

/* Write SNAPSHOTS into RECORD, each in a group of its own. */
void bothy_snapshots_to_record (GPtrArray *snapshots, GKeyFile *record);

/* What RECORD says of them. (transfer full); NULL with DEGRADED when that makes no sense. */
GPtrArray *bothy_snapshots_from_record (GKeyFile *record, GError **error);

/* As the bus shows them (aa{sv}). (transfer floating) */
GVariant *bothy_snapshots_to_variant (GPtrArray *snapshots);

G_END_DECLS
