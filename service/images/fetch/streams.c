/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* simplestreams: streams/v1/index.json and what it points to */
#include "catalogue.h"

#include <string.h>

#include "architecture.h"
#include "images/json/json.h"
#include "url.h"

#define MAX_INDEX    8
#define MAX_PRODUCTS 20000
#define MAX_VALUE    256
#define MAX_TEXT     (4 * MAX_VALUE)

static JsonParser *
parse (const char *text, gsize size, const char *format, GError **error)
{
  g_autoptr (JsonParser) parser = json_open (text, size);

  if (parser && g_str_equal (json_get_text (json_root (parser), "format", MAX_TEXT), format))
    return g_steal_pointer (&parser);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The catalogue is not in the format %s", format);
  return NULL;
}

static char *
dup_digest (JsonObject *object, const char *name)
{
  const char *text = json_get_text (object, name, MAX_TEXT);

  return strlen (text) == 64 && strspn (text, "0123456789abcdef") == 64 ? g_strdup (text) : NULL;
}

char **
catalogue_parse_index (const char *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = parse (text, size, "index:1.0", error);
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();
  g_autoptr (GList) names = NULL;
  JsonObject *index;
  guint n = 0;

  if (!parser)
    return NULL;
  index = json_get_object (json_root (parser), "index");
  names = index ? json_object_get_members (index) : NULL;
  for (GList *l = names; l && n < MAX_INDEX; l = l->next) {
    JsonObject *entry = json_get_object (index, l->data);
    const char *path = json_get_text (entry, "path", MAX_TEXT);

    if (g_str_equal (json_get_text (entry, "datatype", MAX_TEXT), "image-downloads") &&
        url_check_path (path) && g_str_has_suffix (path, ".json")) {
      g_strv_builder_add (paths, path);
      n++;
    }
  }
  if (n > 0)
    return g_strv_builder_end (paths);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The catalogue names no list of images");
  return NULL;
}

/* ---- one product ---- */

static const char *
problem_of (JsonObject *product)
{
  JsonObject *requirements = json_get_object (product, "requirements");

  if (g_str_equal (json_get_text (requirements, "cgroup", MAX_TEXT), "v1"))
    return "The image needs version 1 of control groups, which this machine does not have";
  if (g_str_equal (json_get_text (requirements, "privileged", MAX_TEXT), "true"))
    return "The image needs a privileged container, which Bothy does not make";
  return NULL;
}

/* By what an item is, not by what it is called. */
static JsonObject *
find_item (JsonObject *version, const char *ftype)
{
  JsonObject *items = json_get_object (version, "items");
  g_autoptr (GList) names = items ? json_object_get_members (items) : NULL;

  for (GList *l = names; l; l = l->next) {
    JsonObject *item = json_get_object (items, l->data);

    if (g_str_equal (json_get_text (item, "ftype", MAX_TEXT), ftype))
      return item;
  }
  return NULL;
}

static char *
fingerprint_of (JsonObject *version, const char *combined)
{
  JsonObject *metadata = find_item (version, "incus.tar.xz");
  char *fingerprint;

  if (!metadata)
    metadata = find_item (version, "lxd.tar.xz");
  fingerprint = dup_digest (metadata, combined);
  return fingerprint ? fingerprint : dup_digest (metadata, "combined_sha256");
}

/* Takes the root of VERSION if it is there as FTYPE. */
static gboolean
take_root (
    CatalogueEntry *entry, const char *name, JsonObject *version, const char *ftype, const char *combined)
{
  JsonObject *root = find_item (version, ftype);
  g_autofree char *digest = dup_digest (root, "sha256");
  const char *path = json_get_text (root, "path", MAX_TEXT);
  gint64 bytes = json_get_number (root, "size");

  if (!root || !digest || !url_check_path (path) || bytes <= 0 || (guint64)bytes > FETCH_MAX_IMAGE)
    return FALSE;
  entry->fields[FETCH_FIELD_VERSION] = g_strdup (name);
  entry->fields[FETCH_FIELD_SHA256] = g_steal_pointer (&digest);
  entry->fields[FETCH_FIELD_URL] = g_strdup (path);
  entry->fields[FETCH_FIELD_FINGERPRINT] = fingerprint_of (version, combined);
  entry->size = (guint64)bytes;
  return TRUE;
}

/* An archive is unpacked while it comes; a squashfs has to be there before. */
static gboolean
take_version (CatalogueEntry *entry, const char *name, JsonObject *version)
{
  return take_root (entry, name, version, "root.tar.xz", "combined_rootxz_sha256") ||
         take_root (entry, name, version, "squashfs", "combined_squashfs_sha256");
}

static gint
compare_down (gconstpointer a, gconstpointer b)
{
  return strcmp (b, a);
}

/* The newest version that has what we need. */
static gboolean
take_newest (CatalogueEntry *entry, JsonObject *product)
{
  JsonObject *versions = json_get_object (product, "versions");
  g_autoptr (GList) names = versions ? g_list_sort (json_object_get_members (versions), compare_down) : NULL;

  for (GList *l = names; l; l = l->next) {
    JsonObject *version = json_get_object (versions, l->data);

    if (!version || !architecture_is_version (l->data))
      continue;
    if (take_version (entry, l->data, version))
      return TRUE;
  }
  return FALSE;
}

/* YYYY-MM-DD, or NULL: of another form it says nothing. */
static char *
dup_day (JsonObject *object, const char *name)
{
  const char *text = json_get_text (object, name, MAX_TEXT);

  return strlen (text) == 10 && g_regex_match_simple ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", text, 0, 0)
             ? g_strdup (text)
             : NULL;
}

static CatalogueEntry *
parse_product (const char *name, JsonObject *product)
{
  const char *architecture = architecture_from_debian (json_get_text (product, "arch", MAX_TEXT));
  const char *problem = problem_of (product);
  g_autoptr (CatalogueEntry) entry = g_new0 (CatalogueEntry, 1);

  /* Without a root it is a virtual machine's, or nothing. */
  if (!architecture || strlen (name) > MAX_VALUE || !take_newest (entry, product))
    return NULL;
  entry->problem = g_strdup (problem);
  entry->fields[FETCH_FIELD_ALIASES] = g_strdup (json_get_text (product, "aliases", MAX_TEXT));
  entry->fields[FETCH_FIELD_PRODUCT] = g_strdup (name);
  entry->fields[FETCH_FIELD_OS] = g_strdup (json_get_text (product, "os", MAX_TEXT));
  entry->fields[FETCH_FIELD_RELEASE] = g_strdup (json_get_text (product, "release", MAX_TEXT));
  entry->fields[FETCH_FIELD_VARIANT] = g_strdup (json_get_text (product, "variant", MAX_TEXT));
  entry->fields[FETCH_FIELD_SUPPORT_END] = dup_day (product, "support_eol");
  entry->fields[FETCH_FIELD_ARCHITECTURE] = g_strdup (architecture);
  return g_steal_pointer (&entry);
}

GPtrArray *
catalogue_parse_products (const char *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = parse (text, size, "products:1.0", error);
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify)catalogue_entry_free);
  g_autoptr (GList) names = NULL;
  JsonObject *products;

  if (!parser)
    return NULL;
  products = json_get_object (json_root (parser), "products");
  names = products ? json_object_get_members (products) : NULL;
  for (GList *l = names; l && entries->len < MAX_PRODUCTS; l = l->next) {
    JsonObject *product = json_get_object (products, l->data);
    CatalogueEntry *entry = product ? parse_product (l->data, product) : NULL;

    if (entry)
      g_ptr_array_add (entries, entry);
  }
  return g_steal_pointer (&entries);
}
