/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bundle.h"

#include "images/json/digest.h"
#include "images/json/json.h"
#include "images/json/manifest.h"
#include "images/unpack/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TEXT  256
#define MAX_PATH  1024
#define MAX_DEPTH 3 /* of indexes that name indexes */

#define INDEX    "application/vnd.oci.image.index.v1+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"

static gboolean
refuse_bundle (GError **error, const char *what)
{
  g_set_error_literal (error, FETCH_ERROR, FETCH_REFUSED, what);
  return FALSE;
}

/* ---- files ---- */

/* A regular file; whatever links the archive has, it is below TREE. */
static int
open_file (int tree, const char *path)
{
  int fd = tree_open (tree, path, O_RDONLY | O_NONBLOCK);
  struct stat st;

  if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

static GBytes *
read_file (int tree, const char *path, GError **error)
{
  g_autofree char *text = g_malloc (MANIFEST_MAX_SIZE + 1);
  int fd = open_file (tree, path);
  gsize size = 0;
  gssize n = fd < 0 ? -1 : 1;

  while (n > 0 && size <= MANIFEST_MAX_SIZE) {
    n = read (fd, text + size, MANIFEST_MAX_SIZE + 1 - size);
    size += n > 0 ? (gsize)n : 0;
  }
  if (fd >= 0)
    close (fd);
  if (n == 0 && size <= MANIFEST_MAX_SIZE)
    return g_bytes_new_take (g_steal_pointer (&text), size);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "%s: it %s", path,
               n < 0 ? "is missing" : "is larger than 4 MiB");
  return NULL;
}

static char *
blob_path (const char *digest)
{
  return g_strconcat ("blobs/sha256/", digest, NULL);
}

static GBytes *
read_blob (int tree, const char *digest, GError **error)
{
  g_autofree char *path = blob_path (digest);
  g_autoptr (GBytes) bytes = read_file (tree, path, error);

  if (!bytes || digest_matches (bytes, digest))
    return g_steal_pointer (&bytes);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "%s: that is not its SHA-256", path);
  return NULL;
}

static const char *
text_of (GBytes *bytes, gsize *ret_size)
{
  return g_bytes_get_data (bytes, ret_size);
}

/* ---- what comes of it ---- */

static void
add_text (Bundle *self, const char *text)
{
  g_byte_array_append (self->text, (const guint8 *)text, (guint)strlen (text) + 1);
}

/* PATH: the archive of the layer that the configuration calls DIFF_ID. */
static gboolean
add_layer (Bundle *self, int tree, const char *path, const char *digest, const char *diff_id, GError **error)
{
  int fd = open_file (tree, path);

  if (fd < 0) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "%s: this layer is missing", path);
    return FALSE;
  }
  g_array_append_val (self->fds, fd);
  add_text (self, digest);
  add_text (self, diff_id);
  return TRUE;
}

static void
add_settings (Bundle *self, const Config *config)
{
  for (guint i = 0; i < config->settings->len; i++)
    add_text (self, config->settings->pdata[i]);
}

static gboolean
count_layers (const Config *config, guint n, GError **error)
{
  return config->n_layers == n ||
         refuse_bundle (error, "The image's configuration speaks of other layers than its manifest");
}

/* ---- an OCI image layout ---- */

static gboolean
take_manifest (Bundle *self, int tree, const char *machine, const Manifest *manifest, GError **error)
{
  g_autoptr (GBytes) bytes = read_blob (tree, manifest->config.digest, error);
  g_auto (Config) config = { 0 };
  gsize size;

  if (!bytes || !config_parse (text_of (bytes, &size), g_bytes_get_size (bytes), machine, &config, error) ||
      !count_layers (&config, manifest->layers->len, error))
    return FALSE;
  for (guint i = 0; i < manifest->layers->len; i++) {
    const char *digest = g_array_index (manifest->layers, Descriptor, i).digest;
    g_autofree char *path = blob_path (digest);

    if (!add_layer (self, tree, path, digest, config.diff_ids + (gsize)i * 65, error))
      return FALSE;
  }
  add_settings (self, &config);
  return TRUE;
}

/* What says itself what it is, does; the rest is told by what it has. */
static const char *
type_of (JsonObject *root)
{
  const char *type = json_get_text (root, "mediaType", MAX_TEXT);

  if (*type)
    return type;
  return json_object_has_member (root, "manifests") ? INDEX : MANIFEST;
}

static gboolean
take_blob (Bundle *self, int tree, const char *machine, const char *digest, guint depth, GError **error)
{
  g_autoptr (GBytes) bytes = read_blob (tree, digest, error);
  g_auto (Manifest) manifest = { 0 };
  g_autoptr (JsonParser) parser = NULL;
  gsize size = 0;
  const char *text = bytes ? text_of (bytes, &size) : NULL;

  if (!bytes)
    return FALSE;
  parser = json_open (text, size);
  if (!parser || depth > MAX_DEPTH)
    return refuse_bundle (error, "A manifest of the image makes no sense");
  if (!manifest_parse (text, size, type_of (json_root (parser)), machine, &manifest, error))
    return FALSE;
  if (manifest.is_index)
    return take_blob (self, tree, machine, manifest.chosen.digest, depth + 1, error);
  return take_manifest (self, tree, machine, &manifest, error);
}

/* The digest of the only one, whatever it is for; NULL: there are more. Attestations and the like are none.
 */
static const char *
find_only (JsonArray *manifests)
{
  guint n = manifests ? MIN (json_array_get_length (manifests), 1024) : 0;
  const char *only = NULL;

  for (guint i = 0; i < n; i++) {
    JsonObject *child = json_object_at (manifests, i);
    const char *os = json_get_text (json_get_object (child, "platform"), "os", MAX_TEXT);
    const char *digest = digest_parse (json_get_text (child, "digest", MAX_TEXT));

    if (g_str_equal (os, "unknown") || !digest)
      continue;
    if (only && !g_str_equal (only, digest))
      return NULL;
    only = digest;
  }
  return only;
}

static gboolean
read_layout (Bundle *self, int tree, const char *machine, GError **error)
{
  g_autoptr (GBytes) bytes = read_file (tree, "index.json", error);
  g_auto (Manifest) index = { 0 };
  g_autoptr (JsonParser) parser = NULL;
  const char *only;
  gsize size = 0;
  const char *text = bytes ? text_of (bytes, &size) : NULL;

  if (!bytes)
    return FALSE;
  parser = json_open (text, size);
  if (!parser)
    return refuse_bundle (error, "index.json makes no sense");
  only = find_only (json_get_array (json_root (parser), "manifests"));
  if (only)
    return take_blob (self, tree, machine, only, 0, error);
  if (manifest_parse (text, size, INDEX, machine, &index, NULL))
    return take_blob (self, tree, machine, index.chosen.digest, 0, error);
  return refuse_bundle (error, "It has no image for this machine, or several; write one into the archive");
}

/* ---- docker save ---- */

static gboolean
take_saved (Bundle *self, int tree, const char *machine, JsonObject *image, GError **error)
{
  JsonArray *layers = json_get_array (image, "Layers");
  guint n = layers ? json_array_get_length (layers) : 0;
  g_autoptr (GBytes) bytes = read_file (tree, json_get_text (image, "Config", MAX_PATH), error);
  g_auto (Config) config = { 0 };
  gsize size;

  if (!bytes || !config_parse (text_of (bytes, &size), g_bytes_get_size (bytes), machine, &config, error) ||
      !count_layers (&config, n, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    const char *path = json_text_at (layers, i);

    if (!path || strlen (path) > MAX_PATH)
      return refuse_bundle (error, "manifest.json makes no sense");
    if (!add_layer (self, tree, path, "", config.diff_ids + (gsize)i * 65, error))
      return FALSE;
  }
  add_settings (self, &config);
  return TRUE;
}

/* The list of images is all there is in it: an object around it makes it what json_open() takes. */
static gboolean
read_saved (Bundle *self, int tree, const char *machine, GError **error)
{
  g_autoptr (GBytes) bytes = read_file (tree, "manifest.json", error);
  g_autofree char *text = bytes ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : NULL;
  g_autofree char *wrapped = text ? g_strconcat ("{\"images\":", text, "}", NULL) : NULL;
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *images;
  JsonObject *image;

  if (!bytes)
    return FALSE;
  parser = json_open (wrapped, strlen (wrapped));
  images = parser ? json_get_array (json_root (parser), "images") : NULL;
  if (!images || json_array_get_length (images) == 0)
    return refuse_bundle (error, "manifest.json makes no sense");
  if (json_array_get_length (images) > 1)
    return refuse_bundle (error, "It has several images; write one into the archive");
  image = json_object_at (images, 0);
  return image ? take_saved (self, tree, machine, image, error)
               : refuse_bundle (error, "manifest.json makes no sense");
}

gboolean
bundle_read (int tree, const char *machine, Bundle *ret, GError **error)
{
  int layout = open_file (tree, "index.json");

  ret->text = g_byte_array_new ();
  ret->fds = g_array_new (FALSE, FALSE, sizeof (int));
  add_text (ret, machine);
  if (layout < 0)
    return read_saved (ret, tree, machine, error);
  close (layout);
  return read_layout (ret, tree, machine, error);
}
