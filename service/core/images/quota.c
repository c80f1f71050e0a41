/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What images take of their users' quotas. */
#include "core/images/image-store-private.h"

#include "base/error.h"
#include "core/images/origins.h"

/* The layers of IMAGE that SEEN, a set of ids, has not; they are in it afterwards. */
static guint64
count_layers (BothyImageStore *self, const BothyImage *image, GHashTable *seen)
{
  guint64 bytes = 0;

  for (char **id = image->layers; *id; id++) {
    const BothyLayer *layer = bothy_layer_store_lookup (self->layers, *id);

    if (g_hash_table_add (seen, *id) && layer)
      bytes += layer->size;
  }
  return bytes;
}

static guint64
count_readings (BothyImageStore *self, guint32 user, GHashTable *seen)
{
  guint64 bytes = 0;

  for (guint i = 0; i < self->readings->len; i++) {
    const BothyReading *reading = self->readings->pdata[i];

    for (guint j = 0; reading->user == user && j < reading->layers->len; j++) {
      const BothyLayer *layer = reading->layers->pdata[j];

      bytes += g_hash_table_add (seen, layer->id) ? layer->size : 0;
    }
  }
  return bytes;
}

static guint64
count_images (BothyImageStore *self, guint32 user, GHashTable *seen)
{
  g_autoptr (GList) images = bothy_image_store_list (self);
  guint64 bytes = 0;

  for (GList *l = images; l; l = l->next) {
    if (g_hash_table_contains (BOTHY_IMAGE (l->data)->claims, GUINT_TO_POINTER (user)))
      bytes += count_layers (self, l->data, seen);
  }
  return bytes + count_readings (self, user, seen);
}

guint64
bothy_image_store_used (BothyImageStore *self, guint32 user)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  return count_images (self, user, seen);
}

static void
set_quota_error (BothyImageStore *self, GError **error)
{
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "Your images take all of your %" G_GUINT64_FORMAT " bytes; remove one first",
               self->configuration->max_image_bytes);
}

BothyBudget *
bothy_image_store_begin (BothyImageStore *self, guint32 user, GError **error)
{
  g_autoptr (BothyBudget) budget = bothy_budget_new (self->budgets, user);

  if (bothy_budget_left (budget) > 0)
    return g_steal_pointer (&budget);
  set_quota_error (self, error);
  return NULL;
}

gboolean
bothy_image_store_check_room (BothyImageStore *self, BothyImage *image, guint32 user, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (BothyBudget) budget = bothy_budget_new (self->budgets, user);

  count_images (self, user, seen);
  if (bothy_budget_note (budget, count_layers (self, image, seen)))
    return TRUE;
  set_quota_error (self, error);
  return FALSE;
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
  if (!bothy_image_store_check_room (self, image, user, error) ||
      !bothy_image_store_check_names (image, user, aliases, error))
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
