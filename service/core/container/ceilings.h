/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/limits.h"

G_BEGIN_DECLS

/*
 * What one container of a user may have at most: as bothyd.conf(5) says for all users, and in its place what an administrator said
 * for this one, which is a record of its own, STATE/ceilings/<uid>.
 */
typedef struct _BothyCeilings BothyCeilings;

/* CONFIGURATION, and DIRFD (STATE/ceilings), stay the caller's. RET_DEGRADED: some record could not be read, so whose it is may have
   more than he should. Free it with bothy_ceilings_free(). */
BothyCeilings *
bothy_ceilings_new (int dirfd, const BothyConfiguration *configuration, gboolean *ret_degraded);

/* The records stay. */
void bothy_ceilings_free (BothyCeilings *self);

/* The configuration as it holds for USER. (transfer none); good until bothy_ceilings_set(). */
const BothyConfiguration *bothy_ceilings_for (BothyCeilings *self, guint32 user);

/* What was said for USER himself; NULL: nothing. (transfer none) */
const BothyCgroupLimits *bothy_ceilings_get (BothyCeilings *self, guint32 user);

/* The uids for which something was said, in no order. (element-type guint32) (transfer full) */
GArray *bothy_ceilings_list (BothyCeilings *self);

/* Whether there is a ceiling for each of CEILINGS that are given, and each has a value that one can have. FALSE with INVALID_ARGS, which names the key. */
gboolean bothy_ceilings_check (const BothyCgroupLimits *ceilings, GError **error);

/* Say CEILINGS, which were bothy_ceilings_check(), for USER in place of what was said before; with none given he is like all others. FALSE with
   an error: nothing is changed. */
gboolean
bothy_ceilings_set (BothyCeilings *self, guint32 user, const BothyCgroupLimits *ceilings, GError **error);

G_END_DECLS
