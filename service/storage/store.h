/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storage/trash.h"

G_BEGIN_DECLS

/* What is under way has this before its name, in the directory where it is to stand. */
#define BOTHY_STORE_NEW ".new-"

/* FALSE: it could not be read. */
typedef gboolean (*BothyStoreLoad) (gpointer self, const char *fingerprint);

/* Load all of a directory whose entries are named by fingerprints; what was cut short goes into the trash.
   FALSE: not all that is there could be read. */
gboolean bothy_store_load (int dirfd, BothyTrash *trash, BothyStoreLoad load, gpointer self);

G_END_DECLS
