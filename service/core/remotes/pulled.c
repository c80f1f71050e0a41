/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/pulled.h"

#include "base/error.h"
#include "core/images/compose.h"

G_STATIC_ASSERT ((int)FETCH_SETTING_ENV == (int)BOTHY_IMAGE_CONFIG_ENVIRONMENT);
G_STATIC_ASSERT ((int)FETCH_SETTING_STOP_SIGNAL == (int)BOTHY_IMAGE_CONFIG_STOP_SIGNAL);

static BothyImageConfig *
take_settings (const BothyManifest *manifest, GError **error)
{
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();

  for (guint i = 0; i < manifest->settings->len; i++) {
    const BothyManifestSetting *setting = manifest->settings->pdata[i];

    if (!bothy_image_config_take (defaults, (BothyImageConfigField)setting->which, setting->value, error))
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
  if (!bothy_compose (image, layers, error))
    return NULL;
  if (!manifest)
    return g_steal_pointer (&image);
  image->architecture = (g_free (image->architecture), g_strdup (manifest->architecture));
  image->defaults = take_settings (manifest, error);
  if (!image->defaults)
    return NULL;
  image->fingerprint = (g_free (image->fingerprint), bothy_compose_fingerprint (image));
  return g_steal_pointer (&image);
}
