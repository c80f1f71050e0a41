/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what reads answers of registries; the first byte says which of its readers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "challenge.h"
#include "images/json/digest.h"
#include "images/json/manifest.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
read_challenge (const char *text, size_t size)
{
  g_autofree char *line = g_strndup (text, size);
  g_auto (Challenge) found = { 0 };

  if (challenge_parse (line, &found) && found.realm)
    g_free (challenge_token_url (&found, "library/x", "pull"));
}

static gboolean
is_digest (const char *digits)
{
  g_autofree char *text = g_strconcat ("sha256:", digits, NULL);

  return digest_parse (text) != NULL;
}

static void
read_manifest (const char *text, size_t size, const char *type)
{
  g_auto (Manifest) found = { 0 };

  if (!manifest_parse (text, size, type, "x86_64", &found, NULL))
    return;
  if (found.is_index ? !is_digest (found.chosen.digest)
                     : found.layers->len == 0 || found.layers->len > FETCH_MAX_LAYERS ||
                           !is_digest (found.config.digest))
    abort ();
  for (guint i = 0; !found.is_index && i < found.layers->len; i++) {
    const Descriptor *layer = &g_array_index (found.layers, Descriptor, i);

    if (!is_digest (layer->digest) || layer->size == 0 || layer->size > FETCH_MAX_IMAGE)
      abort ();
  }
}

static void
read_config (const char *text, size_t size)
{
  g_auto (Config) found = { 0 };

  if (!config_parse (text, size, "x86_64", &found, NULL))
    return;
  for (guint i = 0; i < found.n_layers; i++) {
    if (!is_digest (found.diff_ids + (gsize)i * 65))
      abort ();
  }
  if (found.settings->len > FETCH_MAX_SETTINGS)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = NULL;

  if (size == 0)
    return 0;
  /* Of its exact size, so that reading beyond it is seen. */
  text = g_memdup2 (data, size);
  switch (data[0] % 4) {
  case 0:
    read_challenge (text + 1, size - 1);
    break;
  case 1:
    read_manifest (text + 1, size - 1, "application/vnd.oci.image.index.v1+json");
    break;
  case 2:
    read_manifest (text + 1, size - 1, "application/vnd.oci.image.manifest.v1+json");
    break;
  default:
    read_config (text + 1, size - 1);
    break;
  }
  return 0;
}
