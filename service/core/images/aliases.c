/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/aliases.h"

#include "base/error.h"
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

void
bothy_image_store_claim (BothyImageStore *self, BothyImage *image, guint32 user, const char *alias)
{
  g_autofree char *name = alias ? bothy_reference_canonical (alias) : NULL;

  if (name)
    take_from_others (self, image, user, name);
  bothy_image_add_claim (image, user, name);
  bothy_image_store_save (self, image);
}

/* Whether USER may have IMAGE beside his others. */
static gboolean
check_room (BothyImageStore *self, BothyImage *image, guint32 user, GError **error)
{
  g_autoptr (GHashTable) layers = g_hash_table_new (NULL, NULL);

  bothy_image_store_collect_layers (self, image, layers);
  return bothy_quota_check_room (bothy_image_store_get_quota (self), user, layers, error);
}

gboolean
bothy_image_store_adopt (BothyImageStore *self,
                         BothyImage *image,
                         guint32 user,
                         const char *const *aliases,
                         const char *origin,
                         const char *verified,
                         GError **error)
{
  if (!check_room (self, image, user, error) || !bothy_image_store_check_names (image, user, aliases, error))
    return FALSE;
  /* The bytes are the same: what is known of them now counts for everybody who has them. */
  if (g_str_has_prefix (verified, "signature:") || g_str_equal (image->verified, "none"))
    image->verified = (g_free (image->verified), g_strdup (verified));
  bothy_image_set_origin (image, user, origin);
  bothy_image_store_claim (self, image, user, *aliases);
  for (guint i = 1; *aliases && aliases[i]; i++)
    bothy_image_store_claim (self, image, user, aliases[i]);
  return TRUE;
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
  if (!(had_claim || check_room (self, image, user, error)) ||
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
