/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the caller shows to servers: bothy remote login and logout, and what goes along when an image is got.
 */
#include "login.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "authfile.h"
#include "error.h"
#include "password.h"
#include "verbs.h"

/* Of a server. */
typedef struct {
  char *origin;   /* https://HOST[:PORT] */
  char *hosts[3]; /* what it is called in files, NULL at the end */
} Server;

static void
server_clear (Server *self)
{
  g_free (self->origin);
  g_free (self->hosts[0]);
  g_free (self->hosts[1]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Server, server_clear)

static gboolean
is_host (const char *text)
{
  return strpbrk (text, ".:") || g_str_equal (text, "localhost");
}

static void
server_take (Server *self, const char *name, const char *url)
{
  const char *scheme_end = strstr (url, "://");
  const char *host = scheme_end ? scheme_end + 3 : url;
  gsize length = strcspn (host, "/");

  self->origin = g_ascii_strdown (url, (host - url) + (gssize)length);
  /* docker.io is at another host, and known by its name. */
  self->hosts[0] = is_host (name) ? g_strdup (name) : g_ascii_strdown (host, (gssize)length);
  if (is_host (name))
    self->hosts[1] = g_ascii_strdown (host, (gssize)length);
}

static GVariant *
list_remotes (Cli *cli, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListRemotes", NULL, NULL, NULL, error);

  return answer ? g_variant_get_child_value (answer, 0) : NULL;
}

/* The remote that is called so, or whose host it is. FALSE: there is none. */
static gboolean
find_remote (GVariant *remotes, const char *wanted, Server *ret)
{
  for (gsize i = 0; i < g_variant_n_children (remotes); i++) {
    g_autoptr (GVariant) remote = g_variant_get_child_value (remotes, i);
    g_auto (Server) server = { 0 };
    const char *name = "", *url = "";

    g_variant_lookup (remote, "name", "&s", &name);
    g_variant_lookup (remote, "url", "&s", &url);
    server_take (&server, name, url);
    if (g_str_equal (name, wanted) ||
        (is_host (wanted) && g_str_equal (strstr (server.origin, "://") + 3, wanted))) {
      *ret = server;
      server = (Server){ 0 };
      return TRUE;
    }
  }
  return FALSE;
}

/* ---- with an image ---- */

static int
seal (const char *login, GError **error)
{
  int fd = memfd_create ("bothy-login", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gsize size = strlen (login);

  if (fd >= 0 && write (fd, login, size) == (gssize)size &&
      fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
    return fd;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "memfd: %s", g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

/* Nobody takes a password to where everybody on the way can read it. */
static gboolean
is_safe (const Server *server)
{
  const char *host = strstr (server->origin, "://") + 3;
  g_autofree char *name =
      *host == '[' ? g_strndup (host, strcspn (host, "]") + 1) : g_strndup (host, strcspn (host, ":"));
  static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]", NULL };

  return g_str_has_prefix (server->origin, "https://") || g_strv_contains (loopback, name);
}

/* Appends what there is for SERVER. A file that can not be read is an error: who has a name does not want to
   be nobody without being told. */
static gboolean
add_server (
    GVariantBuilder *logins, GUnixFDList *fds, const Server *server, const char *repository, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *login = cli_auth_find ((const char *const *)server->hosts, repository, &local);
  int fd, index;

  if (local) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!login)
    return TRUE;
  fd = seal (login, error);
  explicit_bzero (login, strlen (login));
  index = fd >= 0 ? g_unix_fd_list_append (fds, fd, error) : -1;
  if (fd >= 0)
    close (fd);
  if (index >= 0)
    g_variant_builder_add (logins, "{sh}", server->origin, index);
  return index >= 0;
}

/* An image without a remote may come from each catalogue that is switched on. */
static gboolean
add_catalogues (GVariantBuilder *logins, GUnixFDList *fds, GVariant *remotes, GError **error)
{
  gboolean ok = TRUE;

  for (gsize i = 0; i < g_variant_n_children (remotes) && ok; i++) {
    g_autoptr (GVariant) remote = g_variant_get_child_value (remotes, i);
    g_auto (Server) server = { 0 };
    const char *name = "", *url = "", *protocol = "";
    gboolean enabled = FALSE;

    g_variant_lookup (remote, "name", "&s", &name);
    g_variant_lookup (remote, "url", "&s", &url);
    g_variant_lookup (remote, "protocol", "&s", &protocol);
    g_variant_lookup (remote, "enabled", "b", &enabled);
    server_take (&server, name, url);
    if (enabled && !g_str_equal (protocol, "oci") && is_safe (&server))
      ok = add_server (logins, fds, &server, NULL, error);
  }
  return ok;
}

/* Of HOST/NAME:TAG the host, of REMOTE:NAME the remote, of NAME nothing; and what follows. */
static gboolean
split_reference (const char *ref, char **ret_remote, const char **ret_rest, gboolean *ret_of_registry)
{
  const char *slash = strchr (ref, '/'), *colon = strchr (ref, ':');
  g_autofree char *first = slash ? g_strndup (ref, (gsize)(slash - ref)) : NULL;

  *ret_of_registry = first && is_host (first) && !(colon && colon < slash && !g_ascii_isdigit (colon[1]));
  *ret_remote = *ret_of_registry ? g_strdup (first) : colon ? g_strndup (ref, (gsize)(colon - ref)) : NULL;
  *ret_rest = *ret_of_registry ? slash + 1 : colon ? colon + 1 : NULL;
  return *ret_remote != NULL;
}

/* HOST is a registry that nobody made known. */
static void
server_take_host (Server *self, const char *host)
{
  g_autofree char *url = g_strconcat ("https://", host, NULL);

  server_take (self, host, url);
}

/* HOST/NAME:TAG, REMOTE:NAME or NAME. */
static gboolean
add_for (GVariantBuilder *logins, GUnixFDList *fds, GVariant *remotes, const char *ref, GError **error)
{
  g_autofree char *remote = NULL;
  g_autofree char *repository = NULL;
  g_auto (Server) server = { 0 };
  gboolean of_registry;
  const char *rest;

  if (!split_reference (ref, &remote, &rest, &of_registry))
    return add_catalogues (logins, fds, remotes, error);
  repository = g_strndup (rest, strcspn (rest, ":@"));
  if (!find_remote (remotes, remote, &server) && of_registry)
    server_take_host (&server, remote);
  return !server.origin || add_server (logins, fds, &server, repository, error);
}

gboolean
cli_login_add (Cli *cli, const char *ref, GVariantBuilder *options, GUnixFDList **ret_fds, GError **error)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) remotes = NULL;
  g_autoptr (GVariant) value = NULL;
  GVariantBuilder logins;
  gboolean ok;

  *ret_fds = NULL;
  if (!cli_auth_exists ())
    return TRUE;
  remotes = list_remotes (cli, error);
  if (!remotes)
    return FALSE;
  fds = g_unix_fd_list_new ();
  g_variant_builder_init (&logins, G_VARIANT_TYPE ("a{sh}"));
  ok = add_for (&logins, fds, remotes, ref, error);
  value = g_variant_ref_sink (g_variant_builder_end (&logins));
  if (!ok || g_unix_fd_list_get_length (fds) == 0)
    return ok;
  g_variant_builder_add (options, "{sv}", "credentials", value);
  *ret_fds = g_steal_pointer (&fds);
  return TRUE;
}

/* ---- where an image goes ---- */

void
cli_destination_clear (CliDestination *self)
{
  g_free (self->url);
  g_free (self->host);
  g_free (self->repository);
  g_free (self->tag);
  if (self->login_fd >= 0)
    close (self->login_fd);
}

/* A part of a name, which ends with a slash or is the last one. */
static gboolean
is_part (const char *part)
{
  gsize length = strlen (part);

  return length > 0 && strspn (part, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length &&
         g_ascii_isalnum (part[0]) && g_ascii_isalnum (part[length - 1]);
}

/* NAME[:TAG], as registries take them. */
static gboolean
take_name (CliDestination *self, const char *rest)
{
  const char *colon = strchr (rest, ':');
  g_auto (GStrv) parts = NULL;
  gboolean ok;

  self->repository = g_strndup (rest, strcspn (rest, ":"));
  self->tag = g_strdup (colon ? colon + 1 : "latest");
  parts = g_strsplit (self->repository, "/", -1);
  ok = parts[0] != NULL && strlen (self->repository) <= 255;
  for (char **part = parts; *part; part++)
    ok = ok && is_part (*part);
  return ok && strlen (self->tag) <= 128 && (g_ascii_isalnum (*self->tag) || *self->tag == '_') &&
         strspn (self->tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             strlen (self->tag);
}

/* The registry that NAME is: known to the machine, or just a host. */
static gboolean
find_registry (
    Cli *cli, const char *name, gboolean is_host_name, CliDestination *ret, Server *server, GError **error)
{
  g_autoptr (GVariant) remotes = list_remotes (cli, error);

  if (!remotes)
    return FALSE;
  ret->is_known = find_remote (remotes, name, server);
  if (!ret->is_known && is_host_name)
    server_take_host (server, name);
  if (!server->origin) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
        _ ("There is no remote %s; 'bothy remote list' shows them, and a registry is HOST or HOST:PORT"),
        name);
    return FALSE;
  }
  ret->url = g_strdup (server->origin);
  ret->host = g_strdup (server->hosts[0]);
  return TRUE;
}

gboolean
cli_destination_find (Cli *cli, const char *ref, CliDestination *ret, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *login = NULL;
  g_auto (Server) server = { 0 };
  g_autoptr (GError) local = NULL;
  gboolean of_registry;
  const char *rest;

  ret->login_fd = -1;
  if (!split_reference (ref, &name, &rest, &of_registry) || !take_name (ret, rest)) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        _ ("'%s' is no place for an image: HOST[:PORT]/NAME[:TAG] is wanted, in small letters, such as "
           "registry.example.org/me/web:1"),
        ref);
    return FALSE;
  }
  if (!find_registry (cli, name, of_registry, ret, &server, error))
    return FALSE;
  if (!is_safe (&server)) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        _ ("%s is without TLS, and not on this machine: everybody on the way could change the image"),
        server.origin);
    return FALSE;
  }
  login = cli_auth_find ((const char *const *)server.hosts, ret->repository, &local);
  if (login) {
    ret->login_fd = seal (login, &local);
    explicit_bzero (login, strlen (login));
  }
  if (!local)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* ---- login and logout ---- */

/* What the server that the person means is called in files. */
static gboolean
understand (Cli *cli, const char *word, Server *ret, GError **error)
{
  g_autoptr (GVariant) remotes = list_remotes (cli, error);

  if (!remotes)
    return FALSE;
  if (!find_remote (remotes, word, ret) && is_host (word) && !strchr (word, '/')) {
    g_autofree char *url = g_strconcat ("https://", word, NULL);

    server_take (ret, word, url);
  }
  if (ret->origin)
    return TRUE;
  g_set_error (
      error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
      _ ("There is no remote %s; 'bothy remote list' shows them, and a registry is HOST or HOST:PORT"), word);
  return FALSE;
}

static char *
ask_login (const char *host, const char *name, gboolean from_stdin, GError **error)
{
  g_autofree char *name_prompt = g_strdup_printf (_ ("Name at %s: "), host);
  g_autofree char *typed = name ? g_strdup (name) : cli_ask (name_prompt, TRUE, error);
  g_autofree char *prompt = g_strdup_printf (_ ("Password of %s at %s: "), typed ? typed : "", host);
  g_autofree char *password = NULL;

  if (!typed)
    return NULL;
  if (*typed == '\0' || strchr (typed, ':')) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("'%s' can not be the name: a name has a letter or more, and no colon"), typed);
    return NULL;
  }
  password = from_stdin ? cli_read_line (error) : cli_ask (prompt, FALSE, error);
  return password ? g_strconcat (typed, ":", password, NULL) : NULL;
}

int
cli_remote_login (Cli *cli, char **words)
{
  g_autofree char *name = NULL;
  gboolean from_stdin = FALSE;
  const GOptionEntry entries[] = {
    { "username", 'u', 0, G_OPTION_ARG_FILENAME, &name, N_ ("Who you are there"), N_ ("NAME") },
    { "password-stdin", 0, 0, G_OPTION_ARG_NONE, &from_stdin, N_ ("Read the password from standard input"),
      NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_auto (Server) server = { 0 };
  g_autofree char *login = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 1)
    return cli_usage (cli, "%s", _ ("A remote is needed"));
  if (from_stdin && !name)
    return cli_usage (cli, "%s", _ ("--password-stdin needs --username"));
  if (!cli_connect (cli, &error) || !understand (cli, rest[0], &server, &error))
    return cli_fail (error);
  login = ask_login (server.hosts[0], name, from_stdin, &error);
  return login && cli_auth_store (server.hosts[0], login, &error) ? CLI_EXIT_OK : cli_fail (error);
}

static gboolean
log_out (Cli *cli, const char *word, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_auto (Server) server = { 0 };
  g_autofree char *left = NULL;
  gboolean found;

  if (!understand (cli, word, &server, error))
    return FALSE;
  found = cli_auth_erase (server.hosts[0], &local);
  left = local ? NULL : cli_auth_find ((const char *const *)server.hosts, NULL, &local);
  if (!local && left)
    g_set_error (&local, G_IO_ERROR, G_IO_ERROR_FAILED,
                 _ ("Your docker configuration has a password for %s still: 'docker logout' removes it"),
                 server.hosts[0]);
  else if (!local && !found)
    g_set_error (&local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("You have no password for %s"),
                 server.hosts[0]);
  if (!local)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

int
cli_remote_logout (Cli *cli, char **words)
{
  return cli_each_word (cli, words, N_ ("A remote is needed"), log_out);
}
