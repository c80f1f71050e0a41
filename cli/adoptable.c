/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "adoptable.h"
#include "escape.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

void
cli_adoptable_clear (CliAdoptable *self)
{
  g_clear_pointer (&self->kind, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->suggestion, g_free);
  g_clear_object (&self->fds);
}

/* ---- where they are ---- */

char *
cli_adoptable_key (const char *text, const char *const *keys)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  char *found = NULL;

  for (char **line = lines; *line; line++) {
    char *equals = strchr (*line, '=');

    if (!equals)
      continue;
    *equals = '\0';
    if (!g_strv_contains (keys, g_strstrip (*line)))
      continue;
    g_free (found);
    found = g_strdup (g_strstrip (equals + 1));
  }
  return found;
}

/* Where LXC keeps the caller's containers. */
static char *
lxc_directory (void)
{
  static const char *const keys[] = { "lxc.lxcpath", "lxcpath", NULL };
  gboolean root = geteuid () == 0;
  g_autofree char *file = root ? g_strdup ("/etc/lxc/lxc.conf")
                               : g_build_filename (g_get_user_config_dir (), "lxc", "lxc.conf", NULL);
  g_autofree char *text = NULL;
  char *said = NULL;

  if (g_file_get_contents (file, &text, NULL, NULL))
    said = cli_adoptable_key (text, keys);
  if (said && *said == '/')
    return said;
  g_free (said);
  return root ? g_strdup ("/var/lib/lxc") : g_build_filename (g_get_user_data_dir (), "lxc", NULL);
}

static char *
machines_directory (void)
{
  return geteuid () == 0 ? g_strdup ("/var/lib/machines")
                         : g_build_filename (g_get_user_state_dir (), "machines", NULL);
}

/* Where DIRECTORY, one of these, is: root's may be links that root made. */
static char *
resolve (const char *directory)
{
  char *target = geteuid () == 0 ? realpath (directory, NULL) : NULL;
  char *path = g_strdup (target ? target : directory);

  free (target);
  return path;
}

/* ---- opening one ---- */

#define MAX_CONFIGURATION (64 * 1024) /* as the service has it */

/* Root may open all, so that whoever has a directory on the way could have a link lead root anywhere. */
static int
open_as_caller (const char *path, int flags)
{
  struct open_how how = { .flags = (guint64)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
                          .resolve = geteuid () == 0 ? RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS : 0 };

  return (int)syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static void
set_open_error (GError **error, const char *path, int number)
{
  g_autofree char *shown = cli_escape (path, -1, CLI_ESCAPE_LINE);
  char *target = number == ELOOP && geteuid () == 0 ? realpath (path, NULL) : NULL;
  g_autofree char *shown_target = target ? cli_escape (target, -1, CLI_ESCAPE_LINE) : NULL;

  if (target)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS,
                 _ ("%s: there is a symbolic link in this path, and root follows none; it leads to %s: if "
                    "that is what "
                    "you mean, name that"),
                 shown, shown_target);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (number), "%s: %s", shown, g_strerror (number));
  free (target);
}

static int
open_file (const char *path, int flags, GError **error)
{
  int fd = open_as_caller (path, flags);

  if (fd < 0)
    set_open_error (error, path, errno);
  return fd;
}

/* Takes FD over, unless it is -1. */
static gboolean
add_fd (CliAdoptable *self, int fd, GError **error)
{
  gboolean done;

  if (fd < 0)
    return FALSE;
  done = g_unix_fd_list_append (self->fds, fd, error) >= 0;
  close (fd);
  return done;
}

/* The file at PATH, *RET_FD, or -1: there is none. FALSE with an error: it can not be opened. */
static gboolean
open_if_there (const char *path, int flags, int *ret_fd, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  *ret_fd = open_file (path, flags, &local_error);
  if (*ret_fd >= 0 || g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* What the configuration FD says of its tree; else STANDARD. */
static char *
tree_of_lxc (int fd, const char *standard)
{
  static const char *const keys[] = { "lxc.rootfs.path", "lxc.rootfs", NULL };
  g_autofree char *text = g_malloc0 (MAX_CONFIGURATION + 1);
  g_autofree char *said = NULL;

  if (pread (fd, text, MAX_CONFIGURATION, 0) > 0)
    said = cli_adoptable_key (text, keys);
  if (said && g_str_has_prefix (said, "dir:"))
    return g_strdup (said + strlen ("dir:"));
  /* Of what is no directory the service says so, who reads the configuration. */
  return g_strdup (said && *said == '/' ? said : standard);
}

static gboolean
open_lxc (CliAdoptable *self, GError **error)
{
  g_autofree char *called = lxc_directory ();
  g_autofree char *directory = resolve (called);
  g_autofree char *path = g_build_filename (directory, self->name, "config", NULL);
  g_autofree char *usual = g_build_filename (called, self->name, "rootfs", NULL);
  g_autofree char *standard = g_build_filename (directory, self->name, "rootfs", NULL);
  g_autofree char *tree = NULL;
  int configuration;

  if (!open_if_there (path, O_RDONLY, &configuration, error))
    return FALSE;
  if (configuration < 0)
    return TRUE;
  tree = tree_of_lxc (configuration, standard);
  if (g_str_equal (tree, usual))
    tree = (g_free (tree), g_steal_pointer (&standard));
  if (add_fd (self, open_file (tree, O_RDONLY | O_DIRECTORY, error), error))
    return add_fd (self, configuration, error);
  close (configuration);
  return FALSE;
}

static gboolean
open_nspawn (CliAdoptable *self, GError **error)
{
  g_autofree char *called = machines_directory ();
  g_autofree char *directory = resolve (called);
  g_autofree char *tree = g_build_filename (directory, self->name, NULL);
  g_autofree char *beside = g_strconcat (tree, ".nspawn", NULL);
  g_autofree char *file = g_strconcat (self->name, ".nspawn", NULL);
  g_autofree char *settings =
      geteuid () == 0 ? g_build_filename ("/etc/systemd/nspawn", file, NULL)
                      : g_build_filename (g_get_user_config_dir (), "systemd", "nspawn", file, NULL);
  int fd;

  if (!open_if_there (tree, O_RDONLY | O_DIRECTORY, &fd, error))
    return FALSE;
  if (fd < 0)
    return TRUE;
  if (!add_fd (self, fd, error) || !open_if_there (settings, O_RDONLY, &fd, error))
    return FALSE;
  if (fd < 0 && !open_if_there (beside, O_RDONLY, &fd, error))
    return FALSE;
  return fd < 0 || add_fd (self, fd, error);
}

/* A name for a container like TEXT. */
static char *
suggest (const char *text)
{
  char *name = g_ascii_strdown (text, 63);
  char *end;

  g_strcanon (name, NAME_LETTERS "-", '-');
  while (*name == '-')
    memmove (name, name + 1, strlen (name));
  for (end = name + strlen (name); end > name && end[-1] == '-'; end--)
    end[-1] = '\0';
  return name;
}

/* The directory's own name; of LXC's rootfs that of the container. */
static char *
suggest_for_directory (const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autofree char *base = g_path_get_basename (whole);
  g_autofree char *above = g_path_get_dirname (whole);
  g_autofree char *above_base = g_path_get_basename (above);

  return suggest (g_str_equal (base, "rootfs") ? above_base : base);
}

gboolean
cli_adoptable_open (const char *word, gboolean roots, CliAdoptable *ret, GError **error)
{
  const char *colon = strchr (word, ':');
  gboolean is_path = *word == '/' || *word == '.';

  ret->fds = g_unix_fd_list_new ();
  ret->kind = is_path || !colon ? g_strdup ("dir") : g_strndup (word, (gsize)(colon - word));
  if (g_str_equal (ret->kind, "dir") && (is_path || colon)) {
    const char *path = is_path ? word : colon + 1;

    ret->name = g_strdup ("");
    ret->suggestion = suggest_for_directory (path);
    return add_fd (ret, open_file (path, O_RDONLY | O_DIRECTORY, error), error);
  }
  ret->name = g_strdup (colon ? colon + 1 : word);
  ret->suggestion = suggest (ret->name);
  if (*ret->name && !strchr (ret->name, '/') && *ret->name != '.') {
    /* Incus has a daemon, and its containers are root's. */
    if (g_str_equal (ret->kind, "incus"))
      return TRUE;
    if (roots && (g_str_equal (ret->kind, "lxc") || g_str_equal (ret->kind, "nspawn")))
      return TRUE;
    if (g_str_equal (ret->kind, "lxc"))
      return open_lxc (ret, error);
    if (g_str_equal (ret->kind, "nspawn"))
      return open_nspawn (ret, error);
  }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               _ ("\"%s\" is none of lxc:NAME, nspawn:NAME, incus:NAME and dir:DIRECTORY"), word);
  return FALSE;
}

/* ---- all of them ---- */

/* Whether LXC's monitor of it answers: its socket has this name. */
static gboolean
lxc_runs (const char *directory, const char *name)
{
  g_autofree char *path = g_strdup_printf ("%s/%s/command", directory, name);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gsize length = strlen (path);
  gboolean runs;
  int fd;

  if (length + 1 >= sizeof address.sun_path)
    return FALSE;
  memcpy (address.sun_path + 1, path, length);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  runs = fd >= 0 && connect (fd, (struct sockaddr *)&address,
                             (socklen_t)(offsetof (struct sockaddr_un, sun_path) + 1 + length)) == 0;
  if (fd >= 0)
    close (fd);
  return runs;
}

static void
add_from (GVariantBuilder *list, const char *kind, const char *directory, const char *has)
{
  g_autoptr (GDir) listing = g_dir_open (directory, 0, NULL);
  const char *name;

  while (listing && (name = g_dir_read_name (listing))) {
    g_autofree char *inside = g_build_filename (directory, name, has, NULL);
    gboolean runs;

    if (*name == '.' || !g_file_test (inside, G_FILE_TEST_EXISTS) || !g_utf8_validate (name, -1, NULL))
      continue;
    runs = g_str_equal (kind, "lxc") && lxc_runs (directory, name);
    g_variant_builder_add (list, "(ssss)", kind, name, runs ? "running" : "stopped", directory);
  }
}

void
cli_adoptables_add_own (GVariantBuilder *list)
{
  g_autofree char *lxc = lxc_directory ();
  g_autofree char *machines = machines_directory ();

  add_from (list, "lxc", lxc, "config");
  add_from (list, "nspawn", machines, "usr");
}
