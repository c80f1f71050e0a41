/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layout.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "images/json/digest.h"
#include "images/json/error.h"
#include "images/json/json.h"

#define BLOCK     (64 * 1024)
#define MAX_TEXT  (4 * 1024 * 1024) /* a manifest or a configuration */
#define MAX_BLOBS 1024
#define BLOBS     "blobs/sha256/"
#define OCI       "application/vnd.oci.image."

/* A blob as it was in the archive. */
typedef struct {
  GBytes *text; /* NULL: it is too long to be one */
  Blob *packed; /* compressed */
} Stored;

typedef struct {
  int fd;
  const volatile sig_atomic_t *stop;
  struct archive *archive;
  char buffer[BLOCK];
  GBytes *index;
  GHashTable *stored; /* "sha256:DIGITS" → Stored */
} Reading;

static void
stored_free (gpointer data)
{
  Stored *self = data;

  g_clear_pointer (&self->text, g_bytes_unref);
  blob_free (self->packed);
  g_free (self);
}

void
blob_free (Blob *self)
{
  if (!self)
    return;
  if (self->fd >= 0)
    close (self->fd);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_free (self->digest);
  g_free (self);
}

Blob *
blob_new (GBytes *bytes)
{
  g_autofree char *digits = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  Blob *self = g_new0 (Blob, 1);

  self->digest = g_strconcat ("sha256:", digits, NULL);
  self->size = g_bytes_get_size (bytes);
  self->bytes = bytes;
  self->fd = -1;
  return self;
}

void
layout_clear (Layout *self)
{
  g_clear_pointer (&self->blobs, g_ptr_array_unref);
  g_clear_pointer (&self->manifest, blob_free);
}

/* ---- compressing ---- */

typedef struct {
  int fd;
  GConverter *gzip;
  GChecksum *hash;
  guint64 size;
} Packer;

static void
packer_clear (Packer *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_clear_object (&self->gzip);
  g_clear_pointer (&self->hash, g_checksum_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Packer, packer_clear)

static const char *
spool_directory (void)
{
  const char *directory = g_getenv ("TMPDIR");

  return directory && *directory ? directory : "/var/tmp";
}

static gboolean
fail_spool (GError **error)
{
  g_set_error (error, FETCH_ERROR, FETCH_FAILED,
               "%s, where the image is kept compressed until it is sent: %s; TMPDIR names another directory",
               spool_directory (), g_strerror (errno));
  return FALSE;
}

static gboolean
packer_open (Packer *self, GError **error)
{
  self->fd = open (spool_directory (), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  /* Old overlay and network file systems know no files without names. */
  if (self->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
    self->fd = memfd_create ("bothy-push", MFD_CLOEXEC);
  if (self->fd < 0)
    return fail_spool (error);
  self->gzip = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
  self->hash = g_checksum_new (G_CHECKSUM_SHA256);
  return TRUE;
}

static gboolean
packer_store (Packer *self, const char *bytes, gsize n, GError **error)
{
  g_checksum_update (self->hash, (const guchar *)bytes, (gssize)n);
  self->size += n;
  while (n > 0) {
    gssize part = write (self->fd, bytes, n);

    if (part < 0 && errno == EINTR)
      continue;
    if (part < 0)
      return fail_spool (error);
    bytes += part;
    n -= (gsize)part;
  }
  return TRUE;
}

/* No bytes: the end. */
static gboolean
packer_add (Packer *self, const char *bytes, gsize n, GError **error)
{
  GConverterFlags flags = n > 0 ? G_CONVERTER_NO_FLAGS : G_CONVERTER_INPUT_AT_END;
  GConverterResult result = G_CONVERTER_CONVERTED;
  char out[BLOCK];

  while (n > 0 || (flags == G_CONVERTER_INPUT_AT_END && result != G_CONVERTER_FINISHED)) {
    gsize taken = 0, made = 0;

    result = g_converter_convert (self->gzip, bytes, n, out, sizeof out, flags, &taken, &made, error);
    if (result == G_CONVERTER_ERROR || !packer_store (self, out, made, error))
      return FALSE;
    bytes += taken;
    n -= taken;
  }
  return TRUE;
}

static Blob *
packer_finish (Packer *self, GError **error)
{
  Blob *blob;

  if (!packer_add (self, NULL, 0, error))
    return NULL;
  blob = g_new0 (Blob, 1);
  blob->digest = g_strconcat ("sha256:", g_checksum_get_string (self->hash), NULL);
  blob->size = self->size;
  blob->fd = self->fd;
  self->fd = -1;
  return blob;
}

/* ---- the archive ---- */

static la_ssize_t
on_read (struct archive *archive, void *data, const void **ret_buffer)
{
  Reading *self = data;
  gssize n;

  *ret_buffer = self->buffer;
  do
    n = *self->stop ? -1 : read (self->fd, self->buffer, sizeof self->buffer);
  while (n < 0 && errno == EINTR && !*self->stop);
  if (n < 0)
    archive_set_error (archive, errno, "%s", *self->stop ? "it was cancelled" : g_strerror (errno));
  return n;
}

static gboolean
fail_archive (Reading *self, GError **error)
{
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "Reading the image: %s",
               *self->stop                            ? "it was cancelled"
               : archive_error_string (self->archive) ? archive_error_string (self->archive)
                                                      : "it ended too soon");
  return FALSE;
}

/* The whole entry, in memory. */
static GBytes *
read_text (Reading *self, struct archive_entry *entry, GError **error)
{
  la_int64_t size = archive_entry_size (entry);
  g_autofree char *text = NULL;

  if (size < 0 || size > MAX_TEXT) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The image's index is too long");
    return NULL;
  }
  text = g_malloc ((gsize)size + 1);
  if (archive_read_data (self->archive, text, (gsize)size) != size) {
    fail_archive (self, error);
    return NULL;
  }
  return g_bytes_new_take (g_steal_pointer (&text), (gsize)size);
}

static Stored *
read_blob (Reading *self, struct archive_entry *entry, const char *digits, GError **error)
{
  g_autoptr (GChecksum) hash = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GByteArray) text = archive_entry_size (entry) <= MAX_TEXT ? g_byte_array_new () : NULL;
  g_auto (Packer) packer = { .fd = -1 };
  g_autofree char *block = g_malloc (BLOCK);
  Stored *stored;
  Blob *packed;
  gssize n;

  if (!packer_open (&packer, error))
    return NULL;
  while ((n = archive_read_data (self->archive, block, BLOCK)) > 0) {
    g_checksum_update (hash, (const guchar *)block, n);
    if (text)
      g_byte_array_append (text, (const guint8 *)block, (guint)n);
    if (!packer_add (&packer, block, (gsize)n, error))
      return NULL;
  }
  if (n < 0)
    return fail_archive (self, error), NULL;
  if (!g_str_equal (g_checksum_get_string (hash), digits)) {
    g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED, "A part of the image is not what its name says");
    return NULL;
  }
  packed = packer_finish (&packer, error);
  if (!packed)
    return NULL;
  stored = g_new0 (Stored, 1);
  stored->packed = packed;
  stored->text = text ? g_byte_array_free_to_bytes (g_steal_pointer (&text)) : NULL;
  return stored;
}

static gboolean
read_entry (Reading *self, struct archive_entry *entry, GError **error)
{
  const char *name = archive_entry_pathname (entry);
  Stored *stored;

  if (!name || archive_entry_filetype (entry) != AE_IFREG)
    return TRUE;
  if (g_str_equal (name, "index.json")) {
    g_clear_pointer (&self->index, g_bytes_unref);
    self->index = read_text (self, entry, error);
    return self->index != NULL;
  }
  if (!g_str_has_prefix (name, BLOBS))
    return TRUE;
  if (g_hash_table_size (self->stored) >= MAX_BLOBS) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The image has too many parts");
    return FALSE;
  }
  stored = read_blob (self, entry, name + strlen (BLOBS), error);
  if (!stored)
    return FALSE;
  g_hash_table_replace (self->stored, g_strconcat ("sha256:", name + strlen (BLOBS), NULL), stored);
  return TRUE;
}

static gboolean
read_all (Reading *self, GError **error)
{
  struct archive_entry *entry;
  int result;

  archive_read_support_format_tar (self->archive);
  result = archive_read_open (self->archive, self, NULL, on_read, NULL);
  while (result == ARCHIVE_OK && (result = archive_read_next_header (self->archive, &entry)) == ARCHIVE_OK) {
    if (!read_entry (self, entry, error))
      return FALSE;
  }
  /* The index comes last: without it something was to follow. */
  return (result == ARCHIVE_EOF && self->index) || fail_archive (self, error);
}

/* ---- the image ---- */

static Stored *
find (Reading *self, JsonObject *descriptor)
{
  const char *digest = json_get_text (descriptor, "digest", 100);

  return digest_parse (digest) ? g_hash_table_lookup (self->stored, digest) : NULL;
}

static JsonParser *
parse (GBytes *text)
{
  gsize size = 0;
  const char *bytes = text ? g_bytes_get_data (text, &size) : NULL;

  return json_open (bytes ? bytes : "", size);
}

static void
describe (GString *text, const char *kind, const Blob *blob)
{
  g_string_append_printf (text,
                          "{\"mediaType\":\"" OCI "%s\",\"digest\":\"%s\",\"size\":%" G_GUINT64_FORMAT "}",
                          kind, blob->digest, blob->size);
}

/* The layers of MANIFEST into RET and into the TEXT of the one that is sent. */
static gboolean
take_layers (Reading *self, JsonArray *layers, Layout *ret, GString *text)
{
  guint n = layers ? json_array_get_length (layers) : 0;

  for (guint i = 0; i < n; i++) {
    JsonObject *layer = json_object_at (layers, i);
    Stored *stored = layer ? find (self, layer) : NULL;

    /* The same layer twice is one blob. */
    if (!stored || !stored->packed ||
        !g_str_equal (json_get_text (layer, "mediaType", 100), OCI "layer.v1.tar"))
      return FALSE;
    if (i > 0)
      g_string_append_c (text, ',');
    describe (text, "layer.v1.tar+gzip", stored->packed);
    g_ptr_array_add (ret->blobs, g_steal_pointer (&stored->packed));
  }
  return n > 0;
}

static gboolean
take_manifest (Reading *self, JsonObject *manifest, Layout *ret)
{
  Stored *config = find (self, json_get_object (manifest, "config"));
  g_autoptr (GString) text = g_string_new ("{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\"");
  g_autoptr (Blob) blob = config && config->text ? blob_new (g_bytes_ref (config->text)) : NULL;

  if (!blob)
    return FALSE;
  g_string_append (text, ",\"config\":");
  describe (text, "config.v1+json", blob);
  g_string_append (text, ",\"layers\":[");
  if (!take_layers (self, json_get_array (manifest, "layers"), ret, text))
    return FALSE;
  g_string_append (text, "]}");
  g_ptr_array_add (ret->blobs, g_steal_pointer (&blob));
  ret->manifest = blob_new (g_string_free_to_bytes (g_steal_pointer (&text)));
  return TRUE;
}

static gboolean
take_image (Reading *self, Layout *ret, GError **error)
{
  g_autoptr (JsonParser) index = parse (self->index);
  JsonArray *manifests = index ? json_get_array (json_root (index), "manifests") : NULL;
  JsonObject *first =
      manifests && json_array_get_length (manifests) == 1 ? json_object_at (manifests, 0) : NULL;
  Stored *stored = first ? find (self, first) : NULL;
  g_autoptr (JsonParser) manifest = stored ? parse (stored->text) : NULL;

  if (manifest && take_manifest (self, json_root (manifest), ret))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "What came is not the layout of one OCI image");
  return FALSE;
}

gboolean
layout_read (int fd, const volatile sig_atomic_t *stop, Layout *ret, GError **error)
{
  Reading *self = g_new0 (Reading, 1);
  gboolean ok;

  self->fd = fd;
  self->stop = stop;
  self->archive = archive_read_new ();
  self->stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, stored_free);
  ret->blobs = g_ptr_array_new_with_free_func ((GDestroyNotify)blob_free);
  ok = read_all (self, error) && take_image (self, ret, error);
  archive_read_free (self->archive);
  g_hash_table_unref (self->stored);
  g_clear_pointer (&self->index, g_bytes_unref);
  g_free (self);
  return ok;
}
