/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/layer-store.h"

G_BEGIN_DECLS

/*
 * Layers that came a moment ago, and that no image may stand on yet. Who asks the same server for the same
 * bytes as long as somebody holds them need not wait for them. Keys say of both.
 */
typedef struct _BothyRecent BothyRecent;

BothyRecent *bothy_recent_new (BothyLayerStore *layers);
void bothy_recent_free (BothyRecent *self);

void bothy_recent_add (BothyRecent *self, const char *key, const char *id);

/* NULL: it did not come, or nobody holds it any more. */
BothyLayer *bothy_recent_find (BothyRecent *self, const char *key);

G_END_DECLS
