/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files between here and containers: bothy cp, file push, file pull, file edit. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib/gstdio.h>

#include "archiver.h"
#include "error.h"
#include "operation.h"
#include "verbs.h"

/* One side of a copy. */
typedef struct {
  char *container; /* NULL: it is here */
  char *path;      /* inside an absolute one; "-" here is a standard stream */
} Place;

static void
place_clear (Place *place)
{
  g_free (place->container);
  g_free (place->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

typedef struct {
  gboolean recursive; /* as it always is: cp(1)'s users write it */
  char *mode;
  int uid, gid;
} How;

static void
how_clear (How *how)
{
  g_free (how->mode);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (How, how_clear)

/* ---- places ---- */

/* NAME:PATH is in a container, as docker has it; what has a slash before its first colon is here, and all else. */
static void
parse_place (const char *word, Place *ret)
{
  const char *colon = strchr (word, ':');
  const char *name_end = colon ? colon : word;
  const char *name = memrchr (word, '/', (gsize)(name_end - word));
  g_autofree char *given = g_strndup (name ? name + 1 : word, (gsize)(name_end - (name ? name + 1 : word)));
  gboolean relative = word[0] == '.' || word[0] == '/';

  if (colon == NULL || relative || !cli_name_ok (given)) {
    ret->path = g_strdup (word);
    return;
  }
  ret->container = g_strndup (word, (gsize)(colon - word));
  ret->path = g_strconcat (colon[1] == '/' ? "" : "/", colon + 1, NULL);
}

/* The last part of PATH, which is there if it is here: also of ".", and of what ends with a slash. */
static char *
last_part (const Place *place)
{
  g_autofree char *base = g_path_get_basename (place->path);
  g_autofree char *whole = NULL;

  if (g_str_equal (place->path, "-"))
    return g_strdup ("stdin");
  if (place->container || (!g_str_equal (base, ".") && !g_str_equal (base, "..")))
    return g_steal_pointer (&base);
  whole = realpath (place->path, NULL);
  return g_path_get_basename (whole ? whole : place->path);
}

/* ---- the service's end ---- */

/* METHOD of the container of PLACE, with FD as the archive. (transfer full): the operation; NULL with an error. */
static char *
begin (Cli *cli, const Place *place, const char *method, int fd, GError **error)
{
  g_autofree char *container = cli_find_container (cli, place->container, error);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder options;
  char *operation = NULL;
  gboolean is_text = g_utf8_validate (place->path, -1, NULL);

  if (container == NULL || g_unix_fd_list_append (fds, fd, error) < 0)
    return NULL;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (!is_text)
    g_variant_builder_add (&options, "{sv}", "path", g_variant_new_bytestring (place->path));
  answer = cli_call (cli, container, IFACE_CONTAINER, method,
                     g_variant_new ("(sha{sv})", is_text ? place->path : "", 0, &options), fds, NULL, error);
  if (answer)
    g_variant_get (answer, "(o)", &operation);
  return operation;
}

/* From begin() to the end; ARCHIVER's end is then the service's only. */
static gboolean
run (Cli *cli, const Place *place, const char *method, CliArchiver *archiver, GError **error)
{
  gboolean from = g_str_equal (method, "CopyFrom");
  g_autofree char *title =
      g_strdup_printf (from ? _ ("Copying from %s") : _ ("Copying to %s"), place->container);
  g_autofree char *operation = begin (cli, place, method, archiver->fd, error);

  cli_archiver_end (archiver);
  return operation && cli_operation_follow (cli, operation, title, NULL, error);
}

/* ---- the three ways: FALSE without an error is that it was said ---- */

static gboolean
push (Cli *cli, const Place *from, const Place *to, const How *how, GError **error)
{
  g_autofree char *name = last_part (from);
  const CliArchiverNames names = { name, how->mode ? (int)strtol (how->mode, NULL, 8) : -1, (guint)how->uid,
                                   (guint)how->gid };
  CliArchiver archiver = { -1, 0 };
  gboolean ok =
      cli_archiver_send (&archiver, from->path, &names, error) && run (cli, to, "CopyTo", &archiver, error);

  /* What could not be read ended the archive, and the service tells no more than that. */
  if (!ok && !cli_error_is (error ? *error : NULL, "BadArchive"))
    cli_archiver_stop (&archiver);
  if (!cli_archiver_close (&archiver))
    return g_clear_error (error), FALSE;
  return ok;
}

/* Begins to write into TARGET, which is neither a file nor a directory: a terminal, a pipe, /dev/null. */
static gboolean
begin_writing (CliArchiver *archiver, const char *target, GError **error)
{
  int fd = g_open (target, O_WRONLY | O_CLOEXEC | O_NOCTTY, 0);
  gboolean ok;

  if (fd < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", target, g_strerror (errno));
    return FALSE;
  }
  ok = cli_archiver_print (archiver, fd, error);
  close (fd);
  return ok;
}

/* Begins to take in what FROM is: into a directory that is there, or as a new name in the one above. */
static gboolean
begin_receiving (CliArchiver *archiver, const Place *from, const char *target, GError **error)
{
  gboolean is_root = strspn (from->path, "/") == strlen (from->path);
  g_autofree char *first = is_root ? g_strdup (".") : last_part (from);
  g_autofree char *above = g_path_get_dirname (target);
  g_autofree char *name = g_path_get_basename (target);

  if (g_str_equal (target, "-"))
    return cli_archiver_print (archiver, -1, error);
  if (g_file_test (target, G_FILE_TEST_IS_DIR))
    return cli_archiver_receive (archiver, target, first, NULL, error);
  if (g_file_test (target, G_FILE_TEST_EXISTS) && !g_file_test (target, G_FILE_TEST_IS_REGULAR))
    return begin_writing (archiver, target, error);
  if (g_file_test (above, G_FILE_TEST_IS_DIR) && !g_str_has_suffix (target, "/"))
    return cli_archiver_receive (archiver, above, first, name, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY, _ ("%s: there is no such directory"),
               g_str_has_suffix (target, "/") ? target : above);
  return FALSE;
}

static gboolean
pull (Cli *cli, const Place *from, const Place *to, GError **error)
{
  CliArchiver archiver = { -1, 0 };
  gboolean ok =
      begin_receiving (&archiver, from, to->path, error) && run (cli, from, "CopyFrom", &archiver, error);

  /* The service saw nothing but that nobody reads any more; else an archive that it ended is its to explain. */
  if (!ok && !cli_error_is (error ? *error : NULL, "Busy"))
    cli_archiver_stop (&archiver);
  if (!cli_archiver_close (&archiver) && (ok || cli_error_is (error ? *error : NULL, "Busy")))
    return g_clear_error (error), FALSE;
  return ok;
}

/* Both of them are inside. Not by a pipe: each side has its turn, and who has all of a user's would wait for one more. */
static gboolean
pass (Cli *cli, const Place *from, const Place *to, GError **error)
{
  CliArchiver kept = { -1, 0 };
  g_autofree char *name = NULL;
  gboolean ok;
  int fd = g_file_open_tmp ("bothy-XXXXXX", &name, error);

  if (fd < 0)
    return FALSE;
  g_unlink (name);
  kept.fd = dup (fd);
  ok = run (cli, from, "CopyFrom", &kept, error);
  if (ok && lseek (fd, 0, SEEK_SET) == 0) {
    kept.fd = dup (fd);
    ok = run (cli, to, "CopyTo", &kept, error);
  }
  cli_archiver_end (&kept);
  close (fd);
  return ok;
}

/* ---- editing ---- */

/* What a file is beside its content. */
typedef struct {
  guint mode, uid, gid;
} Attributes;

static gboolean
read_attributes (Cli *cli, const Place *from, Attributes *ret, GError **error)
{
  CliArchiver archiver = { -1, 0 };
  char text[64] = "";
  int ends[2];
  gboolean ok;

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  ok = cli_archiver_attributes (&archiver, ends[1], error) && run (cli, from, "CopyFrom", &archiver, error);
  close (ends[1]);
  if (!cli_archiver_close (&archiver))
    ok = (g_clear_error (error), FALSE);
  if (ok && (read (ends[0], text, sizeof text - 1) <= 0 ||
             sscanf (text, "%o %u %u", &ret->mode, &ret->uid, &ret->gid) != 3))
    ok =
        (g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _ ("%s: its mode could not be read"), from->path),
         FALSE);
  close (ends[0]);
  return ok;
}

/* The person's, as git and systemctl look for it. */
static gboolean
run_editor (const char *file, GError **error)
{
  const char *editor = g_getenv ("VISUAL") ? g_getenv ("VISUAL") : g_getenv ("EDITOR");
  g_autofree char *quoted = g_shell_quote (file);
  g_autofree char *line = g_strconcat (editor && *editor ? editor : "editor", " ", quoted, NULL);
  g_auto (GStrv) argv = NULL;
  int status;

  return g_shell_parse_argv (line, NULL, &argv, error) &&
         g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL,
                       NULL, &status, error) &&
         g_spawn_check_wait_status (status, error);
}

/* FILE here is that of FROM: edited, and put back if that changed it. *RET_KEPT: it could not be put back. */
static gboolean
edit_copy (Cli *cli,
           const Place *from,
           const char *file,
           const Attributes *attributes,
           gboolean *ret_kept,
           GError **error)
{
  g_autofree char *mode = g_strdup_printf ("%o", attributes->mode);
  const How how = { .mode = mode, .uid = (int)attributes->uid, .gid = (int)attributes->gid };
  const Place here = { .path = (char *)file };
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize size_before, size_after;

  if (!g_file_get_contents (file, &before, &size_before, error) || !run_editor (file, error) ||
      !g_file_get_contents (file, &after, &size_after, error))
    return FALSE;
  if (size_before == size_after && memcmp (before, after, size_before) == 0) {
    if (!cli->quiet)
      g_printerr ("%s\n", _ ("Nothing was changed."));
    return TRUE;
  }
  if (push (cli, &here, from, &how, error))
    return TRUE;
  *ret_kept = TRUE;
  g_printerr (_ ("bothy: What you wrote is still in %s\n"), file);
  return FALSE;
}

static gboolean
edit (Cli *cli, const Place *from, GError **error)
{
  g_autofree char *directory = g_dir_make_tmp ("bothy-XXXXXX", error);
  g_autofree char *name = last_part (from);
  g_autofree char *file = directory ? g_build_filename (directory, name, NULL) : NULL;
  const Place here = { .path = file };
  Attributes attributes;
  gboolean kept = FALSE;
  gboolean ok;

  if (directory == NULL)
    return FALSE;
  ok = read_attributes (cli, from, &attributes, error) && pull (cli, from, &here, error);
  ok = ok && edit_copy (cli, from, file, &attributes, &kept, error);
  if (!kept)
    g_unlink (file);
  g_rmdir (directory);
  return ok;
}

int
cli_file_edit (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_auto (Place) from = { 0 };

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) == 1)
    parse_place (rest[0], &from);
  if (from.container == NULL)
    return cli_usage (cli, "%s", _ ("One file is needed: NAME:PATH"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (edit (cli, &from, &error))
    return CLI_EXIT_OK;
  return error ? cli_fail (error) : CLI_EXIT_FAILED;
}

/* ---- the verbs ---- */

static gboolean
copy (Cli *cli, const Place *from, const Place *to, const How *how, GError **error)
{
  if (from->container && to->container)
    return pass (cli, from, to, error);
  return from->container ? pull (cli, from, to, error) : push (cli, from, to, how, error);
}

/* TEXT is taken over. */
static char *
with_slash (char *text)
{
  g_autofree char *owned = text;

  return g_strconcat (owned, "/", NULL);
}

/* Of several what they go to is a directory. */
static int
copy_all (Cli *cli, char **words, const How *how)
{
  guint n = g_strv_length (words);
  g_auto (Place) to = { 0 };

  parse_place (words[n - 1], &to);
  if (n > 2 && !g_str_has_suffix (to.path, "/"))
    to.path = with_slash (to.path);
  for (guint i = 0; i + 1 < n; i++) {
    g_autoptr (GError) error = NULL;
    g_auto (Place) from = { 0 };

    parse_place (words[i], &from);
    if (!copy (cli, &from, &to, how, &error))
      return error ? cli_fail (error) : CLI_EXIT_FAILED;
  }
  return CLI_EXIT_OK;
}

/* Whether each of WORDS but the last is INSIDE, or the last of them is. */
static gboolean
are_places (char **words, gboolean sources, gboolean inside)
{
  for (guint i = 0; words[i]; i++) {
    g_auto (Place) place = { 0 };

    parse_place (words[i], &place);
    if ((words[i + 1] != NULL) == sources && (place.container != NULL) != inside)
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_owner_ok (Cli *cli, const How *how)
{
  char *end = NULL;

  if (how->mode && (strtoul (how->mode, &end, 8) > 07777 || *end != '\0' || *how->mode == '\0')) {
    cli_usage (cli, "%s", _ ("--mode takes an octal number, such as 0644"));
    return FALSE;
  }
  if (how->uid >= 0 && how->uid <= G_MAXUINT16 && how->gid >= 0 && how->gid <= G_MAXUINT16)
    return TRUE;
  cli_usage (cli, "%s", _ ("Ids inside go from 0 to 65535"));
  return FALSE;
}

typedef struct {
  gboolean push, pull; /* what it can do */
  const char *usage;
} Way;

static int
run_verb (Cli *cli, char **words, const Way *way)
{
  g_auto (How) how = { 0 };
  const GOptionEntry entries[] = {
    { "recursive", 'r', 0, G_OPTION_ARG_NONE, &how.recursive,
      N_ ("Directories with all that is in them, as they are without it"), NULL },
    { "mode", 0, 0, G_OPTION_ARG_FILENAME, &how.mode, N_ ("Permissions of the file inside"), N_ ("MODE") },
    { "uid", 0, 0, G_OPTION_ARG_INT, &how.uid, N_ ("Who owns it inside (0)"), N_ ("UID") },
    { "gid", 0, 0, G_OPTION_ARG_INT, &how.gid, N_ ("And which group (0)"), N_ ("GID") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  gboolean pushes, pulls;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !is_owner_ok (cli, &how))
    return CLI_EXIT_USAGE;
  pushes = are_places (rest, FALSE, TRUE);
  pulls = are_places (rest, TRUE, TRUE);
  if (g_strv_length (rest) < 2 || (!pushes && !pulls) || (pushes && !way->push) || (pulls && !way->pull))
    return cli_usage (cli, "%s", _ (way->usage));
  if (!(pushes && !pulls) && (how.mode || how.uid || how.gid))
    return cli_usage (cli, "%s", _ ("--mode, --uid and --gid are for files from here"));
  if (cli->host && !g_str_equal (rest[pushes ? 0 : g_strv_length (rest) - 1], "-"))
    return cli_usage (cli, "%s",
                      _ ("With --host files go through standard input and output: give - for what is here"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  return copy_all (cli, rest, &how);
}

int
cli_cp (Cli *cli, char **words)
{
  static const Way way = { TRUE, TRUE,
                           N_ ("Files and where they go are needed; NAME:PATH is in a container") };

  return run_verb (cli, words, &way);
}

int
cli_file_push (Cli *cli, char **words)
{
  static const Way way = { TRUE, FALSE, N_ ("Files here and NAME:PATH are needed") };

  return run_verb (cli, words, &way);
}

int
cli_file_pull (Cli *cli, char **words)
{
  static const Way way = { FALSE, TRUE,
                           N_ ("NAME:PATH and where it goes here are needed, or - for standard output") };

  return run_verb (cli, words, &way);
}
