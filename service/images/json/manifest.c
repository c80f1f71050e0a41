/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manifest.h"

#include <string.h>

#include "digest.h"
#include "json.h"
#include "platform.h"

#define MAX_CHILDREN 1024
#define MAX_TEXT     256

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

const char manifest_accept[] = "Accept: " OCI "index.v1+json, " OCI "manifest.v1+json, " DOCKER
                               "distribution.manifest.list.v2+json, " DOCKER "distribution.manifest.v2+json";

static const char *const index_types[] = { OCI "index.v1+json", DOCKER "distribution.manifest.list.v2+json",
                                           NULL };
static const char *const manifest_types[] = { OCI "manifest.v1+json", DOCKER "distribution.manifest.v2+json",
                                              NULL };
static const char *const config_types[] = { OCI "config.v1+json", DOCKER "container.image.v1+json", NULL };
static const char *const layer_types[] = { OCI "layer.v1.tar",
                                           OCI "layer.v1.tar+gzip",
                                           OCI "layer.v1.tar+zstd",
                                           DOCKER "image.rootfs.diff.tar",
                                           DOCKER "image.rootfs.diff.tar.gzip",
                                           DOCKER "image.rootfs.diff.tar.zstd",
                                           NULL };

void
manifest_clear (Manifest *self)
{
  g_clear_pointer (&self->layers, g_array_unref);
}

static gboolean
refuse_manifest (GError **error, enum fetch_error code, const char *what)
{
  g_set_error_literal (error, FETCH_ERROR, (int)code, what);
  return FALSE;
}

static gboolean
nonsense (GError **error)
{
  return refuse_manifest (error, FETCH_REFUSED, "It has no manifest that makes sense");
}

/* What is called by its digest, and how big it is. */
static gboolean
take_descriptor (JsonObject *object, guint64 max, Descriptor *ret)
{
  const char *digits = digest_parse (json_get_text (object, "digest", MAX_TEXT));
  gint64 size = json_get_number (object, "size");

  if (!digits || size < 0 || (size == 0 && !g_str_equal (digits, FETCH_DIGEST_OF_NOTHING)) ||
      (guint64)size > max)
    return FALSE;
  g_strlcpy (ret->digest, digits, sizeof ret->digest);
  ret->size = (guint64)size;
  return TRUE;
}

static gboolean
is_of (const char *const *types, JsonObject *object)
{
  return g_strv_contains (types, json_get_text (object, "mediaType", MAX_TEXT));
}

/* ---- an index ---- */

static guint
rank_of (JsonObject *child, const char *machine)
{
  JsonObject *platform = json_get_object (child, "platform");

  if (!is_of (manifest_types, child))
    return 0;
  return platform_rank (machine, json_get_text (platform, "os", MAX_TEXT),
                        json_get_text (platform, "architecture", MAX_TEXT),
                        json_get_text (platform, "variant", MAX_TEXT));
}

static gboolean
parse_index (JsonObject *root, const char *machine, Manifest *ret, GError **error)
{
  JsonArray *children = json_get_array (root, "manifests");
  guint n = children ? json_array_get_length (children) : 0;
  guint best = 0;

  if (n == 0 || n > MAX_CHILDREN)
    return nonsense (error);
  ret->is_index = TRUE;
  for (guint i = 0; i < n; i++) {
    JsonObject *child = json_object_at (children, i);
    guint rank = child ? rank_of (child, machine) : 0;

    if (rank > best && take_descriptor (child, MANIFEST_MAX_SIZE, &ret->chosen))
      best = rank;
  }
  if (best > 0)
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_UNSUPPORTED, "It is there for other machines only, not for %s",
               machine);
  return FALSE;
}

/* ---- a manifest ---- */

static gboolean
take_layer (JsonObject *object, GArray *layers, GError **error)
{
  Descriptor layer;

  if (!object || !take_descriptor (object, FETCH_MAX_IMAGE, &layer))
    return nonsense (error);
  /* Bytes that come from elsewhere, or that are encrypted, or in a format of tomorrow. */
  if (!is_of (layer_types, object) || json_object_has_member (object, "urls"))
    return refuse_manifest (error, FETCH_UNSUPPORTED,
                            "The image has a layer of a kind that Bothy does not unpack");
  g_array_append_val (layers, layer);
  return TRUE;
}

static gboolean
take_layers (JsonObject *root, GArray *layers, GError **error)
{
  JsonArray *array = json_get_array (root, "layers");
  guint n = array ? json_array_get_length (array) : 0;
  guint64 total = 0;

  if (n == 0)
    return nonsense (error);
  if (n > FETCH_MAX_LAYERS)
    return fetch_refuse_layers (n, error);
  for (guint i = 0; i < n; i++) {
    if (!take_layer (json_object_at (array, i), layers, error))
      return FALSE;
    total += g_array_index (layers, Descriptor, i).size;
    if (total > FETCH_MAX_IMAGE)
      return refuse_manifest (error, FETCH_REFUSED, "The image is bigger than any image");
  }
  return TRUE;
}

static gboolean
parse_manifest (JsonObject *root, Manifest *ret, GError **error)
{
  JsonObject *config = json_get_object (root, "config");
  g_autoptr (GArray) layers = g_array_new (FALSE, FALSE, sizeof (Descriptor));

  if (!config || !take_descriptor (config, MANIFEST_MAX_SIZE, &ret->config))
    return nonsense (error);
  if (!is_of (config_types, config))
    return refuse_manifest (error, FETCH_UNSUPPORTED,
                            "It is no image of a container, but something else that is kept as images are");
  if (!take_layers (root, layers, error))
    return FALSE;
  ret->layers = g_steal_pointer (&layers);
  return TRUE;
}

/* ---- either ---- */

/* Without its parameters. */
static char *
media_type (const char *type)
{
  g_autofree char *text = g_strndup (type, strcspn (type, ";"));

  return g_ascii_strdown (g_strstrip (text), -1);
}

gboolean
manifest_parse (
    const char *text, gsize size, const char *type, const char *machine, Manifest *ret, GError **error)
{
  g_autoptr (JsonParser) parser = json_open (text, size);
  JsonObject *root = parser ? json_root (parser) : NULL;
  g_autofree char *outside = media_type (type);
  const char *inside = root ? json_get_text (root, "mediaType", MAX_TEXT) : "";

  if (!root || json_get_number (root, "schemaVersion") != 2)
    return nonsense (error);
  /* One sender that says two things is taken for one thing here, and for the other elsewhere. */
  if (*inside && !g_str_equal (inside, outside))
    return refuse_manifest (error, FETCH_REFUSED,
                            "The manifest is called another kind of thing than it says itself");
  if (json_object_has_member (root, "manifests") && json_object_has_member (root, "layers"))
    return nonsense (error);
  if (g_strv_contains (index_types, outside))
    return parse_index (root, machine, ret, error);
  if (g_strv_contains (manifest_types, outside))
    return parse_manifest (root, ret, error);
  return refuse_manifest (error, FETCH_UNSUPPORTED, "It is in a format that Bothy does not know");
}
