/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authfile.h"

#include "config.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#define AUTHS "auths"

/* ---- which files ---- */

static char *
own_file (void)
{
  const char *file = g_getenv ("REGISTRY_AUTH_FILE");

  return file ? g_strdup (file)
              : g_build_filename (g_get_user_config_dir (), "containers", "auth.json", NULL);
}

/* As podman looks for them. Those behind the first N_WRITABLE are docker's, and only read. */
static char **
list_files (gsize *ret_writable)
{
  g_autoptr (GStrvBuilder) files = g_strv_builder_new ();
  g_autofree char *own = own_file ();
  g_autofree char *session = g_build_filename (g_get_user_runtime_dir (), "containers", "auth.json", NULL);
  const char *directory = g_getenv ("DOCKER_CONFIG");
  g_autofree char *docker = directory ? g_build_filename (directory, "config.json", NULL)
                                      : g_build_filename (g_get_home_dir (), ".docker", "config.json", NULL);
  gboolean only = g_getenv ("REGISTRY_AUTH_FILE") != NULL;

  if (!only)
    g_strv_builder_add (files, session);
  g_strv_builder_add (files, own);
  if (!only)
    g_strv_builder_add (files, docker);
  *ret_writable = only ? 1 : 2;
  return g_strv_builder_end (files);
}

gboolean
cli_auth_exists (void)
{
  gsize writable;
  g_auto (GStrv) files = list_files (&writable);

  for (char **file = files; *file; file++) {
    if (g_access (*file, F_OK) == 0)
      return TRUE;
  }
  return FALSE;
}

/* ---- one of them ---- */

static gboolean
refuse (const char *path, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _ ("%s: it is not of containers-auth.json(5)"),
               path);
  return FALSE;
}

/* NULL with ERROR unset: there is none. */
static JsonNode *
load (const char *path, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *text = NULL;
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) root = NULL;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, &local)) {
    if (!g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
        !g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
      g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }
  if (size == 0)
    return NULL;
  /* The parser's own words would show a part of what is in it. */
  root =
      json_parser_load_from_data (parser, text, (gssize)size, NULL) ? json_parser_steal_root (parser) : NULL;
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    return g_steal_pointer (&root);
  refuse (path, error);
  return NULL;
}

static JsonObject *
auths_of (JsonNode *root)
{
  JsonObject *object = json_node_get_object (root);
  JsonNode *auths = json_object_get_member (object, AUTHS);

  return auths && JSON_NODE_HOLDS_OBJECT (auths) ? json_node_get_object (auths) : NULL;
}

/* docker writes https://index.docker.io/v1/ where others write a host. */
static char *
plain_key (const char *key)
{
  const char *scheme = strstr (key, "://");
  g_autofree char *plain = g_strdup (scheme ? scheme + 3 : key);

  while (g_str_has_suffix (plain, "/"))
    plain[strlen (plain) - 1] = '\0';
  if (g_str_has_suffix (plain, "/v1") || g_str_has_suffix (plain, "/v2"))
    plain[strlen (plain) - 3] = '\0';
  return g_str_equal (plain, "index.docker.io") ? g_strdup ("docker.io") : g_steal_pointer (&plain);
}

static JsonObject *
find_entry (JsonObject *auths, const char *wanted)
{
  g_autoptr (GList) keys = json_object_get_members (auths);

  for (GList *l = keys; l; l = l->next) {
    g_autofree char *key = plain_key (l->data);
    JsonNode *node = json_object_get_member (auths, l->data);

    if (g_str_equal (key, wanted) && JSON_NODE_HOLDS_OBJECT (node))
      return json_node_get_object (node);
  }
  return NULL;
}

static char *
login_of (JsonObject *entry)
{
  JsonNode *node = json_object_get_member (entry, "auth");
  const char *text =
      node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : "";
  g_autofree guchar *bytes = NULL;
  g_autofree char *login = NULL;
  gsize size = 0;

  bytes = *text ? g_base64_decode (text, &size) : NULL;
  login = g_strndup (bytes ? (const char *)bytes : "", size);
  return strchr (login, ':') ? g_steal_pointer (&login) : NULL;
}

/* HOST/PATH of the repository before HOST/PA of it, and that before HOST. */
static char *
find_in (JsonObject *auths, const char *host, const char *repository)
{
  g_autofree char *wanted = repository ? g_strconcat (host, "/", repository, NULL) : g_strdup (host);

  for (;;) {
    JsonObject *entry = find_entry (auths, wanted);
    char *login = entry ? login_of (entry) : NULL;
    char *slash = strrchr (wanted, '/');

    if (login || !slash)
      return login;
    *slash = '\0';
  }
}

char *
cli_auth_find (const char *const *hosts, const char *repository, GError **error)
{
  gsize writable;
  g_auto (GStrv) files = list_files (&writable);

  for (char **file = files; *file; file++) {
    g_autoptr (GError) local = NULL;
    g_autoptr (JsonNode) root = load (*file, &local);
    JsonObject *auths = root ? auths_of (root) : NULL;

    if (local) {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
    for (gsize i = 0; auths && hosts[i]; i++) {
      char *login = find_in (auths, hosts[i], repository);

      if (login)
        return login;
    }
  }
  return NULL;
}

/* ---- writing ---- */

static gboolean
save (const char *path, JsonNode *root, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *text = json_to_string (root, TRUE);

  if (g_mkdir_with_parents (directory, 0700) < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", directory, g_strerror (errno));
    return FALSE;
  }
  /* A new file of this mode takes the place of the old one. */
  return g_file_set_contents_full (path, text, -1,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

/* Every key that means HOST. */
static gboolean
remove_entries (JsonObject *auths, const char *host)
{
  g_autoptr (GList) keys = json_object_get_members (auths);
  gboolean found = FALSE;

  for (GList *l = keys; l; l = l->next) {
    g_autofree char *key = plain_key (l->data);

    if (g_str_equal (key, host)) {
      json_object_remove_member (auths, l->data);
      found = TRUE;
    }
  }
  return found;
}

gboolean
cli_auth_erase (const char *host, GError **error)
{
  gsize writable;
  g_auto (GStrv) files = list_files (&writable);
  gboolean found = FALSE;

  for (gsize i = 0; i < writable; i++) {
    g_autoptr (GError) local = NULL;
    g_autoptr (JsonNode) root = load (files[i], &local);
    JsonObject *auths = root ? auths_of (root) : NULL;

    if (auths && remove_entries (auths, host)) {
      found = TRUE;
      save (files[i], root, &local);
    }
    if (local) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
  return found;
}

gboolean
cli_auth_store (const char *host, const char *login, GError **error)
{
  g_autofree char *path = own_file ();
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = g_base64_encode ((const guchar *)login, strlen (login));
  JsonObject *entry = json_object_new ();

  /* What another file says would go before it. */
  cli_auth_erase (host, &local);
  root = local ? NULL : load (path, &local);
  if (local) {
    json_object_unref (entry);
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!root)
    root = json_node_init_object (json_node_alloc (), json_object_new ());
  if (!auths_of (root))
    json_object_set_object_member (json_node_get_object (root), AUTHS, json_object_new ());
  json_object_set_string_member (entry, "auth", text);
  json_object_set_object_member (auths_of (root), host, entry);
  return save (path, root, error);
}
