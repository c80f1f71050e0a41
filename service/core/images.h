/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/configuration.h"
#include "core/image.h"
#include "platform/helper.h"
#include "storage/trash.h"
#include "storage/unpacker.h"

G_BEGIN_DECLS

/* The alias of the image that is made from the machine's own busybox. */
#define BOTHY_BUILTIN_ALIAS "busybox"

/* The store of images, STATE/images. Signals: "added" and "removed" (BothyImage *). */
#define BOTHY_TYPE_IMAGES (bothy_images_get_type ())
G_DECLARE_FINAL_TYPE (BothyImages, bothy_images, BOTHY, IMAGES, GObject)

/* DIRFD: STATE/images, which stays the caller's. Reads what is there; RET_DEGRADED when some could not be. */
BothyImages *bothy_images_new (int dirfd, const BothyConfiguration *configuration, BothyHelper *helper,
                               BothyTrash *trash, gboolean *ret_degraded);

/* The image that USER means by NAME (alias, fingerprint or the beginning of one), or NULL with NO_SUCH_IMAGE. */
BothyImage *bothy_images_find (BothyImages *self, guint32 user, const char *name, GError **error);

/* The one of FINGERPRINT, whoever may see it; or NULL. */
BothyImage *bothy_images_lookup (BothyImages *self, const char *fingerprint);

/* As bothy_images_find(), and makes the built-in image when that is what NAME means. */
void bothy_images_resolve (BothyImages *self, guint32 user, const char *name, GAsyncReadyCallback callback,
                           gpointer user_data);
BothyImage *bothy_images_resolve_finish (BothyImages *self, GAsyncResult *result, GError **error);

/* Make the built-in image if the machine has a static busybox and it is not there yet. */
void bothy_images_ensure_builtin (BothyImages *self, GAsyncReadyCallback callback, gpointer user_data);

/* Unpack ARCHIVE_FD for USER. ALIAS and FINGERPRINT may be NULL. */
void bothy_images_import (BothyImages *self, guint32 user, int archive_fd, const char *alias, const char *fingerprint,
                          BothyUnpackProgress progress, gpointer progress_data, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data);
BothyImage *bothy_images_import_finish (BothyImages *self, GAsyncResult *result, GError **error);

/* As bothy_images_import(), for what comes from a remote: ORIGIN is "REMOTE:NAME", VERIFIED as of Image.Verified. */
void bothy_images_import_from (BothyImages *self, guint32 user, int archive_fd, const char *fingerprint,
                               const char *origin, const char *verified, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);

/* IMAGE, which is there already, is USER's as well, called ALIAS; it counts against what USER may have. */
gboolean bothy_images_adopt (BothyImages *self, BothyImage *image, guint32 user, const char *alias,
                             const char *verified, GError **error);

/* USER wants IMAGE no more. */
gboolean bothy_images_forget (BothyImages *self, BothyImage *image, guint32 user, GError **error);

/* A container stands on IMAGE now (by 1), or no more (by -1). */
void bothy_images_use (BothyImages *self, BothyImage *image, int by);

/* All of them, in no order. (element-type BothyImage) */
GList *bothy_images_list (BothyImages *self);

G_END_DECLS
