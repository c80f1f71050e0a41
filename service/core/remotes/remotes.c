/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/remotes.h"

#include "config.h"
#include "core/remotes/catalogue-cache.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/images/reference.h"
#include "base/fd.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define GROUP          "Remote"
#define NEWEST         "newest.versions" /* no remote's name has a dot */
#define NEWEST_DAMAGED NEWEST ".corrupt-1"
#define SUFFIX         ".conf"
#define MAX_AHEAD_DAYS 2 /* clocks and time zones */

struct _BothyRemotes {
  int dirfd;
};

static char *
get_string (GKeyFile *file, const char *key)
{
  return g_key_file_get_string (file, GROUP, key, NULL);
}

/* KEY may be missing: then it is a remote without one. */
static BothyRemote *
from_key_file (const char *name, GKeyFile *file, const char *origin, gboolean has_key, GError **error)
{
  g_autofree char *url = get_string (file, "URL");
  g_autofree char *protocol = get_string (file, "Protocol");
  g_autofree char *policy = get_string (file, "Policy");
  g_autofree char *proxy = get_string (file, "Proxy");
  g_autofree char *key = get_string (file, "Key");
  g_autoptr (GBytes) some_key = has_key ? g_bytes_new_static ("k", 1) : NULL;
  guint timeout = (guint)CLAMP (g_key_file_get_integer (file, GROUP, "Timeout", NULL), 0, 3600);
  BothyRemote *self;

  self = bothy_remote_parse (name, url ? url : "", protocol, policy, proxy, timeout, some_key, error);
  if (!self)
    return NULL;
  self->origin = (g_free (self->origin), g_strdup (origin));
  if (!g_str_equal (origin, BOTHY_REMOTE_RECORD))
    self->key = (g_free (self->key), g_strdup (has_key ? key : ""));
  if (g_key_file_has_key (file, GROUP, "Enabled", NULL)) {
    g_autofree char *enabled = get_string (file, "Enabled");

    self->enabled = enabled && (g_str_equal (enabled, "yes") || g_str_equal (enabled, "true"));
  }
  return self;
}

static BothyRemote *
load_file (const char *directory, const char *file_name, GError **error)
{
  g_autofree char *path = g_build_filename (directory, file_name, NULL);
  g_autofree char *name = g_strndup (file_name, strlen (file_name) - strlen (SUFFIX));
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *key = NULL;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, error))
    return NULL;
  /* What only switches a preset off needs to say no more. */
  if (!g_key_file_has_key (file, GROUP, "URL", NULL) && g_key_file_has_key (file, GROUP, "Enabled", NULL) &&
      !g_key_file_get_boolean (file, GROUP, "Enabled", NULL)) {
    g_key_file_set_string (file, GROUP, "URL", "https://disabled.invalid");
    g_key_file_set_string (file, GROUP, "Protocol", strchr (name, '.') ? "oci" : "simplestreams");
  }
  key = get_string (file, "Key");
  return from_key_file (name, file, path, key && g_file_test (key, G_FILE_TEST_IS_REGULAR), error);
}

static void
load_directory (GHashTable *remotes, const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autoptr (GError) error = NULL;
    BothyRemote *remote;

    if (!g_str_has_suffix (name, SUFFIX) || name[0] == '.')
      continue;
    remote = load_file (path, name, &error);
    if (remote)
      g_hash_table_replace (remotes, remote->name, remote);
    else
      g_message ("%s/%s: %s", path, name, error->message);
  }
}

static void
load_records (BothyRemotes *self, GHashTable *remotes)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GKeyFile) record = NULL;
    g_autofree char *key = g_strconcat (name, ".key", NULL);
    struct stat st;
    BothyRemote *remote;

    if (!bothy_validate_remote (name, NULL))
      continue;
    record = bothy_record_read (self->dirfd, name, &error);
    remote = record ? from_key_file (name, record, BOTHY_REMOTE_RECORD,
                                     fstatat (self->dirfd, key, &st, AT_SYMLINK_NOFOLLOW) == 0, &error)
                    : NULL;
    if (remote)
      g_hash_table_replace (remotes, remote->name, remote);
    else
      g_message ("Remote %s: %s", name, error->message);
  }
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  const BothyRemote *const *left = a, *const *right = b;

  return strcmp ((*left)->name, (*right)->name);
}

GPtrArray *
bothy_remotes_list (BothyRemotes *self)
{
  g_autoptr (GHashTable) seen =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)bothy_remote_free);
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_remote_free);
  GHashTableIter iter;
  gpointer remote;

  load_directory (seen, VENDOR_REMOTES_DIR);
  load_directory (seen, REMOTES_DIR);
  load_records (self, seen);
  g_hash_table_iter_init (&iter, seen);
  while (g_hash_table_iter_next (&iter, NULL, &remote)) {
    g_ptr_array_add (list, remote);
    g_hash_table_iter_steal (&iter);
  }
  g_ptr_array_sort (list, compare_names);
  return list;
}

/* A name alone is never a registry's: who should have it there is nobody's to guess. */
static gboolean
is_chosen (const BothyRemote *remote, const char *name)
{
  return remote->enabled && (name ? g_str_equal (remote->name, name) : remote->protocol != FETCH_OCI);
}

GPtrArray *
bothy_remotes_choose (BothyRemotes *self, const char *name, GError **error)
{
  g_autoptr (GPtrArray) all = bothy_remotes_list (self);
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_remote_free);

  for (guint i = 0; i < all->len; i++) {
    if (is_chosen (all->pdata[i], name))
      g_ptr_array_add (chosen, bothy_remote_copy (all->pdata[i]));
  }
  if (chosen->len > 0)
    return g_steal_pointer (&chosen);
  if (name)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_REMOTE,
        "There is no remote %s; \"bothy remote list\" shows what there is. (An image of a registry is "
        "written with its host, as in docker.io/library/alpine:3)",
        name);
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_REMOTE, "There is no remote to get images from");
  return NULL;
}

/* HOST[:PORT] of a URL. */
static char *
authority_of (const char *url)
{
  const char *begin = strstr (url, "://") + strlen ("://");

  return g_strndup (begin, strcspn (begin, "/"));
}

BothyRemote *
bothy_remotes_find_registry (BothyRemotes *self, const char *registry, GError **error)
{
  g_autoptr (GPtrArray) all = bothy_remotes_list (self);
  g_autofree char *url = g_strconcat ("https://", registry, NULL);

  for (guint i = 0; i < all->len; i++) {
    const BothyRemote *remote = all->pdata[i];
    g_autofree char *authority = authority_of (remote->url);

    if (remote->protocol != FETCH_OCI ||
        (!g_str_equal (remote->name, registry) && !g_str_equal (authority, registry)))
      continue;
    if (remote->enabled)
      return g_ptr_array_steal_index (all, i);
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_REMOTE, "The registry %s is switched off by %s",
                 registry, remote->origin);
    return NULL;
  }
  /* For a registry that is not configured, the host that the user typed is enough; all else is as usual for a
     registry. */
  return bothy_remote_parse (registry, url, "oci", NULL, NULL, 0, NULL, error);
}

static gboolean
write_key (BothyRemotes *self, const char *name, GBytes *key, GError **error)
{
  g_autofree char *file = g_strconcat (name, ".key", NULL);
  autofd fd = -1;
  gsize size;
  const char *data = g_bytes_get_data (key, &size);

  unlinkat (self->dirfd, file, 0);
  fd = openat (self->dirfd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd >= 0 && write (fd, data, size) == (gssize)size && fsync (fd) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Writing the key");
  return FALSE;
}

gboolean
bothy_remotes_add (BothyRemotes *self, const BothyRemote *remote, GBytes *key, GError **error)
{
  g_autoptr (GPtrArray) present = bothy_remotes_list (self);
  g_autoptr (GKeyFile) record = g_key_file_new ();

  for (guint i = 0; i < present->len; i++) {
    const BothyRemote *other = present->pdata[i];

    if (g_str_equal (other->name, remote->name)) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "There is a remote %s already (%s)",
                   remote->name, other->origin);
      return FALSE;
    }
  }
  g_key_file_set_string (record, GROUP, "URL", remote->url);
  g_key_file_set_string (record, GROUP, "Protocol", bothy_remote_protocol_name (remote->protocol));
  g_key_file_set_string (record, GROUP, "Policy", bothy_remote_policy_name (remote->policy));
  g_key_file_set_string (record, GROUP, "Proxy", remote->proxy);
  g_key_file_set_integer (record, GROUP, "Timeout", (int)remote->timeout);
  if (key && !write_key (self, remote->name, key, error))
    return FALSE;
  return bothy_record_write (self->dirfd, remote->name, record, BOTHY_RECORD_DURABLE, error);
}

gboolean
bothy_remotes_remove (BothyRemotes *self, const char *name, GError **error)
{
  g_autofree char *key = g_strconcat (name, ".key", NULL);
  g_autoptr (GPtrArray) present = bothy_remotes_list (self);
  g_autoptr (GKeyFile) newest = NULL;

  if (unlinkat (self->dirfd, name, 0) == 0) {
    unlinkat (self->dirfd, key, 0);
    bothy_catalogue_cache_remove (self->dirfd, name);
    newest = bothy_record_read (self->dirfd, NEWEST, NULL);
    if (newest && g_key_file_remove_group (newest, name, NULL))
      bothy_record_write (self->dirfd, NEWEST, newest, BOTHY_RECORD_VOLATILE, NULL);
    return TRUE;
  }
  for (guint i = 0; i < present->len; i++) {
    const BothyRemote *other = present->pdata[i];

    if (g_str_equal (other->name, name)) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                   "Remote %s is in %s; Enabled=no in " REMOTES_DIR "/%s" SUFFIX " switches it off", name,
                   other->origin, name);
      return FALSE;
    }
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_REMOTE, "There is no remote %s", name);
  return FALSE;
}

int
bothy_remotes_open_key (BothyRemotes *self, const BothyRemote *remote, GError **error)
{
  g_autofree char *file = g_strconcat (remote->name, ".key", NULL);
  gboolean recorded = g_str_equal (remote->origin, BOTHY_REMOTE_RECORD);
  int fd;

  if (!*remote->key || remote->policy != FETCH_POLICY_SIGNATURE)
    return -1;
  fd = recorded ? openat (self->dirfd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
                : open (remote->key, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    bothy_error_set_errno (error, errno, "Opening the remote's key");
  return fd;
}

/* ---- versions ---- */

/* What remotes have had; empty if there never was anything. NULL: that is not known any more, and not to be
   taken for
   nothing: who damaged it could turn back the clock. */
static GKeyFile *
read_newest (BothyRemotes *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GKeyFile) newest = bothy_record_read (self->dirfd, NEWEST, &local_error);
  gboolean none = g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT);

  if (newest)
    return g_steal_pointer (&newest);
  if (none && faccessat (self->dirfd, NEWEST_DAMAGED, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
    return g_key_file_new ();
  if (!none && !g_error_matches (local_error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED))
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                 "What versions remotes have had is not known any more: " NEWEST " in " STATE_DIR
                 "/remotes is "
                 "damaged; look for the cause, and remove " NEWEST_DAMAGED " there to begin anew");
  return NULL;
}

gboolean
bothy_remotes_check_version (
    BothyRemotes *self, const BothyRemote *remote, const char *product, const char *version, GError **error)
{
  g_autoptr (GKeyFile) newest = read_newest (self, error);
  g_autofree char *seen = newest ? g_key_file_get_string (newest, remote->name, product, NULL) : NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GDateTime) limit = g_date_time_add_days (now, MAX_AHEAD_DAYS);
  g_autofree char *latest = g_date_time_format (limit, "%Y%m%d");

  if (!newest)
    return FALSE;
  /* If a version of the future were accepted and noted, all honest versions until then would be refused as
     older. */
  if (strncmp (version, latest, strlen (latest)) > 0) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_VERIFIED,
                 "Remote %s offers version %s, which is of the future", remote->name, version);
    return FALSE;
  }
  if (!seen || strcmp (version, seen) >= 0)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_VERIFIED,
               "Remote %s offers version %s, and has had the newer %s before: somebody may want to turn back "
               "the clock",
               remote->name, version, seen);
  return FALSE;
}

void
bothy_remotes_note_version (BothyRemotes *self,
                            const BothyRemote *remote,
                            const char *product,
                            const char *version)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) newest = read_newest (self, &error);
  g_autofree char *seen = newest ? g_key_file_get_string (newest, remote->name, product, NULL) : NULL;

  if (!newest) {
    g_warning ("%s", error->message);
    return;
  }
  if (seen && strcmp (version, seen) <= 0)
    return;
  g_key_file_set_string (newest, remote->name, product, version);
  if (!bothy_record_write (self->dirfd, NEWEST, newest, BOTHY_RECORD_VOLATILE, &error))
    g_warning ("Versions of remotes: %s", error->message);
}

int
bothy_remotes_get_fd (BothyRemotes *self)
{
  return self->dirfd;
}

BothyRemotes *
bothy_remotes_new (int dirfd)
{
  BothyRemotes *self = g_new0 (BothyRemotes, 1);

  self->dirfd = dirfd;
  return self;
}

void
bothy_remotes_free (BothyRemotes *self)
{
  g_free (self);
}
