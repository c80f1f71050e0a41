/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/expiry.h"

static guint
days_left (BothyImageStore *self, const BothyImage *image)
{
  guint days = bothy_image_store_get_configuration (self)->expire_days;
  guint64 today = bothy_image_store_get_day (self);
  guint64 unused = today > image->used_on ? today - image->used_on : 0;

  if (image->used_on == 0 || days == 0 || today == 0)
    return 0;
  return unused < days ? days - (guint)unused : 1;
}

static void
show_days_left (BothyImageStore *self, BothyImage *image)
{
  guint left = days_left (self, image);

  if (left == image->days_left)
    return;
  image->days_left = left;
  g_signal_emit_by_name (image, "changed");
}

void
bothy_image_store_set_new (BothyImageStore *self, BothyImage *image)
{
  guint64 today = bothy_image_store_get_day (self);

  /* As long as the day is not known, the image counts as used in the far future.
     bothy_image_store_begin_day() replaces that by the first day that is known. */
  image->used_on = today > 0 ? today : G_MAXINT64;
  image->days_left = days_left (self, image);
}

void
bothy_image_store_note_use (BothyImageStore *self, BothyImage *image)
{
  guint64 today = bothy_image_store_get_day (self);

  if (image->used_on == 0 || image->used_on == today || today == 0)
    return;
  image->used_on = today;
  bothy_image_store_save (self, image);
  show_days_left (self, image);
}

/* Whoever had IMAGE only for a container has it no more, if there is none on it. */
static void
let_adopted_go (BothyImageStore *self, BothyImage *image)
{
  g_autoptr (BothyImage) kept G_GNUC_UNUSED = g_object_ref (image);
  g_autoptr (GList) users = image->n_containers == 0 ? g_hash_table_get_keys (image->claims) : NULL;

  for (GList *l = users; l; l = l->next) {
    guint32 user = GPOINTER_TO_UINT (l->data);

    if (g_str_equal (bothy_image_get_origin (image, user), BOTHY_ORIGIN_ADOPTED) &&
        !bothy_image_has_names (image, user))
      bothy_image_store_forget (self, image, user, NULL);
  }
}

void
bothy_image_store_drop_adopted (BothyImageStore *self)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (GList *l = images; l; l = l->next)
    let_adopted_go (self, l->data);
}

void
bothy_image_store_use (BothyImageStore *self, BothyImage *image, int by)
{
  /* The store may have had the last reference to it. */
  g_autoptr (BothyImage) kept G_GNUC_UNUSED = g_object_ref (image);

  image->n_containers += (guint)by;
  bothy_image_store_note_use (self, image);
  if (by > 0)
    return;
  let_adopted_go (self, image);
  if (bothy_image_store_lookup (self, image->fingerprint) == image)
    bothy_image_store_drop_if_unwanted (self, image);
}

void
bothy_image_store_keep_unused (BothyImageStore *self, BothyImage *image)
{
  if (image->used_on == 0)
    return;
  image->used_on = 0;
  bothy_image_store_save (self, image);
  show_days_left (self, image);
}

static gboolean
is_over (BothyImageStore *self, const BothyImage *image)
{
  guint days = bothy_image_store_get_configuration (self)->expire_days;

  return days > 0 && image->used_on > 0 && image->n_containers == 0 && !image->public_alias &&
         bothy_image_store_get_day (self) >= image->used_on + days;
}

static void
let_image_go (BothyImageStore *self, BothyImage *image)
{
  g_autoptr (BothyImage) kept = g_object_ref (image);
  g_autoptr (GList) users = g_hash_table_get_keys (image->claims);

  g_message ("Image %.12s (%s) was not used on %" G_GUINT64_FORMAT
             " days and goes; [Images] ExpireDays in bothyd.conf says when",
             image->fingerprint, image->origin, bothy_image_store_get_day (self) - image->used_on);
  for (GList *l = users; l; l = l->next)
    bothy_image_store_forget (self, image, GPOINTER_TO_UINT (l->data), NULL);
}

void
bothy_image_store_begin_day (BothyImageStore *self, guint64 today)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  bothy_image_store_set_day (self, today);
  /* Of what can not be read nobody knows what it stands on. */
  if (bothy_image_store_is_degraded (self) || today == 0)
    return;
  for (GList *l = images; l; l = l->next) {
    BothyImage *image = l->data;

    /* A last use later than today means that the day was not known then, or that the count of days began anew
       after its record was damaged: let the image count as used today. */
    if (image->n_containers > 0 || image->used_on > today)
      bothy_image_store_note_use (self, image);
    if (is_over (self, image))
      let_image_go (self, image);
    else if (g_hash_table_size (image->claims) == 0 && !image->public_alias && image->n_containers == 0)
      /* Its last claim went, and then the power. */
      bothy_image_store_drop_if_unwanted (self, image);
    else
      show_days_left (self, image);
  }
}
