/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/*
 * Whose an image is, and what he calls it. Of one user's images only one has a name: who gives it to another one takes
 * it from the first, which stays, under its fingerprint. A name that is a reference to a registry is one however much
 * of it was typed: see bothy_reference_canonical().
 */

/* IMAGE is USER's from now on, called ALIAS (or NULL: he has no name for it). */
void bothy_image_store_claim (BothyImageStore *self, BothyImage *image, guint32 user, const char *alias);

/* Whether USER may call IMAGE all of ALIASES (NULL-terminated) beside what he calls it already; else QUOTA_EXCEEDED. */
gboolean
bothy_image_store_check_names (BothyImage *image, guint32 user, const char *const *aliases, GError **error);

/*
 * IMAGE, which is in the store, is USER's as well from now on: called ALIASES (NULL-terminated), come to him from ORIGIN
 * (see bothy_image_get_origin()), and found good as VERIFIED says ("sha256", or "signature:" and a key). It counts
 * against what he may have: FALSE with QUOTA_EXCEEDED, and nothing is changed.
 */
gboolean bothy_image_store_adopt (BothyImageStore *self,
                                  BothyImage *image,
                                  guint32 user,
                                  const char *const *aliases,
                                  const char *origin,
                                  const char *verified,
                                  GError **error);

/*
 * USER, who can see IMAGE, calls it ALIAS as well from now on. FALSE with QUOTA_EXCEEDED, or because its record could not
 * be written (NO_SPACE, FAILED); then nothing is changed.
 */
gboolean bothy_image_store_add_alias (
    BothyImageStore *self, BothyImage *image, guint32 user, const char *alias, GError **error);

/*
 * USER calls IMAGE ALIAS no more. It stays his, unless it is the built-in one and that was his last name for it. FALSE
 * with NO_SUCH_IMAGE: he does not call it so; or because its record could not be written.
 */
gboolean bothy_image_store_remove_alias (
    BothyImageStore *self, BothyImage *image, guint32 user, const char *alias, GError **error);

G_END_DECLS
