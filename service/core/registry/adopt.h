/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/survey.h"
#include "core/registry/registry.h"

G_BEGIN_DECLS

/* How far it is: what is being done (static), and how much of it is, as of an operation. */
typedef void (*BothyAdoptProgress) (const char *phase, double progress, guint64 bytes, gpointer user_data);

/* What nobody else says would be done, that is worth a word. */
typedef void (*BothyAdoptWarning) (const char *text, gpointer user_data);

/*
 * Make a container of what SOURCE is, for its owner: its files are copied, and become an image that goes with the container; what
 * its configuration says that Bothy has, too, is the container's. The original is only read. NETWORK (taken over) is what
 * the container has in place of what the configuration says; NULL: that. Of a source that is in_place no file is copied: the image
 * stands on the files where they are, see core/images/place.h.
 */
void bothy_registry_adopt (BothyRegistry *self,
                           const BothyAdoptSource *source,
                           BothyContainerNetwork *network,
                           BothyAdoptProgress progress,
                           BothyAdoptWarning warning,
                           gpointer watch_data,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/* A container that stands on the tree of root's container SOURCE of KIND, which was adopted where it is; NULL: none does. (transfer
   none) */
BothyContainer *bothy_registry_find_in_place (BothyRegistry *self, BothyAdoptKind kind, const char *source);

/* FALSE with WRONG_STATE: SOURCE was adopted where it is already. */
gboolean
bothy_registry_check_not_in_place (BothyRegistry *self, const BothyAdoptSource *source, GError **error);

/* (transfer full); NULL with an error, as bothy_adopt_look(), importing an image, or making a container fails: nothing is
   left of it. */
BothyContainer *bothy_registry_adopt_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS
