/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-manager.h"
#include "platform/scopes.h"

G_BEGIN_DECLS

/* Units of this description are nobody's yet, unless a record names them. */
#define BOTHY_SCOPE_POOL_DESCRIPTION "Bothy: kept ready"
/* And those of this one have a user's parsers, of this bothyd. */
#define BOTHY_SCOPE_POOL_PARSERS "Bothy: parsers"

/*
 * Scopes made ahead. The kernel takes a dozen milliseconds to put systemd's first process
 * into a new scope, so a user who creates and starts containers has one kept ready: named
 * before anybody knows whose it will be, held by a process of bothy-helper's that sleeps
 * (HELPER_HOLD) and goes when we let go of it. Also who finds none ready gets his by this way.
 */
#define BOTHY_TYPE_SCOPE_POOL (bothy_scope_pool_get_type ())
G_DECLARE_FINAL_TYPE (BothyScopePool, bothy_scope_pool, BOTHY, SCOPE_POOL, GObject)

BothyScopePool *bothy_scope_pool_new (BothyScopes *scopes, BothyHelperClient *helper);

/* See to it that SPEC's owner has one for some seconds to come, with SPEC's limits. NESTED: as in BothyScope. */
void bothy_scope_pool_prepare (BothyScopePool *self, const BothyCgroupSpec *spec, gboolean nested);

/* Take the one that is there, whatever its limits are, or wait for a new one. */
void bothy_scope_pool_take (BothyScopePool *self,
                            const BothyCgroupSpec *spec,
                            gboolean nested,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyCgroup *bothy_scope_pool_take_finish (BothyScopePool *self, GAsyncResult *result, GError **error);

G_END_DECLS
