/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What users call their images. */
#include "core/images/image-store-private.h"

#include "base/error.h"
#include "core/images/origins.h"
#include "core/images/reference.h"

#define MAX_ALIASES 64 /* of one image and one user: they are all in its record */

static GPtrArray *
claim_of (BothyImage *image, guint32 user)
{
  return g_hash_table_lookup (image->claims, GUINT_TO_POINTER (user));
}

static gboolean
is_called (BothyImage *image, guint32 user, const char *name)
{
  GPtrArray *own = claim_of (image, user);

  return own && g_ptr_array_find_with_equal_func (own, name, g_str_equal, NULL);
}

/* Whatever else of USER's had the name has it no more. */
static void
take_from_others (BothyImageStore *self, BothyImage *image, guint32 user, const char *name)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (GList *l = images; l; l = l->next) {
    if (l->data != image && is_called (l->data, user, name)) {
      bothy_image_remove_alias (l->data, user, name);
      bothy_image_store_save (self, l->data);
    }
  }
}

gboolean
bothy_image_store_check_names (BothyImage *image, guint32 user, const char *const *aliases, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *own = claim_of (image, user);
  guint n_own = own ? own->len : 0;

  for (guint i = 0; i < n_own; i++)
    g_hash_table_add (names, g_strdup (own->pdata[i]));
  for (; *aliases; aliases++)
    g_hash_table_add (names, bothy_reference_canonical (*aliases));
  if (g_hash_table_size (names) <= MAX (MAX_ALIASES, n_own))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "Image %.12s has %d aliases of yours; remove one first", image->fingerprint, MAX_ALIASES);
  return FALSE;
}

gboolean
bothy_image_store_add_alias (
    BothyImageStore *self, BothyImage *image, guint32 user, const char *alias, GError **error)
{
  g_autofree char *name = bothy_reference_canonical (alias);
  const char *const names[] = { name, NULL };
  gboolean had_claim = claim_of (image, user) != NULL;

  if (is_called (image, user, name))
    return TRUE;
  if (!(had_claim || bothy_image_store_check_room (self, image, user, error)) ||
      !bothy_image_store_check_names (image, user, names, error))
    return FALSE;
  bothy_image_add_claim (image, user, name);
  if (bothy_image_store_write (self, image, error)) {
    take_from_others (self, image, user, name);
    return TRUE;
  }
  if (had_claim)
    bothy_image_remove_alias (image, user, name);
  else
    bothy_image_remove_claim (image, user);
  return FALSE;
}

/* The claim stays, unless it was for the name alone that USER had one. */
gboolean
bothy_image_store_remove_alias (
    BothyImageStore *self, BothyImage *image, guint32 user, const char *alias, GError **error)
{
  g_autofree char *name = bothy_reference_canonical (alias);
  g_autofree char *origin = g_strdup (g_hash_table_lookup (image->origins, GUINT_TO_POINTER (user)));
  gboolean is_last;

  if (!is_called (image, user, name)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
                 "\"%.80s\" is no alias of yours of image %.12s", name, image->fingerprint);
    return FALSE;
  }
  is_last = image->public_alias && claim_of (image, user)->len == 1;
  if (is_last)
    bothy_image_remove_claim (image, user);
  else
    bothy_image_remove_alias (image, user, name);
  if (bothy_image_store_write (self, image, error))
    return TRUE;
  bothy_image_add_claim (image, user, name);
  if (origin)
    bothy_image_set_origin (image, user, origin);
  return FALSE;
}
