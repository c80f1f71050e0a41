/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include <glib/gi18n.h>

#include "bootstrap.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define WORD   LOWER DIGITS "-."
/* As apt names packages: with an architecture, a version or a suite as well. */
#define PACKAGE LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "+-.:=~/_"

void
cli_bootstrap_clear (CliBootstrap *self)
{
  g_free (self->distribution);
  g_free (self->variant);
  g_strfreev (self->packages);
  g_strfreev (self->mirrors);
}

/* ---- words ---- */

static gboolean
is_made_of (const char *text, const char *characters)
{
  return *text != '\0' && strchr ("-.", *text) == NULL && strspn (text, characters) == strlen (text);
}

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_propagate_error (error, g_error_new_valist (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, arguments));
  va_end (arguments);
  return FALSE;
}

static gboolean
check_packages (char **lists, GError **error)
{
  for (char **list = lists; list && *list; list++) {
    g_auto (GStrv) names = g_strsplit (*list, ",", -1);

    for (char **name = names; *name; name++)
      if (!is_made_of (*name, PACKAGE))
        return refuse (error, _ ("\"%s\" is not the name of a package"), *name);
  }
  return TRUE;
}

static gboolean
check_mirrors (char **mirrors, GError **error)
{
  for (char **mirror = mirrors; mirror && *mirror; mirror++)
    if (!g_str_has_prefix (*mirror, "deb ") && !strstr (*mirror, ":/"))
      return refuse (error, _ ("\"%s\" is neither a URL nor a line of sources.list(5)"), *mirror);
  return TRUE;
}

gboolean
cli_bootstrap_check (const CliBootstrap *self, GError **error)
{
  g_auto (GStrv) words = g_strsplit (self->distribution, ":", -1);

  if (g_strv_length (words) != 2 || !is_made_of (words[0], WORD) || !is_made_of (words[1], WORD))
    return refuse (error, _ ("\"%s\" is not of the form DISTRIBUTION:SUITE, such as debian:trixie"),
                   self->distribution);
  if (!g_str_equal (words[0], "debian") && self->mirrors == NULL)
    return refuse (error, _ ("Where to get %s from has to be said with --mirror"), words[0]);
  if (self->variant && !is_made_of (self->variant, WORD))
    return refuse (error, _ ("\"%s\" is not a variant of mmdebstrap's"), self->variant);
  return check_packages (self->packages, error) && check_mirrors (self->mirrors, error);
}

char *
cli_bootstrap_alias (const CliBootstrap *self)
{
  return g_strdelimit (g_strdup (self->distribution), ":", '/');
}

/* ---- this machine's apt ---- */

static char **
lines_of (const char *const *command)
{
  g_autofree char *output = NULL;
  int status = 0;

  if (!g_spawn_sync (NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                     NULL, &output, NULL, &status, NULL) ||
      status != 0)
    return g_new0 (char *, 1);
  return g_strsplit (output, "\n", -1);
}

/* The line of LINES, ORIGIN|SUITE|URL, that is for SUITE, or else the first of Debian's; only its URL. */
static char *
choose_mirror (char **lines, const char *suite)
{
  char *first = NULL;

  for (char **line = lines; *line; line++) {
    g_auto (GStrv) fields = g_strsplit (*line, "|", 3);
    /* Before the first update apt does not know whose they are. */
    if (g_strv_length (fields) != 3 ||
        (!g_str_equal (fields[0], "Debian") && !g_str_equal (fields[0], "$(ORIGIN)")))
      continue;
    if (g_str_equal (fields[1], suite)) {
      g_free (first);
      return g_strdup (fields[2]);
    }
    if (first == NULL)
      first = g_strdup (fields[2]);
  }
  return first;
}

/* NULL: apt has no sources, and mmdebstrap one of its own. */
static char *
find_mirror (const char *suite)
{
  static const char *const format = "$(ORIGIN)|$(RELEASE)|$(REPO_URI)";
  const char *const known[] = { "apt-get", "indextargets", "--format", format, "Created-By: Packages", NULL };
  const char *const configured[] = { "apt-get",  "indextargets", "--no-release-info",
                                     "--format", format,         "Created-By: Packages",
                                     NULL };
  g_auto (GStrv) lines = lines_of (known);
  g_auto (GStrv) others = *lines && **lines ? NULL : lines_of (configured);

  return choose_mirror (others ? others : lines, suite);
}

/* Proxies, and what a mirror of another day needs. */
static void
add_apt_options (GStrvBuilder *builder)
{
  static const char *const command[] = { "apt-config", "dump", "--format", "%F \"%v\"%n", "Acquire", NULL };
  static const char *const passed[] = { "Acquire::http::", "Acquire::https::", "Acquire::Check-", NULL };
  g_auto (GStrv) lines = lines_of (command);

  for (char **line = lines; *line; line++)
    for (gsize i = 0; passed[i]; i++)
      if (g_str_has_prefix (*line, passed[i]) && !g_str_has_suffix (*line, " \"\"")) {
        g_autofree char *option = g_strconcat ("--aptopt=", *line, NULL);

        g_strv_builder_add (builder, option);
      }
}

/* ---- */

static void
add_sources (GStrvBuilder *builder, const CliBootstrap *self, const char *suite)
{
  g_autofree char *mirror = self->mirrors ? NULL : find_mirror (suite);

  for (char **given = self->mirrors; given && *given; given++)
    g_strv_builder_add (builder, *given);
  if (mirror)
    g_strv_builder_add (builder, mirror);
}

/*
 * The first process of its PID namespace: when it ends, nothing of the build goes on. What mmdebstrap writes
 * lies in one directory, locked as long as it is in use; so what is not locked is of a build that was killed.
 * Its standard input says only one thing, by its end: that nobody waits for the image any more.
 */
static const char *const script =
    /* A terminal tells it too; it has to outlive that, to tidy up. */
    "trap : INT TERM HUP\n"
    "for old in /var/tmp/bothy-build.*; do\n"
    "  [ ! -O \"$old\" ] || [ -L \"$old\" ] || flock --nonblock \"$old\" rm -rf --one-file-system \"$old\" "
    "|| :\n"
    "done\n"
    "begin() {\n"
    "  work=$(mktemp -d /var/tmp/bothy-build.XXXXXX) || exit 1\n"
    "  command exec 9<\"$work\" && flock --nonblock 9 && [ -d \"$work\" ]\n"
    "}\n"
    "until begin; do :; done\n"
    /* For apt's own user. */
    "chmod 755 \"$work\"\n"
    "exec 3<&0\n"
    "TMPDIR=$work unshare --mount \"$@\" </dev/null 3<&- 9<&- &\n"
    "builder=$!\n"
    "{ cat <&3 >/dev/null; kill -s KILL \"$builder\"; } 9<&- &\n"
    "status=0\n"
    "wait \"$builder\" || status=$?\n"
    "kill -s KILL -- -1 || :\n"
    "rm -rf --one-file-system \"$work\" || { sleep 1; rm -rf --one-file-system \"$work\"; }\n"
    "exit \"$status\"\n";

/* dpkg writes out each file before it goes on, which takes as long as all the rest; what is made here is lost anyway if the machine
   stops. The image is not to have that. */
#define DPKG_CONFIGURATION "\"$1\"/etc/dpkg/dpkg.cfg.d"
static const char *const hurry = "--setup-hook=mkdir -p " DPKG_CONFIGURATION
                                 " && echo force-unsafe-io >" DPKG_CONFIGURATION "/bothy-build";
static const char *const calm_down = "--customize-hook=rm " DPKG_CONFIGURATION "/bothy-build";

char **
cli_bootstrap_command (const CliBootstrap *self, GError **error)
{
  /* Namespaces that mounting needs; the network stays. */
  const char *const begin[] = { "unshare",     "--mount",      "--pid", "--mount-proc", "--",
                                "sh",          "-euc",         script,  "sh",           "mmdebstrap",
                                "--mode=root", "--format=tar", NULL };
  g_autofree char *mmdebstrap = g_find_program_in_path ("mmdebstrap");
  g_autofree char *own = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *variant = g_strconcat ("--variant=", self->variant ? self->variant : "minbase", NULL);
  g_autofree char *include = self->packages ? g_strjoinv (",", self->packages) : NULL;
  g_autofree char *packages = g_strconcat ("--include=", include ? include : "", NULL);
  const char *suite = strchr (self->distribution, ':') + 1;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (mmdebstrap == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("mmdebstrap is not installed, which builds the image: install the package mmdebstrap"));
    return NULL;
  }
  g_strv_builder_add (builder, own ? own : "bothy");
  g_strv_builder_addv (builder, (const char **)begin);
  g_strv_builder_add (builder, variant);
  if (include)
    g_strv_builder_add (builder, packages);
  if (self->quiet)
    g_strv_builder_add (builder, "--quiet");
  add_apt_options (builder);
  g_strv_builder_add (builder, hurry);
  g_strv_builder_add (builder, calm_down);
  g_strv_builder_add (builder, suite);
  g_strv_builder_add (builder, "-");
  add_sources (builder, self, suite);
  return g_strv_builder_end (builder);
}
