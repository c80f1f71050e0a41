/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Layers that a process without rights is to read: those of containers and those of images, as mounts that change nothing, with
   the ids that are on disk. */

/* Have REQUEST, of HELPER_MOUNT, also mount UPPER. */
void bothy_layers_add_upper (struct helper_request *request, const BothyUpper *upper);

/* The same of IMAGE's layers, the topmost first. */
void bothy_layers_add_image (struct helper_request *request, const BothyImage *image);

/* Mount what is in REQUEST. The caller sees to it that it stays there meanwhile. */
void bothy_layers_mount (BothyHelperClient *helper,
                         const struct helper_request *request,
                         GAsyncReadyCallback callback,
                         gpointer user_data);

/* Mounts in the order of the request. (transfer full); NULL with an error. */
GUnixFDList *bothy_layers_mount_finish (GAsyncResult *result, GError **error);

G_END_DECLS
