/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/remotes/remote.h"

G_BEGIN_DECLS

/*
 * The remotes of this machine: files that Bothy comes with, those of the administrator in place of
 * them, and records of AddRemote. They are read anew at each question, so that what is edited counts.
 */
typedef struct _BothyRemotes BothyRemotes;

/* Those of DIRFD, the directory STATE/remotes, which stays the caller's, and of the files. (transfer full) */
BothyRemotes *bothy_remotes_new (int dirfd);

/* Free it; the directory stays open. */
void bothy_remotes_free (BothyRemotes *self);

/* All of them, in the order of their names, also those that are switched off. (element-type BothyRemote) (transfer full) */
GPtrArray *bothy_remotes_list (BothyRemotes *self);

/*
 * Copies of the remotes to ask for an image: the one called NAME; or, if NAME is NULL, every catalogue that is switched
 * on, by name. (element-type BothyRemote) (transfer full) NULL with NO_SUCH_REMOTE: there is none.
 */
GPtrArray *bothy_remotes_choose (BothyRemotes *self, const char *name, GError **error);

/* The registry that references call REGISTRY: one of the remotes, by name or by its URL's host; or else that
   host itself, over https. NULL with NO_SUCH_REMOTE: it is switched off. */
BothyRemote *bothy_remotes_find_registry (BothyRemotes *self, const char *registry, GError **error);

/*
 * Write REMOTE and its KEY (or NULL) down. FALSE with INVALID_ARGS: there is one of that name; or because it can not be
 * written.
 */
gboolean bothy_remotes_add (BothyRemotes *self, const BothyRemote *remote, GBytes *key, GError **error);

/* Remove the remote NAME that was added. FALSE with NO_SUCH_REMOTE: there is none; or it is in a file, which ERROR says. */
gboolean bothy_remotes_remove (BothyRemotes *self, const char *name, GError **error);

/* An fd of the keys that sign what REMOTE says, the caller's; -1 and no error: it has none. */
int bothy_remotes_open_key (BothyRemotes *self, const BothyRemote *remote, GError **error);

/* FALSE with NOT_VERIFIED: REMOTE has shown a newer version of PRODUCT before, or VERSION is of the future.
 */
gboolean bothy_remotes_check_version (
    BothyRemotes *self, const BothyRemote *remote, const char *product, const char *version, GError **error);

/* It was seen, and nothing older is taken from now on. */
void bothy_remotes_note_version (BothyRemotes *self,
                                 const BothyRemote *remote,
                                 const char *product,
                                 const char *version);

/* The directory STATE/remotes, which stays what it was given as. */
int bothy_remotes_get_fd (BothyRemotes *self);

G_END_DECLS
