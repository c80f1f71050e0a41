/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/layer.h"

G_BEGIN_DECLS

/*
 * How many bytes of images each user may have, and what is taken of that: by the layers of his images, each
 * once and in
 * full, whoever else has it; by layers that he reads, even if he removed the image meanwhile; and by what
 * comes in.
 */
typedef struct _BothyQuota BothyQuota;

/* Put every BothyLayer that USER's images stand on into LAYERS, a set; DATA is that of bothy_quota_new(). */
typedef void (*BothyQuotaCollect) (gpointer data, guint32 user, GHashTable *layers);

/* MAX_BYTES for each user; COLLECT is asked what he has, with DATA. (transfer full) */
BothyQuota *bothy_quota_new (guint64 max_bytes, BothyQuotaCollect collect, gpointer data);

/* No budget and no reading may be left. */
void bothy_quota_free (BothyQuota *self);

/* Bytes of what USER has and reads, without what is coming in. */
guint64 bothy_quota_used (BothyQuota *self, guint32 user);

/* Whether USER may have LAYERS, a set of BothyLayer, beside what he has; FALSE with QUOTA_EXCEEDED. */
gboolean bothy_quota_check_room (BothyQuota *self, guint32 user, GHashTable *layers, GError **error);

/*
 * What an import under way may write: its user's quota without what he has, and without what his other
 * imports write
 * meanwhile. So several at once stay within the quota of one, but for what they write between two messages of
 * bothy-unpack, a tenth of a second; what goes beyond is never kept.
 */
typedef struct _BothyBudget BothyBudget;

/* For an import of USER's. (transfer full) NULL with QUOTA_EXCEEDED: nothing is left of what he may have. */
BothyBudget *bothy_quota_begin (BothyQuota *self, guint32 user, GError **error);

/* What it counted is either the user's by now, or gone. */
void bothy_budget_free (BothyBudget *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyBudget, bothy_budget_free)

/* The user that it is for. */
guint32 bothy_budget_get_user (const BothyBudget *self);

/* How many bytes more it may write. */
guint64 bothy_budget_left (const BothyBudget *self);

/* BYTES have been written and stay (a finished layer). They count until the budget is freed, and what
   bothy_budget_note() says later is added to them. */
void bothy_budget_keep (BothyBudget *self, guint64 bytes);

/* The import has written BYTES since the last bothy_budget_keep(); 0: what it wrote was kept, or removed.
   FALSE: with that, the user has more than his quota. */
gboolean bothy_budget_note (BothyBudget *self, guint64 bytes);

/* Layers that a user reads: they count as his until he has read them. */
typedef struct _BothyReading BothyReading;

/* One of USER's, of no layer yet. (transfer full) */
BothyReading *bothy_quota_begin_reading (BothyQuota *self, guint32 user);

/* It is over: what was read counts no more. */
void bothy_reading_free (BothyReading *self);

/* LAYER, which the caller holds in its store for as long, is read, too. */
void bothy_reading_add (BothyReading *self, BothyLayer *layer);

/* The layers of the reading. (element-type BothyLayer) (transfer none) */
GPtrArray *bothy_reading_get_layers (BothyReading *self);

G_END_DECLS
