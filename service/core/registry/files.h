/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* What the files of containers are made of: which layers there are of what they wrote, and which of these are needed. */

/* All is copied, and may change again. */
typedef void (*BothyFilesCopied) (gpointer user_data);

/* Make an empty layer for CONTAINER that stands on BELOW, "" or the id of a BothyUpper. Its files count as CONTAINER's. */
void bothy_files_make (BothyRegistry *self,
                       BothyContainer *container,
                       const char *below,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* The same of one with a copy of all that is in CONTAINER's top, which nothing writes into until COPIED is called, with USER_DATA
   as well: that is before the disk has it all. If it can not be copied, COPIED is not called. Fails with LIMITS_EXCEEDED where copying would
   take long. */
void bothy_files_make_copy (BothyRegistry *self,
                            BothyContainer *container,
                            BothyFilesCopied copied,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* For both: (transfer none), with a hold, which the caller lets go. NULL with an error: nothing is left of it. */
BothyUpper *bothy_files_make_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Whether CONTAINER could be started on the layer ID, with one more to write into: a container stands on so many layers at
   most. FALSE with LIMITS_EXCEEDED. */
gboolean bothy_files_check_depth (BothyRegistry *self,
                                  const BothyContainer *container,
                                  const char *id,
                                  GError **error);

/* Put all layers into the trash that nothing stands on: neither a container nor a snapshot, nor what is under way. */
void bothy_files_sweep (BothyRegistry *self);

/* CONTAINER, which does not run, is deleted: put into the trash what of its files no copy stands on, and let go of
   CONTAINER. FALSE with FAILED or NO_SPACE: it is there as before. */
gboolean bothy_files_discard (BothyRegistry *self, BothyContainer *container, GError **error);

G_END_DECLS
