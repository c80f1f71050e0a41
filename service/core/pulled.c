/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pulled.h"

#include "core/error.h"
#include "core/stack.h"

G_STATIC_ASSERT ((int)FETCH_SETTING_ENV == (int)BOTHY_DEFAULT_ENVIRONMENT);
G_STATIC_ASSERT ((int)FETCH_SETTING_STOP_SIGNAL == (int)BOTHY_DEFAULT_STOP_SIGNAL);

static BothyDefaults *
take_settings (const BothyManifest *manifest, GError **error)
{
  g_autoptr (BothyDefaults) defaults = bothy_defaults_new ();

  for (guint i = 0; i < manifest->settings->len; i++) {
    const BothyManifestSetting *setting = manifest->settings->pdata[i];

    if (!bothy_defaults_take (defaults, (BothyDefault)setting->which, setting->value, error))
      return NULL;
  }
  return g_steal_pointer (&defaults);
}

BothyImage *
bothy_pulled_image (const char *fingerprint,
                    const char *origin,
                    const char *verified,
                    GPtrArray *layers,
                    const BothyManifest *manifest,
                    GError **error)
{
  g_autoptr (BothyImage) image = bothy_image_new (fingerprint);

  image->created_at = g_get_real_time ();
  image->origin = (g_free (image->origin), g_strdup (origin));
  image->verified = (g_free (image->verified), g_strdup (verified));
  if (!bothy_stack (image, layers, error))
    return NULL;
  if (!manifest)
    return g_steal_pointer (&image);
  image->architecture = (g_free (image->architecture), g_strdup (manifest->architecture));
  image->defaults = take_settings (manifest, error);
  return image->defaults ? g_steal_pointer (&image) : NULL;
}

gboolean
bothy_pulled_check_same (BothyImage *known, BothyImage *image, GError **error)
{
  g_autoptr (GVariant) one = g_variant_ref_sink (bothy_defaults_to_variant (known->defaults));
  g_autoptr (GVariant) other = g_variant_ref_sink (bothy_defaults_to_variant (image->defaults));

  if (g_strv_equal ((const char *const *)known->layers, (const char *const *)image->layers) &&
      g_variant_equal (one, other))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_VERIFIED,
               "There is an image %.12s already that is made of other things", known->fingerprint);
  return FALSE;
}
