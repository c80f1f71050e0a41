/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/mounts/mount.h"

#include "base/error.h"
#include "base/validate.h"

#include <string.h>

#define MAX_MOUNTS 16 /* of one container; the supervisor has room for as many */
#define MAX_PATH   4095
#define MAX_ID     65535    /* of those that a container has */
#define GROUP      "Mount " /* and a number, in a record */
#define BOOT_ID    "/proc/sys/kernel/random/boot_id"

void
bothy_mount_free (BothyMount *mount)
{
  g_free (mount->source);
  g_free (mount->volume);
  g_free (mount->destination);
  g_free (mount->boot);
  g_free (mount);
}

BothyMount *
bothy_mount_copy (const BothyMount *mount)
{
  BothyMount *copy = g_memdup2 (mount, sizeof *mount);

  copy->source = g_strdup (mount->source);
  copy->volume = g_strdup (mount->volume);
  copy->destination = g_strdup (mount->destination);
  copy->boot = g_strdup (mount->boot);
  return copy;
}

/* ---- what a caller says ---- */

static gboolean
is_within (const char *path, const char *directory)
{
  gsize length = strlen (directory);

  return g_str_has_prefix (path, directory) && (path[length] == '\0' || path[length] == '/');
}

/* PATH without needless slashes; NULL: it is not absolute, too long, or has a "." or ".." in it. (transfer full) */
static char *
normalize (const char *path)
{
  g_auto (GStrv) parts = NULL;
  g_autoptr (GString) whole = g_string_new (NULL);

  if (path[0] != '/' || strlen (path) > MAX_PATH)
    return NULL;
  parts = g_strsplit (path, "/", -1);
  for (char **part = parts; *part; part++) {
    if (g_str_equal (*part, ".") || g_str_equal (*part, ".."))
      return NULL;
    if (**part)
      g_string_append_printf (whole, "/%s", *part);
  }
  return g_strdup (whole->len ? whole->str : "/");
}

char *
bothy_mount_parse_destination (const char *text, GError **error)
{
  static const char *const taken[] = { "/proc", "/sys", "/dev" };
  g_autofree char *path = normalize (text);
  g_autofree char *shown = g_strescape (text, NULL);

  if (!path) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Destination \"%.80s\": it has to begin with /, with no . or .. in it, and at most %d bytes",
                 shown, MAX_PATH);
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS (taken); i++) {
    if (is_within (path, taken[i])) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                   "Destination \"%.80s\": nothing can be mounted in %s of a container", shown, taken[i]);
      return NULL;
    }
  }
  if (!g_str_equal (path, "/"))
    return g_steal_pointer (&path);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Destination \"/\": that is the container itself; name a directory in it");
  return NULL;
}

static gboolean
parse_user (BothyMount *mount, const char *text, GError **error)
{
  g_auto (GStrv) ids = g_strsplit (g_str_equal (text, "root") || !*text ? "0" : text, ":", 2);
  guint64 uid = 0, gid = 0;

  if (!bothy_parse_number (ids[0], 0, MAX_ID, &uid) ||
      !bothy_parse_number (ids[1] ? ids[1] : ids[0], 0, MAX_ID, &gid)) {
    g_autofree char *shown = g_strescape (text, NULL);

    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "User \"%.80s\": root, or a number from 0 to %d, with :GROUP if need be, is wanted", shown,
                 MAX_ID);
    return FALSE;
  }
  mount->uid = (guint32)uid;
  mount->gid = (guint32)gid;
  return TRUE;
}

static char *
read_boot_id (void)
{
  char *id = NULL;

  if (!g_file_get_contents (BOOT_ID, &id, NULL, NULL))
    return g_strdup ("");
  return g_strchomp (id);
}

BothyMount *
bothy_mount_new (const char *source,
                 const char *destination,
                 const char *user,
                 gboolean read_only,
                 guint64 device,
                 guint64 inode,
                 GError **error)
{
  g_autoptr (BothyMount) mount = g_new0 (BothyMount, 1);

  if (!bothy_validate_path (source, error))
    return NULL;
  mount->destination = bothy_mount_parse_destination (destination, error);
  if (!mount->destination || !parse_user (mount, user, error))
    return NULL;
  mount->source = g_strdup (source);
  mount->read_only = read_only;
  mount->device = device;
  mount->inode = inode;
  mount->boot = read_boot_id ();
  return g_steal_pointer (&mount);
}

BothyMount *
bothy_mount_new_volume (const char *name, const char *destination, gboolean read_only, GError **error)
{
  g_autoptr (BothyMount) mount = g_new0 (BothyMount, 1);

  if (!bothy_validate_name (name, "Volume", error))
    return NULL;
  mount->destination = bothy_mount_parse_destination (destination, error);
  if (!mount->destination)
    return NULL;
  mount->source = g_strdup (name);
  mount->volume = g_strdup ("");
  mount->read_only = read_only;
  mount->boot = g_strdup ("");
  return g_steal_pointer (&mount);
}

gboolean
bothy_mount_is_of (const BothyMount *mount, guint64 device, guint64 inode)
{
  g_autofree char *boot = read_boot_id ();

  return inode == mount->inode && (device == mount->device || !g_str_equal (boot, mount->boot));
}

/* ---- those of a container ---- */

GPtrArray *
bothy_mounts_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_mount_free);
}

/* So that one comes before those below it. */
static gint
compare (gconstpointer a, gconstpointer b)
{
  const BothyMount *const *first = a, *const *second = b;

  return strcmp ((*first)->destination, (*second)->destination);
}

void
bothy_mounts_add (GPtrArray *mounts, BothyMount *mount)
{
  g_ptr_array_add (mounts, mount);
  g_ptr_array_sort (mounts, compare);
}

BothyMount *
bothy_mounts_find (GPtrArray *mounts, const char *destination)
{
  for (guint i = 0; i < mounts->len; i++) {
    BothyMount *mount = mounts->pdata[i];

    if (g_str_equal (mount->destination, destination))
      return mount;
  }
  return NULL;
}

BothyMount *
bothy_mounts_find_below (GPtrArray *mounts, const char *destination)
{
  for (guint i = 0; i < mounts->len; i++) {
    BothyMount *mount = mounts->pdata[i];

    if (is_within (mount->destination, destination) && !g_str_equal (mount->destination, destination))
      return mount;
  }
  return NULL;
}

gboolean
bothy_mounts_check (GPtrArray *mounts, const char *destination, GError **error)
{
  if (bothy_mounts_find (mounts, destination))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_MOUNT_FAILED,
                 "Something of yours is mounted at %s already; take it away first", destination);
  else if (mounts->len >= MAX_MOUNTS)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED, "A container may have %d directories",
                 MAX_MOUNTS);
  else
    return TRUE;
  return FALSE;
}

/* ---- on record ---- */

void
bothy_mounts_to_record (GPtrArray *mounts, GKeyFile *record)
{
  for (guint i = 0; i < mounts->len; i++) {
    const BothyMount *mount = mounts->pdata[i];
    g_autofree char *group = g_strdup_printf (GROUP "%u", i);
    g_autofree char *source = g_strescape (mount->source, NULL);
    g_autofree char *destination = g_strescape (mount->destination, NULL);
    g_autofree char *user = g_strdup_printf ("%u:%u", mount->uid, mount->gid);

    g_key_file_set_string (record, group, "Source", source);
    if (mount->volume)
      g_key_file_set_string (record, group, "Volume", mount->volume);
    g_key_file_set_string (record, group, "Destination", destination);
    g_key_file_set_string (record, group, "User", user);
    g_key_file_set_boolean (record, group, "ReadOnly", mount->read_only);
    g_key_file_set_uint64 (record, group, "Device", mount->device);
    g_key_file_set_uint64 (record, group, "Inode", mount->inode);
    g_key_file_set_string (record, group, "Boot", mount->boot);
    if (mount->unsettled)
      g_key_file_set_boolean (record, group, "Unsettled", TRUE);
  }
}

static char *
get_path (GKeyFile *record, const char *group, const char *key)
{
  g_autofree char *escaped = g_key_file_get_string (record, group, key, NULL);

  return escaped ? g_strcompress (escaped) : g_strdup ("");
}

static BothyMount *
read_mount (GKeyFile *record, const char *group, GError **error)
{
  g_autofree char *source = get_path (record, group, "Source");
  g_autofree char *destination = get_path (record, group, "Destination");
  g_autofree char *user = g_key_file_get_string (record, group, "User", NULL);
  g_autoptr (GError) missing = NULL;
  /* Where it is missing, the strictest. */
  gboolean read_only = g_key_file_get_boolean (record, group, "ReadOnly", &missing) || missing;
  g_autofree char *volume = g_key_file_get_string (record, group, "Volume", NULL);
  g_autoptr (BothyMount) mount = NULL;

  if (volume)
    mount = bothy_mount_new_volume (source, destination, read_only, error);
  else
    mount = bothy_mount_new (source, destination, user ? user : "", read_only,
                             g_key_file_get_uint64 (record, group, "Device", NULL),
                             g_key_file_get_uint64 (record, group, "Inode", NULL), error);
  if (!mount)
    return NULL;
  if (volume && !bothy_is_uuid (volume)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "A volume's id makes no sense");
    return NULL;
  }
  g_free (mount->volume);
  mount->volume = g_steal_pointer (&volume);
  g_free (mount->boot);
  mount->boot = get_path (record, group, "Boot");
  mount->unsettled = g_key_file_get_boolean (record, group, "Unsettled", NULL);
  return g_steal_pointer (&mount);
}

GPtrArray *
bothy_mounts_from_record (GKeyFile *record, GError **error)
{
  g_autoptr (GPtrArray) mounts = bothy_mounts_new ();
  g_auto (GStrv) groups = g_key_file_get_groups (record, NULL);

  for (char **group = groups; *group; group++) {
    BothyMount *mount;

    if (!g_str_has_prefix (*group, GROUP))
      continue;
    mount = read_mount (record, *group, error);
    if (!mount)
      return NULL;
    bothy_mounts_add (mounts, mount);
    if (mounts->len > MAX_MOUNTS) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "There are more than %d directories",
                   MAX_MOUNTS);
      return NULL;
    }
  }
  return g_steal_pointer (&mounts);
}

GVariant *
bothy_mounts_to_variant (GPtrArray *mounts)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < mounts->len; i++) {
    const BothyMount *mount = mounts->pdata[i];
    g_autofree char *user = g_strdup_printf ("%u:%u", mount->uid, mount->gid);

    if (mount->unsettled)
      continue;
    g_variant_builder_open (&list, G_VARIANT_TYPE ("a{sv}"));
    g_variant_builder_add (&list, "{sv}", "source",
                           g_variant_new_take_string (g_utf8_make_valid (mount->source, -1)));
    g_variant_builder_add (&list, "{sv}", "destination", g_variant_new_string (mount->destination));
    g_variant_builder_add (&list, "{sv}", "read-only", g_variant_new_boolean (mount->read_only));
    if (mount->volume)
      g_variant_builder_add (&list, "{sv}", "volume", g_variant_new_string (mount->source));
    else
      g_variant_builder_add (&list, "{sv}", "user", g_variant_new_string (user));
    g_variant_builder_close (&list);
  }
  return g_variant_builder_end (&list);
}
