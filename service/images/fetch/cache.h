/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http.h"

/*
 * What a remote said before, in a file that only this program reads and writes. Nothing in it is believed
 * more than what comes from the remote: it may be damaged, and signatures are checked again.
 */
typedef struct _Cache Cache;

/* From the channel's file, if it has one. */
Cache *cache_new (Http *http, Channel *channel);

/* Free it; HTTP and the channel stay. */
void cache_free (Cache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Cache, cache_free)

/* As http_get(); the remote is asked only if what it said is too old, and whether it is another one now. */
GBytes *cache_get (Cache *self, const char *path, gsize max, GError **error);

/* Whether ERROR may come of something old that was taken. */
gboolean cache_may_mislead (const Cache *self, const GError *error);

/* Nothing old is taken from now on. */
void cache_forget (Cache *self);

/* Into the channel's new file, if it has one, and tells the channel so. */
void cache_save (Cache *self);
