/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "platform/helper-client.h"

G_BEGIN_DECLS

/*
 * Where the files of images and containers end. Putting a directory here is a rename:
 * its old name is free at once. The files, which belong to the neutral range, are removed by
 * bothy-unpack afterwards, one directory at a time, and again after a restart.
 */
#define BOTHY_TYPE_TRASH (bothy_trash_get_type ())
G_DECLARE_FINAL_TYPE (BothyTrash, bothy_trash, BOTHY, TRASH, GObject)

/* DIRFD: STATE/trash, which stays the caller's. Begins with what is left there. */
BothyTrash *bothy_trash_new (int dirfd, BothyHelperClient *helper);

/* Move NAME below PARENT here; its state on disk is settled when this returns TRUE. */
gboolean bothy_trash_put (BothyTrash *self, int parent, const char *name, GError **error);

/* Call back when all that is in it now is gone, or could not be removed. */
void bothy_trash_empty (BothyTrash *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_trash_empty_finish (BothyTrash *self, GAsyncResult *result, GError **error);

/* Whether something is being removed. */
gboolean bothy_trash_is_busy (BothyTrash *self);

G_END_DECLS
