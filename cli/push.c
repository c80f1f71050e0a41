/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images to registries: bothy push. The service writes the image into a pipe, and bothy-push, a program that runs as who typed
 * this, sends it: so the registry meets that person's network, proxy, certificates and password, and no process that works for
 * others as well.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "error.h"
#include "escape.h"
#include "login.h"
#include "operation.h"
#include "output.h"
#include "signals.h"
#include "verbs.h"

#define DEFAULT_SECONDS 60
#define BLOCK           4096

/* The object that is sent. */
typedef struct {
  char *path;
  char *snapshot; /* of a container, or NULL */
  gboolean is_container;
} Source;

static void
source_clear (Source *self)
{
  g_free (self->path);
  g_free (self->snapshot);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Source, source_clear)

/* bothy-push, and what it says. */
typedef struct {
  Cli *cli;
  const char *title;
  GPid child;
  int archive; /* what it reads, or -1 */
  int words;   /* what it says */
  GString *line;
  GMainLoop *loop;
  gboolean is_ready;
  gboolean drawn;
  char *digest; /* at the end, if it worked */
  guint64 size;
  char *error; /* else, what it said */
} Pusher;

/* ---- which object ---- */

static gboolean
is_missing (const GError *error, const char *name)
{
  return cli_error_is (error, name) || cli_error_is (error, "InvalidArgs");
}

/* What NAME means, unless KIND says so. What goes out of the machine is not guessed. */
static gboolean
find_source (
    Cli *cli, const char *name, gboolean container_only, gboolean image_only, Source *ret, GError **error)
{
  g_autoptr (GError) of_image = NULL;
  g_autoptr (GError) of_container = NULL;
  g_autofree char *image = container_only ? NULL : cli_find_image (cli, name, &of_image);
  g_autofree char *container = NULL;

  if (!image && of_image && (image_only || !is_missing (of_image, "NoSuchImage"))) {
    g_propagate_error (error, g_steal_pointer (&of_image));
    return FALSE;
  }
  /* An image's name with a slash is as most that came from a registry; a container's would be somebody else's, or a snapshot. */
  if (!image_only && !(image && strchr (name, '/')))
    container = cli_find_files (cli, name, &ret->snapshot, &of_container);
  if (image && container) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 _ ("There is an image %s and a container %s: --image or --container says which"), name,
                 name);
    return FALSE;
  }
  ret->is_container = container != NULL;
  ret->path = container ? g_steal_pointer (&container) : g_steal_pointer (&image);
  if (ret->path)
    return TRUE;
  if (container_only || !is_missing (of_container, "NoSuchContainer"))
    g_propagate_error (error, g_steal_pointer (&of_container));
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("There is neither an image nor a container %s"),
                 name);
  return FALSE;
}

/* ---- the program ---- */

/* Runs in the child. It clears up before it ends. */
static void
end_with_parent (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static gboolean
start (Pusher *self, const CliDestination *to, int seconds, GError **error)
{
  g_autofree char *timeout = g_strdup_printf ("%d", seconds);
  /* It has the descriptor as this number. */
  const char *argv[] = { LIBEXEC_DIR "/bothy-push",      to->url, to->repository, to->tag, timeout,
                         to->login_fd >= 0 ? "3" : NULL, NULL };
  const int login_fd = to->login_fd, login_number = 3;
  int archive[2], words[2];
  gboolean ok;

  if (!g_unix_open_pipe (archive, FD_CLOEXEC, error))
    return FALSE;
  if (!g_unix_open_pipe (words, FD_CLOEXEC, error)) {
    close (archive[0]);
    close (archive[1]);
    return FALSE;
  }
  ok = g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, end_with_parent, NULL,
                                         archive[0], words[1], -1, &login_fd, &login_number,
                                         login_fd >= 0 ? 1 : 0, &self->child, NULL, NULL, NULL, error);
  close (archive[0]);
  close (words[1]);
  self->archive = archive[1];
  self->words = words[0];
  return ok;
}

static void
close_archive (Pusher *self)
{
  if (self->archive >= 0)
    close (self->archive);
  self->archive = -1;
}

static void
stop (Pusher *self)
{
  close_archive (self);
  if (self->child > 0)
    kill (self->child, SIGTERM);
}

static void
draw (Pusher *self, guint64 sent, guint64 all)
{
  g_autofree char *done = g_format_size (sent);
  g_autofree char *whole = g_format_size (all);
  g_autofree char *line = NULL;
  g_autofree char *cut = NULL;

  if (self->cli->quiet || !isatty (STDERR_FILENO) || all == 0)
    return;
  line = g_strdup_printf ("%s: %3d %%  %s / %s", self->title, (int)(100 * sent / all), done, whole);
  cut = cli_cut (line, cli_terminal_columns (STDERR_FILENO) - 1);
  fprintf (stderr, "\r%s\033[K", cut);
  fflush (stderr);
  self->drawn = TRUE;
}

static void
take_line (Pusher *self, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 4);
  guint n = g_strv_length (words);

  if (g_str_has_prefix (line, "error "))
    self->error = (g_free (self->error), g_strdup (line + strlen ("error ")));
  else if (n == 1 && g_str_equal (words[0], "ready"))
    self->is_ready = TRUE;
  else if (n == 3 && g_str_equal (words[0], "progress"))
    draw (self, g_ascii_strtoull (words[1], NULL, 10), g_ascii_strtoull (words[2], NULL, 10));
  else if (n == 3 && g_str_equal (words[0], "done")) {
    self->digest = (g_free (self->digest), g_strdup (words[1]));
    self->size = g_ascii_strtoull (words[2], NULL, 10);
  }
}

/* It says something, or ended. */
static gboolean
on_words (int fd, GIOCondition condition, gpointer data)
{
  Pusher *self = data;
  char block[BLOCK];
  gssize n = read (fd, block, sizeof block);
  char *end;

  if (n < 0 && errno == EINTR)
    return G_SOURCE_CONTINUE;
  if (n <= 0) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_REMOVE;
  }
  g_string_append_len (self->line, block, n);
  while ((end = memchr (self->line->str, '\n', self->line->len))) {
    g_autofree char *line = g_strndup (self->line->str, (gsize)(end - self->line->str));

    g_string_erase (self->line, 0, end - self->line->str + 1);
    take_line (self, line);
  }
  if (self->is_ready && self->archive >= 0)
    g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

static void
on_interrupt (int number, gpointer data)
{
  stop (data);
}

/* Until it is ready for the archive, or, when that was closed, until it ended. */
static void
listen_to (Pusher *self)
{
  static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP, 0 };
  guint source = g_unix_fd_add (self->words, G_IO_IN | G_IO_HUP | G_IO_ERR, on_words, self);

  cli_signals_catch (interrupts, on_interrupt, self);
  g_main_loop_run (self->loop);
  cli_signals_release ();
  /* At its end the source is gone already. */
  if (g_main_context_find_source_by_id (NULL, source))
    g_source_remove (source);
  if (self->drawn) {
    fputs ("\r\033[K", stderr);
    fflush (stderr);
  }
  self->drawn = FALSE;
}

/* ---- the image ---- */

static GVariant *
export_parameters (const Source *source)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (source->is_container) {
    cli_option_add (&options, "snapshot", source->snapshot);
    return g_variant_new ("(hsa{sv})", 0, "oci", &options);
  }
  cli_option_add (&options, "format", "oci");
  return g_variant_new ("(ha{sv})", 0, &options);
}

/* The service writes the image for it. */
static gboolean
feed (Pusher *self, const Source *source, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *operation = NULL;

  if (g_unix_fd_list_append (fds, self->archive, error) < 0)
    return FALSE;
  answer = cli_call (self->cli, source->path, source->is_container ? IFACE_CONTAINER : IFACE_IMAGE, "Export",
                     export_parameters (source), fds, NULL, error);
  close_archive (self);
  if (!answer)
    return FALSE;
  g_variant_get (answer, "(o)", &operation);
  return cli_operation_follow (self->cli, operation, self->title, NULL, error);
}

static gboolean
fail_push (const Pusher *self, const CliDestination *to, GError **error)
{
  const char *host = to->url + strcspn (to->url, ":") + strlen ("://");
  gboolean is_plain_here = g_str_has_prefix (to->url, "https://") && !to->is_known &&
                           (g_str_has_prefix (host, "localhost") || g_str_has_prefix (host, "127.0.0.1") ||
                            g_str_has_prefix (host, "[::1]"));
  g_autofree char *said =
      cli_escape (self->error ? self->error : _ ("The program that sends it was ended"), -1, CLI_ESCAPE_LINE);

  /* On this machine most registries speak without TLS, which has to be said. */
  if (is_plain_here)
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_FAILED,
        _ ("%s; if it speaks HTTP without TLS, an administrator makes it known with \"bothy remote add NAME "
           "http://%s --protocol oci\""),
        said, host);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", said);
  return FALSE;
}

/* When the service says no more than that nobody read on, then why is known here. */
static gboolean
send_source (Pusher *self, const Source *source, const CliDestination *to, GError **error)
{
  g_autoptr (GError) fed = NULL;

  listen_to (self);
  if (!self->is_ready)
    return fail_push (self, to, error);
  if (!feed (self, source, &fed) && !cli_error_is (fed, "Busy")) {
    stop (self);
    listen_to (self);
    g_propagate_error (error, g_steal_pointer (&fed));
    return FALSE;
  }
  listen_to (self);
  return self->digest || fail_push (self, to, error);
}

static gboolean
push (
    Cli *cli, const Source *source, const CliDestination *to, int seconds, const char *title, GError **error)
{
  Pusher self = { .cli = cli, .title = title, .archive = -1, .words = -1 };
  gboolean ok;

  self.line = g_string_new (NULL);
  self.loop = g_main_loop_new (NULL, FALSE);
  ok = start (&self, to, seconds, error) && send_source (&self, source, to, error);
  close_archive (&self);
  if (self.words >= 0)
    close (self.words);
  while (self.child > 0 && waitpid (self.child, NULL, 0) < 0 && errno == EINTR)
    ;
  if (ok && cli->json) {
    g_autofree char *name = g_strdup_printf ("%s/%s:%s", to->host, to->repository, to->tag);

    cli_json_print_object (g_variant_new_parsed ("{'reference': <%s>, 'digest': <%s>, 'size': <%t>}", name,
                                                 self.digest, self.size));
  } else if (ok)
    printf ("%s/%s@%s\n", to->host, to->repository, self.digest);
  g_main_loop_unref (self.loop);
  g_string_free (self.line, TRUE);
  g_free (self.digest);
  g_free (self.error);
  return ok;
}

/* The verb, of an image, of a container, or, with both, of whatever has the name. */
static int
run (Cli *cli, const GOptionEntry *entries, char **words, gboolean *container, gboolean *image, int *seconds)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_auto (Source) source = { 0 };
  g_auto (CliDestination) to = { .login_fd = -1 };
  g_autofree char *title = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 2)
    return cli_usage (cli, "%s",
                      _ ("An image or a container is needed, and where it goes: HOST[:PORT]/NAME[:TAG]"));
  if (*container && *image)
    return cli_usage (cli, "%s", _ ("It is --container or --image"));
  if (*seconds < 1 || *seconds > 3600)
    return cli_usage (cli, "%s", _ ("--timeout takes 1 to 3600"));
  title = g_strdup_printf (_ ("Sending %s"), names[0]);
  if (!cli_connect (cli, &error) || !cli_destination_find (cli, names[1], &to, &error) ||
      !find_source (cli, names[0], *container, *image, &source, &error) ||
      !push (cli, &source, &to, *seconds, title, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

#define TIMEOUT_ENTRY(seconds)                                                                               \
  { "timeout",     0, 0, G_OPTION_ARG_INT, (seconds), N_ ("Give up after so long without an answer"),        \
    N_ ("SECONDS") }

int
cli_push (Cli *cli, char **words)
{
  gboolean container = FALSE, image = FALSE;
  int seconds = DEFAULT_SECONDS;
  const GOptionEntry entries[] = {
    { "container", 0, 0, G_OPTION_ARG_NONE, &container, N_ ("The name is a container's"), NULL },
    { "image", 0, 0, G_OPTION_ARG_NONE, &image, N_ ("The name is an image's"), NULL },
    TIMEOUT_ENTRY (&seconds),
    { NULL },
  };

  return run (cli, entries, words, &container, &image, &seconds);
}

int
cli_image_push (Cli *cli, char **words)
{
  gboolean container = FALSE, image = TRUE;
  int seconds = DEFAULT_SECONDS;
  const GOptionEntry entries[] = { TIMEOUT_ENTRY (&seconds), { NULL } };

  return run (cli, entries, words, &container, &image, &seconds);
}
